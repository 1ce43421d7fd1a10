"""The writing half of a link: what goes out to one WebSocket, in order, never waiting for it.

What rooms get is taken from the hub already framed, the same bytes for everybody; what is sent to this client alone
goes behind it. Partial writes never interleave. This file may not know what the client says.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

from ..errors import ConnectionClosed
from ..hub.connection import State
from ..hub.polling import Poller
from ..wire import websocket
from .connection import SocketConnection
from .packets import RoomPacket, framed


class LinkOutput(ABC):
    """Writes to one socket.

    Args:
        fd: the client's socket, not blocking.
        poller: watches it.

    Attributes:
        connection: the hub's face of the client, once it has one.
        blocked: the socket takes nothing more just now.
        closing: a close frame was sent.
    """

    __slots__ = ("_out", "blocked", "closing", "connection", "fd", "poller")

    def __init__(self, *, fd: int, poller: Poller) -> None:
        self.fd = fd
        self.poller = poller
        self.connection: SocketConnection | None = None
        self.blocked = False
        self.closing = False
        self._out: list[bytes] = []

    @property
    def busy(self) -> bool:
        """Something is not written yet."""
        return self.blocked or bool(self._out)

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
            connection = self.connection
            if connection is not None and not self.blocked:
                connection.drained()
                if connection.shared is None:
                    connection.hub.share(connection)

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

    @abstractmethod
    def end(self) -> None:
        """Close the socket now."""

    @abstractmethod
    def _watch(self) -> None:
        """The socket takes more, or takes nothing more: have it watched for that."""

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
