"""The directly written event stream: a subscriber that costs one small object and one file descriptor.

Where a server can give its socket away, the request's greenlet ends and this object stays: it writes with one
``write(2)`` per loop turn what is pending, waits for the socket when it is full, and reads on from the log when it was
too slow. When to write and which socket is ready is a ``Poller``'s business; this file knows no event loop and blocks
nowhere but in ``run``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..errors import BusUnavailable, ConnectionClosed
from ..message import Message, Position
from ..wire import envelope, sse
from .connection import State
from .groups import Group, SharingConnection
from .hub import Hub
from .polling import Poller

_RETRY_READ = 0.5
_CHATTER = 64 * 1024


class DirectStream(SharingConnection):
    """One SSE subscriber whose socket the hub owns.

    Args:
        hub: where to subscribe.
        poller: watches the socket.
        fd: the socket, not blocking. It is closed with the stream.
        rooms: what it reads, in the order in which the client named them.
        chunked: the body is chunked, as HTTP/1.1 bodies of unknown length are.

    Attributes:
        pulse: what is written at each heartbeat; where it is not a comment, also behind the first event.
    """

    __slots__ = ("_blocked", "_chunked", "_hub", "_names", "_poller", "_rest", "_running", "fd", "pulse")

    transport = "sse"

    def __init__(self, *, hub: Hub, poller: Poller, fd: int, rooms: Sequence[str], chunked: bool) -> None:
        super().__init__("", sse.encode_chunk if chunked else sse.encode)
        self._chunked = chunked
        self.pulse = sse.HEARTBEAT
        self.greeted = False
        self.fd = fd
        self._hub = hub
        self._poller = poller
        self._names = rooms
        self._rest = b""
        self._blocked = False
        self._running = False

    def open(self, head: bytes, prelude: bytes, *, after: Position | None, latest: int) -> None:
        """Subscribe and write the head and what the log holds. May block: it is called where the request was handled.

        Args:
            head: the response's head.
            prelude: what goes before the first event.
            after: the client's cursor, or ``None`` for live only.
            latest: without a cursor, how many of the newest messages come first.
        """
        self._rest = head + self._framed(prelude)
        self._running = True
        try:
            self._hub.attach(self, self._names, after=after, latest=latest)
        except ConnectionClosed:
            # This server is going. An empty stream sends the client elsewhere; no answer at all would end it for good.
            self._write(b"")
            self._end()
            return
        self._poller.add(self)
        if self.state is State.LAGGING:
            # Reading the log may take a while, when the bus is away until it is back: the head does not wait for that.
            self._write(b"")
        self.run()

    def run(self) -> None:
        """Write until everything is written, the socket is full, or the stream is over. May block for the log."""
        self._running = True
        while not self._blocked:
            try:
                payloads = self._hub.take(self)
            except BusUnavailable:
                self._poller.sleep(_RETRY_READ)
                continue
            except ConnectionClosed:
                self._end()
                return
            self._write(b"".join(payloads))
            if self.state is State.LIVE and not self.pending:
                break
            self._poller.sleep(0)
        self._running = False
        if self.pending and not self._blocked:
            # It came between the last look and this line.
            self.flush()
        elif not self._blocked:
            self._hub.share(self)

    def wake(self) -> None:
        self._poller.soon(self)

    @property
    def names_rooms(self) -> bool:
        return self.encode in {envelope.encode, envelope.encode_chunk}

    def encoded(self, message: Message) -> Any:
        if not self.names_rooms:
            return self.encode(message)
        return self._framed(envelope.encoded(message, self.rooms))

    def size(self, payload: Any) -> int:
        return len(payload)

    def opening(self, *, recovered: bool, cursor: Position) -> list[Any]:
        ready = sse.ready(recovered=recovered, cursor=cursor, rooms=self._names)
        return [self._framed(ready if self.pulse is sse.HEARTBEAT else ready + self.pulse)]

    def reset(self, cursor: Position) -> list[Any]:
        return [self._framed(sse.reset(cursor))]

    def control(self, event: str, data: Any) -> list[Any]:
        return [self._framed(sse.control(event, data))]

    def farewell(self, retry_ms: int) -> list[Any]:
        return [self._framed(sse.closing(retry_ms))]

    def flush(self) -> None:
        if self._blocked and self.notes and self.state is State.CLOSED:
            # It may have no more, and does not read what it has.
            self.close()
        if self._blocked or self._running:
            return
        if self.state is State.LIVE:
            try:
                self._write(self._hub.take_joined(self))
            except ConnectionClosed:
                self._end()
                return
            if not self._blocked:
                self._hub.share(self)
        elif self.state is State.CLOSED:
            # It was live until now: what is pending follows what was written, and was accepted.
            self._write(self.joined(self.pending))
            self._end()
        else:
            self._running = True
            self._poller.spawn(self.run)

    def put(self, data: bytes) -> None:
        # One for each subscriber of a room: nothing here but what every write needs.
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self.close()
            return
        if written < len(data):
            self._block(data[written:])

    def flush_soon(self, group: Group) -> None:
        self._poller.soon(group) if group.gathering is None else self._poller.gather(group)

    def writable(self) -> None:
        self._blocked = False
        self._write(b"")
        if not self._blocked:
            if self.fd >= 0:
                self._poller.want(self, read=True, write=False)
            self.flush()

    def readable(self) -> None:
        # A subscriber has nothing to say; what it says anyway is read away, so that its end is noticed behind it.
        try:
            if os.read(self.fd, _CHATTER):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close()

    def beat(self) -> None:
        if self._poller.lost(self):
            self.close()
            return
        # Also while the bus is away and the log cannot be read: the silence must not look like a dead server.
        wanted = self.pulse is not sse.HEARTBEAT or not self.due
        if wanted and not self._blocked and self.state is not State.CLOSED:
            self._write(self._framed(self.pulse))

    def close(self) -> None:
        """Unsubscribe and close the socket. Harmless when repeated."""
        if self.fd >= 0:
            self._hub.detach(self)
            self._poller.remove(self)
            self.fd = -1
            self._rest = b""

    def _end(self) -> None:
        """This server ends the stream, properly."""
        if not self._blocked:
            self._write(b"".join(self.notes) + (sse.LAST_CHUNK if self._chunked else b""))
        self.close()

    def _framed(self, data: bytes) -> bytes:
        return sse.chunk(data) if self._chunked else data

    def _write(self, data: bytes) -> None:
        if self._rest:
            data = b"".join((self._rest, data))
            self._rest = b""
        if data and self.fd >= 0:
            self.put(data)

    def _block(self, rest: bytes) -> None:
        """The socket is full."""
        self._hub.part(self)
        self._rest = rest
        self._blocked = True
        self._poller.want(self, read=True, write=True)
