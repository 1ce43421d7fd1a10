"""Link: an Engine.IO WebSocket whose socket was handed over. Written directly, read when there is something to read.

An idle client holds no greenlet; one exists only while what the client said is being handled. What rooms get is taken
from the hub already framed, the same bytes for everybody; what is sent to this client alone goes behind it, in order.
Partial writes never interleave. This file knows frames and Engine.IO's socket object, but no event loop.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from ..errors import ConnectionClosed
from ..hub.connection import State
from ..hub.polling import Poller
from ..wire import websocket
from ..wire.websocket import Parser, WebSocketError
from .connection import SocketConnection
from .packets import BadPacket, RoomPacket, framed, read

_READ: Final = 16 * 1024
_MAX_WAITING: Final = 64
"""Messages of one client that may wait to be handled; past it nothing more is read from it."""
_LINGER_SECONDS: Final = 2.0


class Link:
    """One WebSocket.

    Args:
        socket: the Engine.IO socket that it belongs to.
        fd: the client's socket, not blocking. It is closed with the link.
        poller: watches it.
        parser: of what the client sends.
    """

    __slots__ = ("_broken", "_handling", "_inbox", "_out", "_parser", "_paused", "_socket", "blocked",
                 "closing", "connection", "fd", "poller")  # fmt: skip

    def __init__(self, *, socket: Any, fd: int, poller: Poller, parser: Parser) -> None:
        self.fd = fd
        self.connection: SocketConnection | None = None
        self.blocked = False
        self.closing = False
        self._socket = socket
        self.poller = poller
        self._parser = parser
        self._inbox: deque[str | bytes] | None = None
        self._handling = False
        self._paused = False
        self._broken = False
        self._out: list[bytes] = []

    @property
    def busy(self) -> bool:
        """Something is not written yet."""
        return self.blocked or bool(self._out)

    def open(self, ahead: bytes = b"", messages: Iterable[str | bytes] = ()) -> None:
        """Begin to watch; ``ahead`` was read from the socket already, and so were ``messages``, before it."""
        self.poller.add(self)
        if ahead or messages:
            self._inbox = deque(messages)
            self._received(ahead)

    def send(self, pkt: Any) -> None:
        """Write one Engine.IO packet; what goes to this client alone, behind what rooms have pending for it."""
        self.send_joined(pkt.frame if isinstance(pkt, RoomPacket) else self._pending() + framed(pkt))

    def answer(self, text: str) -> None:
        """Write one packet as text, behind what rooms have pending."""
        self.send_joined(self._pending() + websocket.frame(text.encode()))

    def send_joined(self, data: bytes) -> None:
        """Write frames, together with whatever else this loop turn brings for the client."""
        if not self.closing:  # Nothing follows a close frame (RFC 6455, 5.5.1).
            self._out.append(data)
            self.poller.soon(self)

    def soon(self) -> None:
        """Flush at the end of this loop turn."""
        self.poller.soon(self)

    def put(self, data: bytes) -> None:
        """Write what its room shares, now, behind what was sent before."""
        if not self.closing:
            self._write(data) if self._out else self._put(data)

    def flush(self) -> None:
        """Write what was sent and what rooms have pending."""
        if not self.blocked:
            self._write(b"" if self.closing else self._pending())
            if self.connection is not None and not self.blocked:
                self.connection.drained()
                self.connection.hub.share(self.connection)

    def writable(self) -> None:
        """The socket takes more."""
        self.blocked = False
        self._write(b"")
        if self.blocked or self.fd < 0:
            return
        self._watch()
        if self.closing:
            self.end()
        elif self.connection is not None:
            self.connection.written()
            self.flush()

    def readable(self) -> None:
        """Read once and take in what is whole."""
        try:
            data = os.read(self.fd, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received(data) if data else self.end()

    def beat(self) -> None:
        """Engine.IO has its own heartbeat."""

    def finish(self, code: int = websocket.NORMAL, reason: str = "") -> None:
        """Say goodbye and close once everything is written; at the latest when the peer closes or time is over."""
        if self.fd >= 0 and not self.closing:
            self._out.append(websocket.close_frame(code, reason))
            self._write(b"")
            self.closing = True
            self.poller.spawn(self._linger)

    def end(self) -> None:
        """Close the socket now; the session ends once what the client said is handled. Harmless when repeated."""
        if self.fd >= 0:
            self.poller.remove(self)
            self.fd = -1
            self._out = []
            self._handle_soon()

    def _lost(self) -> None:
        """End the session. The application's disconnect handlers run: never where everybody's sockets are served."""
        self._socket.close(wait=False, abort=True, reason=self._socket.server.reason.TRANSPORT_CLOSE)

    def _linger(self) -> None:
        self.poller.sleep(_LINGER_SECONDS)
        self.end()

    def _pending(self) -> bytes:
        connection = self.connection
        if connection is None or not connection.due or connection.state is not State.LIVE or connection.held:
            return b""
        with suppress(ConnectionClosed):
            return connection.hub.take_joined(connection)
        return b""

    def _write(self, data: bytes) -> None:
        if self._out:
            self._out.append(data)
            data = b"".join(self._out)
            self._out = []
        if not data or self.fd < 0:
            return
        if self.blocked:
            self._out = [data]
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self.end()
            return
        if written < len(data):
            self._out = [data[written:]]
            self.blocked = True
            if self.connection is not None:
                self.connection.hub.part(self.connection)
            self._watch()

    def _watch(self) -> None:
        # A client that does not read gets nothing more to answer: its requests wait in its own socket.
        self.poller.want(self, read=not self.blocked and not self._paused, write=self.blocked)

    def _received(self, data: bytes) -> None:
        try:
            for opcode, message in self._parser.feed(data):
                if opcode == websocket.CLOSE:
                    self.finish(websocket.close_code(message))
                    self.end()
                    return
                if self.closing:
                    continue
                if opcode == websocket.PING:
                    self.send_joined(websocket.frame(message, websocket.PONG))
                elif opcode != websocket.PONG and not (opcode == websocket.TEXT and self._socket.hears(message)):
                    self._inbox = self._inbox or deque()
                    self._inbox.append(message.decode() if opcode == websocket.TEXT else message)
        except WebSocketError as exc:
            if self.closing:
                self.end()
            else:
                self._broken = True
                self.finish(exc.code, str(exc))
        if not self._handling:
            self._answer_at_once()
        if self._inbox or self._broken:
            self._handle_soon()
        if self._inbox and len(self._inbox) > _MAX_WAITING and not self._paused:
            self._paused = True
            self._watch()

    def _answer_at_once(self) -> None:
        """What waits for nothing is done right here: it needs no greenlet, and keeps the client's order."""
        while self._inbox:
            if not self._socket.server.at_once(self._socket, self._inbox[0]):
                return
            self._inbox.popleft()
        self._inbox = None  # An empty one takes more memory than all else that an idle client has here.

    def _handle_soon(self) -> None:
        if not self._handling:
            self._handling = True
            self.poller.spawn(self._handle)

    def _handle(self) -> None:
        """Hand on, in order, what the client said. Engine.IO gives each event a task of its own."""
        try:
            while self._inbox and not self._socket.closed:
                self._socket.receive(read(self._inbox.popleft()))
        except Exception as exc:  # noqa: BLE001  whatever a client sends may cost it its own connection only
            self._socket.break_off(str(exc) if isinstance(exc, BadPacket) else "it cannot be handled")
        finally:
            self._handling = False
        if self.fd < 0 or self._broken:
            self._lost()
        if self._paused and self.fd >= 0:
            self._paused = False
            self._watch()
