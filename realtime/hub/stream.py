"""The portable event stream: a generator of bytes that any WSGI server can send.

It costs a thread or greenlet per subscriber, works everywhere, and has the same contract as a directly written socket.
This file knows the hub and the SSE format, but no framework and no socket.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..concurrency import Concurrency
from ..errors import BusUnavailable, ConnectionClosed
from ..jitter import retry_ms
from ..message import Message, Position
from ..wire import envelope, sse
from .connection import Connection, State
from .direct import DirectStream
from .hub import Hub
from .polling import Poller

_RETRY_READ = 0.5
"""Seconds between attempts to read the log while the bus is away; the stream stays open and says so by heartbeats."""


class EventStream(Connection):
    """One SSE subscriber.

    Args:
        hub: where to subscribe.
        concurrency: for waiting.
        rooms: what it reads, in the order in which the client named them.
        after: the client's cursor, or ``None`` for live only.
        latest: without a cursor, how many of the newest messages come first.
        heartbeat: longest silence in seconds.
        retry: seconds that the client waits before it reconnects; each stream is told this plus up to half of it, so
            that the clients of a server that went away do not all return at once.
        padding: bytes of comment at the start, for browsers that hold the first ones back.

    Attributes:
        visible: the heartbeats are events, one right after the first event and then one per interval, whatever else is
            written: a client that sees them knows a stream that is held back, or dead, from one that has no news.
        ends: its response is one of several, each soon followed by the next.
        watched: entered while the stream is written by its own task; calls what it is given when its client is gone.
        begun: called when it begins on a server that keeps the socket.
    """

    __slots__ = (
        "_after",
        "_hub",
        "_names",
        "_padding",
        "_something",
        "_told",
        "begun",
        "ends",
        "heartbeat",
        "retry",
        "visible",
        "watched",
    )

    transport = "sse"

    def __init__(
        self,
        *,
        hub: Hub,
        concurrency: Concurrency,
        rooms: Sequence[str],
        after: Position | None = None,
        latest: int = 0,
        heartbeat: float = 15,
        retry: float = 2,
        padding: int = 0,
    ) -> None:
        super().__init__("", sse.encode)
        self.greeted = False
        self.latest = latest
        self._hub = hub
        self._names = tuple(rooms)
        self._after = after
        self.heartbeat = heartbeat
        self.retry = retry
        self._padding = padding
        self.visible = False
        self.ends = False
        self.watched: Callable[[Callable[[], None]], AbstractContextManager[None]] = lambda _ended: nullcontext()
        self.begun: Callable[[Connection], None] | None = None
        self._something = concurrency.event()
        self._told = 0

    @property
    def passing(self) -> bool:
        return self.ends

    def wake(self) -> None:
        self._something.set()

    @property
    def names_rooms(self) -> bool:
        return self.encode is envelope.encode

    def encoded(self, message: Message) -> Any:
        if not self.names_rooms:
            return self.encode(message)
        return envelope.encoded(message, self.rooms)

    def size(self, payload: Any) -> int:
        return len(payload)

    def opening(self, *, recovered: bool, cursor: Position) -> list[Any]:
        ready = sse.ready(recovered=recovered, cursor=cursor, rooms=self._names)
        return [ready, self._pulse()] if self.visible else [ready]

    def reset(self, cursor: Position) -> list[Any]:
        return [sse.reset(cursor)]

    def control(self, event: str, data: Any) -> list[Any]:
        return [sse.control(event, data)]

    def farewell(self, retry_ms: int) -> list[Any]:
        return [sse.closing(retry_ms)]

    def hand_over(self, fd: int, head: bytes, poller: Poller, *, chunked: bool) -> None:
        """Go on without the server: a directly written stream takes the place of this one, which was not started.

        Args:
            fd: the client's socket, which now belongs to the stream.
            head: the response's head, not written yet.
            poller: watches the socket.
            chunked: the head announces a chunked body.
        """
        stream = DirectStream(hub=self._hub, poller=poller, fd=fd, rooms=self._names, chunked=chunked)
        prelude = self._prelude()
        if self.visible:
            stream.pulse = self._pulse()
        stream.grant, stream.about = self.grant, self.about
        stream.slot, self.slot = self.slot, None
        if self.names_rooms:
            stream.encode = envelope.encode_chunk if chunked else envelope.encode
        stream.open(head, prelude, after=self._after, latest=self.latest)

    def __iter__(self) -> Generator[bytes, None, None]:
        """The response body. It subscribes at its first step, not before: a response that is never sent costs nothing.

        Every chunk is whole events. The generator ends when the server closes the connection, and detaches however
        it ends.
        """
        # The headers leave with the first chunk: this one, before anything that could take time.
        yield self._prelude()
        with self.watched(self._hung_up):
            yield from self._written()

    def _written(self) -> Iterator[bytes]:
        try:
            if self.begun is not None:
                self.begun(self)
            self._hub.attach(self, self._names, after=self._after, latest=self.latest)
            written = time.monotonic()
            while True:
                self._something.clear()
                payloads, away = self._next()
                if payloads:
                    yield b"".join(payloads)
                    # A visible heartbeat keeps its own time; a comment is only for silence.
                    written = written if self.visible else time.monotonic()
                elif away or self.state is not State.LAGGING:
                    due = max(0.0, written + self.heartbeat - time.monotonic())
                    patience = min(due, _RETRY_READ) if away else due
                    if not self._something.wait(patience) and patience == due:
                        yield self._pulse()
                        written = time.monotonic()
        except ConnectionClosed:
            if self.notes:
                yield b"".join(self.notes)
        finally:
            self._hub.detach(self)

    def close(self) -> None:
        """The server is done with it, also where it never began (PEP 3333). Harmless when repeated."""
        self._hub.detach(self)

    def _hung_up(self) -> None:
        self.close()
        self.wake()

    def _pulse(self) -> bytes:
        return sse.heartbeat(self.heartbeat, retry_ms=self._told) if self.visible else sse.HEARTBEAT

    def _prelude(self) -> bytes:
        self._told = retry_ms(self.retry)
        return sse.prelude(retry_ms=self._told, padding=self._padding)

    def _next(self) -> tuple[list[Any], bool]:
        """What to write now, and whether the bus is away so that the log cannot be read."""
        try:
            return self._hub.take(self), False
        except BusUnavailable:
            return [], True
