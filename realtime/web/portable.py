"""WebSockets where nobody can hand the socket over, such as threads: a session's reader and its writer, both blocking.

``flask run`` and the gevent server lend the bare socket, on which frames are read by this project's own parser.
simple-websocket looks at a frame's size only when all of it is there, cuts what a slow client does not take at once,
and spends a third thread; gevent-websocket takes anything. They are used where there is no bare socket. Upgrades from
polling are probed here, also where the socket is handed over afterwards.
This file may not know rooms.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from engineio import packet as eio_packet
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from engineio.exceptions import EngineIOError

from ..serve.handshake import switching
from ..wire import websocket as wire
from .packets import BadPacket, framed, read

_READ: Final = 64 * 1024
_LINGER_SECONDS: Final = 2.0
_UPGRADE_SECONDS: Final = 10.0
"""How long a client may take to change from polling to a WebSocket, once it has opened one."""
_POLL_SECONDS: Final = 1.0
"""How long the poll that waited meanwhile may take to be answered."""


class BlockingWebSocket:
    """One WebSocket on a blocking socket. One task reads it, any may write.

    Args:
        sock: connected. Its handshake is answered, or is going to be with ``send_frames``.
        parser: of what the client sends.
        refuse: counts what breaks a rule.
        ahead: what was read from it already.
    """

    def __init__(
        self, sock: socket.socket, *, parser: wire.Parser, refuse: Callable[[str], None], ahead: bytes = b""
    ) -> None:
        self._sock = sock
        self._parser = parser
        self._refuse = refuse
        self._received: deque[str | bytes] = deque()
        self._writing = threading.Lock()
        self._over = self._closing = False
        self._ahead = ahead
        sock.settimeout(None)

    def wait(self) -> str | bytes | None:
        """The next message, or ``None`` at the end."""
        while not self._received and not self._over:
            data = self._ahead or self._read()
            self._ahead = b""
            try:
                self._take(data) if data else self.end()
            except wire.WebSocketError as exc:
                self._refuse(exc.limit)
                self.close(exc.code, str(exc))
                self.end()
        return self._received.popleft() if self._received else None

    def wait_for(self, seconds: float | None) -> None:
        """From now on, reading waits at most so long, or for ever."""
        self._sock.settimeout(seconds)

    def give_up_after(self, seconds: float) -> None:
        """From now on, writing waits at most so long for a client that takes nothing."""
        whole = int(seconds)
        value = struct.pack("ll", whole, int((seconds - whole) * 1e6))
        with suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

    def send(self, message: str | bytes) -> None:
        """Write one message."""
        binary = isinstance(message, bytes)
        data = message if isinstance(message, bytes) else message.encode()
        self.send_frames(wire.frame(data, wire.BINARY if binary else wire.TEXT))

    def send_frames(self, data: bytes) -> None:
        """Write frames.

        Raises:
            OSError: the client is gone or takes nothing, or goodbye was said.
        """
        with self._writing:
            if self._closing:
                raise OSError("it is closed")
            self._sock.sendall(data)

    def close(self, code: int = wire.NORMAL, reason: str = "") -> None:
        """Say goodbye; the client may close the connection for a moment longer. Harmless when repeated."""
        with self._writing, suppress(OSError):
            if self._closing:
                return
            self._closing = True
            self._sock.sendall(wire.close_frame(code, reason))
            self._sock.shutdown(socket.SHUT_WR)
        self.abort_soon()

    def abort(self) -> None:
        """End it at once: whoever reads or writes comes back."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def abort_soon(self) -> None:
        """End it in a moment, also where a writer waits for a client that takes nothing."""
        last = threading.Timer(_LINGER_SECONDS, self.abort)
        last.daemon = True
        last.start()

    def end(self) -> None:
        """Read what still comes, so that the client can read why it is closed; ``close`` sees to it that this ends."""
        self._over = True
        while self._closing and self._read():
            pass

    def detach(self) -> tuple[int, wire.Parser, list[str | bytes]]:
        """Give it away: the descriptor, the parser with what is not whole yet, and what was not waited for."""
        return self._sock.detach(), self._parser, list(self._received)

    def _take(self, data: bytes) -> None:
        for opcode, message in self._parser.feed(data):
            if opcode == wire.CLOSE:
                self.close(wire.close_code(message))
                self._over = True
                return
            if opcode == wire.PING:
                with suppress(OSError):
                    self.send_frames(wire.frame(message, wire.PONG))
            elif opcode != wire.PONG:
                self._received.append(message.decode() if opcode == wire.TEXT else message)

    def _read(self) -> bytes:
        try:
            return self._sock.recv(_READ)
        except OSError:
            return b""


