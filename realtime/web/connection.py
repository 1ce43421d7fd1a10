"""The hub's face of each Socket.IO client: what is pending goes into Engine.IO's queue only as fast as it is written.

Engine.IO's own queue has no bound. Here it gets a batch when its writer comes back for more; what comes meanwhile is
pending in the hub, bounded, with the cursor spill. This file may not encode twice what one message needs once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from ..concurrency import Concurrency, Event
from ..errors import BusUnavailable, ConnectionClosed
from ..hub.connection import Grant, State
from ..hub.hub import Hub
from ..hub.resuming import Join, Stretch
from ..message import Message, Position
from .output import DRAIN_SECONDS, SocketOutput

_RETRY_READ = 0.5


class SocketConnection(SocketOutput):
    """One Socket.IO client of the default namespace.

    Args:
        sid: its Socket.IO session id.
        eio_sid: its Engine.IO session id.
        server: the Socket.IO server that writes to it.
        hub: where it subscribes.
        concurrency: for locks, waiting and background tasks.
        ids: whether its events carry ids.

    Attributes:
        joins: how it came into each room, where that is to be known when it comes back; else ``None``.
        resumed: its rooms, as it came back to them, and after what each is sent again; ``None`` for newcomers.
    """

    __slots__ = ("_catching_up", "_free", "_joining", "_order_made", "joins", "resumed")

    def __init__(self, sid: str, eio_sid: str, *, server: Any, hub: Hub, concurrency: Concurrency, ids: bool) -> None:
        super().__init__(sid, eio_sid, server=server, hub=hub, concurrency=concurrency, ids=ids)
        # Made when they are first needed, which most clients never do.
        self._order_made: AbstractContextManager[Any] | None = None
        self._free: Event | None = None
        self._catching_up = False
        self._joining: object = None
        self.joins: dict[str, Join] | None = None
        self.resumed: dict[str, Position] | None = None

    @property
    def _order(self) -> AbstractContextManager[Any]:
        """Taking from the hub and queueing what was taken are one step; it may read the log in between."""
        with self._queueing:
            self._order_made = self._order_made or self._concurrency.lock()
            return self._order_made

    def wake(self) -> None:
        if self.state is State.LAGGING:
            self._begin_catching_up()
        elif self.state is State.CLOSED and self.notes:
            notes, self.notes = self.notes, []
            self._enqueue(notes)
        elif self.link is not None:
            self.link.soon()
        elif self.state is State.LIVE and self._queued() == 0:
            self.push()

    def written(self) -> None:
        """Engine.IO's writer has written everything and comes back for more."""
        self._unwritten = 0
        if self._written is not None:
            self._written.set()
        if self.state is State.LAGGING:
            self._begin_catching_up()
        else:
            self.push()

    def drained(self) -> None:
        """Everything that was sent is written: whoever sends the log slice by slice goes on."""
        self._unwritten = 0
        if self._written is not None and (self.held or self.state is not State.LIVE):
            self._written.set()

    def push(self) -> None:
        """Move what is pending into Engine.IO's queue, in order, ahead of whatever is sent next."""
        if not self.pending or self.state is not State.LIVE or self.held:
            return
        if self._unwritten > self.hub.max_pending_bytes:
            # It is spoken to directly, and does not read: its rooms' messages must not pile up behind that.
            self.hub.fall_behind(self)
            self._begin_catching_up()
            return
        with self._order, suppress(BusUnavailable, ConnectionClosed):
            self._enqueue(self.hub.take(self))
        if self.lagging:
            # It fell behind while this task was at it; whoever noticed found it busy.
            self._begin_catching_up()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around packets sent to the client directly: they go behind what is pending, and nothing goes in between."""
        self.push()
        with self._queueing:
            yield

    def join(
        self, room: str, *, after: Position | None, latest: int, request: object, grant: Grant | None
    ) -> tuple[bool, Position]:
        """Join a room and send what it got after a cursor, or its newest messages.

        Live messages, of all rooms, wait until ``answered(request)``.

        Returns:
            Whether nothing between the cursor and now is missing, and the position the room is live from.

        Raises:
            ConnectionClosed: the client went meanwhile.
            BusUnavailable: the log cannot be read; the room was not joined.
        """
        if after is not None:
            self.hub.reach([room], after)
        joined = room in self.rooms
        again = self.resumed.pop(room, None) if self.resumed else None
        upto = self._hold(room)
        self._joining = request
        if joined and after is not None and again is not None and again <= after <= upto:
            return True, upto  # It came back to the room, and has been sent that already.
        try:
            return self._send_log(room, after, latest, upto=upto, grant=grant), upto
        except BusUnavailable:
            if not joined:
                self.hub.leave(self, room)
            raise

    def came(self, room: str, join: Join) -> None:
        """Remember how it came into a room."""
        if self.joins is not None:
            self.joins.pop(room, None)
            self.joins[room] = join

    def resume(self, stretches: Sequence[Stretch]) -> None:
        """Send, while live messages are held back, what its room's log has in these; then what is live.

        Raises:
            ConnectionClosed: the client went meanwhile.
        """
        try:
            for stretch in stretches:
                self._send_stretch(stretch)
        finally:
            self.hub.release(self)
            if self._free is not None:
                self._free.set()

    def _send_stretch(self, stretch: Stretch) -> None:
        after, more = stretch.after, True
        while more:
            try:
                replay = self.hub.log.replay(stretch.rooms, after, upto=stretch.upto, limit=self.slice)
            except BusUnavailable:
                self._concurrency.sleep(_RETRY_READ)
                continue
            messages = self.hub.fitting(self, replay.messages)
            self._enqueue([self.encode(one) for one in messages if self.wants(one)])
            more = replay.more or len(messages) < len(replay.messages)
            after = messages[-1].id or after if messages else after
            if more:
                self._wait_until_written()

    def answered(self, request: object) -> None:
        """The request was acknowledged. If it was a join, what is live follows now."""
        if request is not None and self._joining is request:
            self._joining = None
            self.hub.release(self)
            if self._free is not None:
                self._free.set()

    def _hold(self, room: str) -> Position:
        """Join with live messages held back, once this connection is live and no other join holds it."""
        while True:
            free = self._free
            if free is not None:
                free.clear()
            with self._order:
                held = self.hub.hold(self, room)
                if held is not None:
                    self._enqueue(held[0])
                    return held[1]
            if free is None:
                self._free = self._concurrency.event()
                continue
            self._begin_catching_up()
            free.wait(DRAIN_SECONDS)

    def _send_log(self, room: str, after: Position | None, latest: int, *, upto: Position, grant: Grant | None) -> bool:
        if after is None:
            found = self.hub.log.latest([room], before=Position(upto.ms, upto.n + 1), limit=latest) if latest else None
            self.came(room, Join(found.start if found and found.messages else upto, upto, True))
            if found is not None:
                self._send(found.messages, room, grant)
            return True
        self.came(room, Join(min(after, upto), upto, True))
        recovered = True
        while True:
            replay = self.hub.log.replay([room], after, upto=upto, limit=self.slice)
            messages = self.hub.fitting(self, replay.messages)
            recovered = recovered and replay.recovered
            self._send(messages, room, grant)
            if not replay.more and len(messages) == len(replay.messages):
                return recovered
            after = messages[-1].id or after
            self._wait_until_written()

    def _send(self, messages: Sequence[Message], room: str, grant: Grant | None) -> None:
        self.hub.check_reading(self, room, grant)
        self._enqueue([self.encode(one) for one in messages if self.id not in one.skip])

    def _begin_catching_up(self) -> None:
        with self._order:
            if self._catching_up or self.held or self.state is not State.LAGGING:
                return
            self._catching_up = True
        self._concurrency.spawn(self._catch_up, name="realtime-catch-up")

    def _catch_up(self) -> None:
        """Read on from the log, a slice each time the client has taken the last one, until it is live again."""
        try:
            while self.state is State.LAGGING and not self.held:
                self._wait_until_written()
                try:
                    with self._order:
                        self._enqueue(self.hub.take(self))
                except BusUnavailable:
                    self._concurrency.sleep(_RETRY_READ)
        except ConnectionClosed:
            return
        finally:
            self._catching_up = False
            if self._free is not None:
                self._free.set()
        self.wake()
