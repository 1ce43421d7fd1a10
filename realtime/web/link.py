"""Link: an Engine.IO WebSocket whose socket was handed over. Written directly, read when there is something to read.

An idle client holds no greenlet; one exists only while what the client said is being handled. This is the reading half;
``linkoutput`` is the writing half. This file knows frames and Engine.IO's socket object, but no event loop.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from ..hub.polling import Poller
from ..wire import websocket
from ..wire.websocket import Parser, WebSocketError
from .linkoutput import LinkOutput
from .packets import BadPacket, read

_READ: Final = 16 * 1024
_MAX_WAITING: Final = 64
"""Messages of one client that may wait to be handled; past it nothing more is read from it."""
_LINGER_SECONDS: Final = 2.0


class Link(LinkOutput):
    """One WebSocket.

    Args:
        socket: the Engine.IO socket that it belongs to.
        fd: the client's socket, not blocking. It is closed with the link.
        poller: watches it.
        parser: of what the client sends.

    Attributes:
        unanswered: how much of what the client said was begun and is not done yet. What it says next waits for that.
    """

    __slots__ = ("_broken", "_handling", "_inbox", "_parser", "_paused", "_socket", "unanswered")

    def __init__(self, *, socket: Any, fd: int, poller: Poller, parser: Parser) -> None:
        super().__init__(fd=fd, poller=poller)
        self._socket = socket
        self._parser = parser
        self._inbox: deque[str | bytes] | None = None
        self._handling = False
        self._paused = False
        self._broken = False
        self.unanswered = 0

    def open(self, ahead: bytes = b"", messages: Iterable[str | bytes] = ()) -> None:
        """Begin to watch; ``ahead`` was read from the socket already, and so were ``messages``, before it."""
        self.poller.add(self)
        if ahead or messages:
            self._inbox = deque(messages)
            self._received(ahead)

    def begin(self) -> bool:
        """Something is begun that takes its time; false when there is too much of that already."""
        free = self.unanswered < _MAX_WAITING
        self.unanswered += free
        return free

    def done(self) -> None:
        """What was begun first is done."""
        self.unanswered -= 1
        if self._inbox or not self.unanswered:
            self._go_on()
        if not self._inbox and not self._handling:
            self._read_on()

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

    def finish(self, code: int = websocket.NORMAL, reason: str = "", *, wait: bool = True) -> None:
        """Say goodbye and close once everything is written; at the latest when the peer closes or time is over.

        Args:
            code: why (RFC 6455, 7.4).
            reason: likewise, in words.
            wait: for the peer's goodbye.
        """
        if self.fd >= 0 and not self.closing:
            self._out.append(websocket.close_frame(code, reason))
            self._write(b"")
            self.closing = True
            self.poller.spawn(self._linger if wait else self.end)

    def end(self) -> None:
        """Close the socket now; the session ends once what the client said is handled. Harmless when repeated."""
        if self.fd >= 0:
            self.poller.remove(self)
            self.fd = -1
            self._out = []
            self._socket.give_back()
            self._handle_soon()

    def _lost(self) -> None:
        """End the session. The application's disconnect handlers run: never where everybody's sockets are served."""
        self._socket.close(wait=False, abort=True, reason=self._socket.server.reason.TRANSPORT_CLOSE)

    def _linger(self) -> None:
        self.poller.sleep(_LINGER_SECONDS)
        self.end()

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
                self._socket.server.refuse(exc.limit)
                self.finish(exc.code, str(exc))
        self._go_on()
        if self._inbox and len(self._inbox) > _MAX_WAITING and not self._paused:
            self._paused = True
            self._watch()

    def _go_on(self) -> None:
        if not self._handling:
            self._answer_at_once()
        if self._inbox or self._broken or self.fd < 0:
            self._handle_soon()

    def _answer_at_once(self) -> None:
        """What waits for nothing is done right here: it needs no greenlet, and keeps the client's order."""
        self._handling = True  # What is done before it was begun does not go on here.
        try:
            while self._inbox:
                if not self._socket.server.at_once(self._socket, self._inbox[0]):
                    return
                self._inbox.popleft()
        finally:
            self._handling = False
        self._inbox = None  # An empty one takes more memory than all else that an idle client has here.

    def _handle_soon(self) -> None:
        if not self._handling and not self.unanswered:
            self._handling = True
            self.poller.spawn(self._handle)

    def _handle(self) -> None:
        """Hand on, in order, what the client said. Engine.IO gives each event a task of its own."""
        try:
            while self._inbox and not self._socket.closed:
                self._socket.receive(read(self._inbox.popleft()))
        except Exception as exc:  # noqa: BLE001  whatever a client sends may cost it its own connection only
            bad = exc if isinstance(exc, BadPacket) else BadPacket("it cannot be handled")
            self._socket.break_off(str(bad), limit=bad.limit)
        finally:
            self._handling = False
        if self.fd < 0 or self._broken:
            self._lost()
        self._read_on()

    def _read_on(self) -> None:
        if self._paused and self.fd >= 0:
            self._paused = False
            self._watch()
