"""The hub's face of each Socket.IO client: what is pending goes into Engine.IO's queue only as fast as it is written.

Engine.IO's own queue has no bound. Here it gets a batch when its writer comes back for more; what comes meanwhile is
pending in the hub, bounded, with the cursor spill. This file may not encode twice what one message needs once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..concurrency import Concurrency
from ..errors import BusUnavailable, ConnectionClosed
from ..hub.connection import Grant, State
from ..hub.groups import Group, SharingConnection
from ..hub.hub import Hub
from ..hub.polling import Writer
from ..message import Message, Position
from ..wire import socketio as wire
from .packets import RoomPacket, encode_with_id, encode_without_id

_DRAIN_SECONDS = 1.0
_RETRY_READ = 0.5


class SocketConnection(SharingConnection):
    """One Socket.IO client of the default namespace.

    Args:
        sid: its Socket.IO session id.
        eio_sid: its Engine.IO session id.
        server: the Socket.IO server that writes to it.
        hub: where it subscribes.
        concurrency: for locks, waiting and background tasks.
        ids: whether its events carry ids.
    """

    __slots__ = (
        "_catching_up",
        "_concurrency",
        "_free",
        "_joining",
        "_order",
        "_queueing",
        "_server",
        "_unwritten",
        "_written",
        "engine_id",
        "hub",
        "link",
    )

    transport = "socketio"
    ends_without_rooms = False

    def __init__(self, sid: str, eio_sid: str, *, server: Any, hub: Hub, concurrency: Concurrency, ids: bool) -> None:
        super().__init__(sid, encode_with_id if ids else encode_without_id)
        self.engine_id = eio_sid
        self._server = server
        self.hub = hub
        self._concurrency = concurrency
        # Taking from the hub and queueing what was taken are one step; it may read the log in between.
        self._order = concurrency.lock()
        # What belongs together is queued together; nothing waits meanwhile.
        self._queueing = concurrency.lock()
        self._written = concurrency.event()
        self._free = concurrency.event()
        self._catching_up = False
        self._unwritten = 0
        self._joining: object = None
        self.link: Writer | None = None

    def size(self, payload: Any) -> int:
        return len(payload.data)

    def reset(self, cursor: Position) -> list[Any]:
        return self.control("realtime.reset", {"cursor": str(cursor)})

    def control(self, event: str, data: Any) -> list[Any]:
        return [RoomPacket(wire.encode_control(event, data))]

    def wake(self) -> None:
        if self.state is State.LAGGING:
            self._begin_catching_up()
        elif self.link is not None:
            self.link.soon()
        elif self.state is State.LIVE and self._queued() == 0:
            self.push()

    def put(self, data: bytes) -> None:
        if self.link is not None:
            self.link.put(data)

    def flush_soon(self, group: Group) -> None:
        if self.link is not None:
            self.link.poller.soon(group)

    def joined(self, payloads: list[Any]) -> bytes:
        return payloads[0].frame if len(payloads) == 1 else b"".join([payload.frame for payload in payloads])

    def written(self) -> None:
        """Engine.IO's writer has written everything and comes back for more."""
        self._unwritten = 0
        self._written.set()
        if self.state is State.LAGGING:
            self._begin_catching_up()
        else:
            self.push()

    def drained(self) -> None:
        """Everything that was sent is written: whoever sends the log slice by slice goes on."""
        self._unwritten = 0
        if self.held or self.state is not State.LIVE:
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
        upto = self._hold(room)
        self._joining = request
        try:
            return self._send_log(room, after, latest, upto=upto, grant=grant), upto
        except BusUnavailable:
            if not joined:
                self.hub.leave(self, room)
            raise

    def answered(self, request: object) -> None:
        """The request was acknowledged. If it was a join, what is live follows now."""
        if request is not None and self._joining is request:
            self._joining = None
            self.hub.release(self)
            self._free.set()

    def _hold(self, room: str) -> Position:
        """Join with live messages held back, once this connection is live and no other join holds it."""
        while True:
            self._free.clear()
            with self._order:
                held = self.hub.hold(self, room)
                if held is not None:
                    self._enqueue(held[0])
                    return held[1]
            self._begin_catching_up()
            self._free.wait(_DRAIN_SECONDS)

    def _send_log(self, room: str, after: Position | None, latest: int, *, upto: Position, grant: Grant | None) -> bool:
        if after is None:
            if latest:
                before = Position(upto.ms, upto.n + 1)
                self._send(self.hub.log.latest([room], before=before, limit=latest).messages, room, grant)
            return True
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

    def _enqueue(self, payloads: list[Any]) -> None:
        self._unwritten += sum(map(self.size, payloads))
        with self._queueing:
            if self.link is not None:
                self.link.send_joined(self.joined(payloads) if payloads else b"")
                return
            for payload in payloads:
                self._server._send_eio_packet(self.engine_id, payload)

    def _queued(self) -> int:
        if self.link is not None:
            return int(self.link.busy)
        socket = self._server.eio.sockets.get(self.engine_id)
        return 0 if socket is None else socket.queue.qsize()

    def _wait_until_written(self) -> None:
        """Wait until Engine.IO's writer has taken what is queued. A client that is gone ends the wait."""
        self._written.clear()
        while self._queued() > 0 and not self._written.wait(_DRAIN_SECONDS):
            if self.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")

    def _begin_catching_up(self) -> None:
        with self._order:
            if self._catching_up or self.state is not State.LAGGING:
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
            self._free.set()
        self.wake()