class ThreadedWebSockets:
    """What Engine.IO calls to answer a handshake: the parameters are those of its drivers."""

    def __init__(self, handler: Any, server: Any) -> None:
        self._handler = handler
        self._server = server

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer the handshake, and return when the session is over."""
        most = self._server.max_http_buffer_size
        sock = environ.get("werkzeug.socket") or environ.get("gunicorn.socket")
        if sock is None:
            return SimpleWebSocketWSGI(self._handler, self._server, max_message_size=most)(environ, start_response)
        sock.sendall(switching(environ["HTTP_SEC_WEBSOCKET_KEY"]))
        ws = BlockingWebSocket(sock, parser=self._server.parser(), refuse=self._server.refuse)
        ws.give_up_after(self._server.ping_interval + self._server.ping_timeout)
        self._handler(ws)
        # How each of these servers is told that there is nothing more to answer.
        raise ConnectionError if "werkzeug.socket" in environ else StopIteration


def probed(session: Any, ws: Any) -> bool:
    """Whether a client changes from polling to this WebSocket (Engine.IO protocol, "Upgrade").

    PING probe is answered with PONG probe, and with NOOP the poll that waits; then the client sends UPGRADE, perhaps
    before it has that NOOP. Until then polling goes on, and it goes on for good where the client sends anything else or
    takes too long.
    """
    wait_for = getattr(ws, "wait_for", lambda _seconds: None)
    wait_for(_UPGRADE_SECONDS)
    session.upgrading = True
    try:
        if ws.wait() != "2probe":
            return False
        ws.send(eio_packet.Packet(eio_packet.PONG, data="probe").encode())
        session.queue.put(eio_packet.Packet(eio_packet.NOOP))  # ends the poll that waits
        if ws.wait() != "5":
            return False
        # A poll that is still there would take what is for the WebSocket. The next one is ended at once.
        session.polls.wait_until_answered(_POLL_SECONDS)
        # Before it is no longer upgrading: no poll may come in between.
        session.upgraded = not session.closed
        wait_for(None)
    except OSError:
        return False
    finally:
        session.upgrading = False
    return bool(session.upgraded)


def converse(session: Any, ws: Any) -> None:
    """Serve a session on a WebSocket until it ends. It is connected, or upgraded."""
    server = session.server
    session.portable = ws
    writer = server.start_background_task(_write, session, ws)
    try:
        while not session.closed:
            data = ws.wait()
            if data is None:
                break
            if len(data) > server.max_http_buffer_size:
                raise BadPacket("the message is too large", limit="message_bytes")
            session.receive(read(bytes(data) if isinstance(data, bytearray) else data))
    except (BadPacket, EngineIOError) as exc:
        session.break_off(str(exc), limit=getattr(exc, "limit", "packets"))
    except Exception:
        server.logger.exception("reading a WebSocket failed")
    session.close(wait=False, abort=True, reason=server.reason.TRANSPORT_CLOSE)
    writer.join()
    if hasattr(ws, "end"):
        ws.end()


def _write(session: Any, ws: Any) -> None:
    """Write what is queued, what came together as one piece, until the session ends."""
    send_frames = getattr(ws, "send_frames", None)
    try:
        while packets := session.poll():
            # A NOOP ends a poll, and there is none here.
            packets = [one for one in packets if one.packet_type != eio_packet.NOOP]
            if send_frames is not None:
                send_frames(b"".join(map(framed, packets)))
                continue
            for one in packets:
                ws.send(one.encode())
    except (OSError, EngineIOError):
        session.server.logger.info("%s: the client is gone", session.sid)
    finally:
        with suppress(OSError):
            ws.close(*session.farewell) if send_frames is not None else ws.close()
