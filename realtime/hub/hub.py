"""The hub of one process: rooms, connections, and the path from one message to many.

``deliver`` turns a message into bytes once per wire format and hands the same object to every connection of the room;
``flush`` wakes each connection that got something once per batch. The hub reads the log only through ``Log`` and does so
without its lock; it never writes to a socket.

How nothing is lost and nothing doubled: a connection joins its rooms and notes the hub's position P in one step. What
is at or before P comes from the log, what is after P comes live, so that the two cannot overlap and cannot miss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..concurrency import Concurrency, Event
from ..errors import ConnectionClosed
from ..message import START, Message, Position
from .connection import Connection, Encoder, State
from .log import Counters, Log, Members, Slice

SLICE = 64
"""Messages read from the log at once for one connection: a long replay does not starve those who are live."""


class Hub:
    """Rooms and connections of one process. Every method may be called from any thread or greenlet.

    Args:
        log: where what is not live any more is read.
        concurrency: for the lock and for waiting.
        max_pending_bytes: a connection with more than this pending loses it and keeps its cursor.
        on_control: gets each relayed payload, in the order of the log.
    """

    def __init__(
        self,
        *,
        log: Log,
        concurrency: Concurrency,
        max_pending_bytes: int = 256 * 1024,
        on_control: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.position = START
        self.connections: set[Connection] = set()
        self.counters = Counters()
        self.on_control = on_control
        self.draining = False
        self.log = log
        self._concurrency = concurrency
        self._lock = concurrency.lock()
        self._max_pending_bytes = max_pending_bytes
        self._members = Members()
        self._woken: list[Connection] = []
        self._waiting: list[tuple[Position, Event]] = []

    # ---- what a bus calls ------------------------------------------------------------------------------------------

    def wants(self, rooms: Sequence[str]) -> bool:
        """Whether anyone here reads one of the rooms."""
        return any(room in self._members for room in rooms)

    def deliver(self, message: Message) -> None:
        """Append the message to what is pending for each member of its rooms."""
        with self._lock:
            before = self.position
            payloads: dict[Encoder, tuple[Any, int]] = {}
            seen: set[Connection] | None = set() if len(message.rooms) > 1 else None
            for encode, members in self._members.of(message.rooms):
                for connection in members:
                    if connection.state >= State.LAGGING or connection.id in message.skip:
                        continue
                    if seen is not None:
                        if connection in seen:
                            continue
                        seen.add(connection)
                    if encode not in payloads:
                        payload = encode(message)
                        payloads[encode] = (payload, connection.size(payload))
                    self._append(connection, *payloads[encode], before=before)
            self.counters.messages += 1
            self._move(message.id or START)

    def skip(self, position: Position) -> None:
        """The log went on to ``position`` without anything for this process."""
        with self._lock:
            self._move(position)

    def control(self, position: Position, payload: dict[str, Any]) -> None:
        """Pass a relayed payload on, after everything before it was written out."""
        self.flush()
        if self.on_control is not None:
            self.on_control(payload)
        with self._lock:
            self._move(position)

    def flush(self) -> None:
        """Wake every connection that got something since the last flush, each once."""
        with self._lock:
            woken, self._woken = self._woken, []
        for connection in woken:
            connection.wake()

    def gap(self, position: Position) -> None:
        """Live delivery cannot be trusted up to ``position``: let everyone read on from the log by cursor."""
        with self._lock:
            self.counters.gaps += 1
            for connection in self.connections:
                if connection.state is not State.CLOSED and connection.rooms:
                    self._fall_behind(connection)
                    self._woken.append(connection)
            self.position = position
        self.flush()

    # ---- what a transport calls ------------------------------------------------------------------------------------

    def attach(
        self, connection: Connection, rooms: Iterable[str] = (), *, after: Position | None = None, latest: int = 0
    ) -> Position:
        """Take a connection in, with all its rooms in one step; return the position it is live from.

        Args:
            connection: not attached yet.
            rooms: what it reads.
            after: its cursor: ``take`` first returns what the log holds after it.
            latest: without a cursor, how many of the newest messages ``take`` returns first.
        """
        with self._lock:
            if self.draining:
                raise ConnectionClosed("this server is shutting down; connect again", retry_after=1)
            self.connections.add(connection)
            for room in rooms:
                self._members.add(connection, room)
            connection.cursor = self.position if after is None else after
            if after is not None or latest:
                connection.latest = 0 if after is not None else latest
                connection.state = State.LAGGING
            elif not connection.greeted:
                connection.greeted = True
                connection.pending += connection.opening(recovered=True, cursor=self.position)
            return self.position

    def detach(self, connection: Connection) -> None:
        """Forget the connection; nothing of it remains. Harmless when repeated."""
        with self._lock:
            connection.state = State.CLOSED
            for room in tuple(connection.rooms):
                self._members.remove(connection, room)
            connection.pending = []
            connection.pending_bytes = 0
            self.connections.discard(connection)

    def join(self, connection: Connection, room: str) -> Position:
        """Add a room to a connection; live from the returned position on."""
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            self._members.add(connection, room)
            return self.position

    def leave(self, connection: Connection, room: str) -> None:
        """Take a room from a connection. Harmless when it has not joined."""
        with self._lock:
            self._members.remove(connection, room)

    def hold(self, connection: Connection, room: str) -> tuple[list[Any], Position] | None:
        """Begin a replay of one room into a live connection: join it, let live messages wait, return what was pending.

        Returns:
            What was pending before (all of it at or before the returned position, to be sent first) and the position;
            ``None`` when the connection is not live: let it catch up first.
        """
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            if connection.state is not State.LIVE or connection.held:
                return None
            connection.held = True
            payloads = self._take_pending(connection)
            self._members.add(connection, room)
            return payloads, self.position

    def release(self, connection: Connection) -> None:
        """End what ``hold`` began; what waited is taken next."""
        with self._lock:
            connection.held = False
            if connection.state is State.CLOSED:
                return
        connection.wake()

    def take(self, connection: Connection) -> list[Any]:
        """What the transport writes next: all that is pending, or the next slice of the log for one that lags.

        An empty list means that there is nothing now. ``connection.state`` is LAGGING afterwards when there is more to read.

        Raises:
            ConnectionClosed: it was detached, or this server is going.
            BusUnavailable: the log cannot be read now. The cursor stands; take again later.
        """
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            if connection.held or connection.state is State.CATCHING_UP:
                return []
            if connection.state is State.LIVE:
                return self._take_pending(connection)
            connection.state = State.CATCHING_UP
            upto, rooms = self.position, tuple(connection.rooms)
        try:
            if connection.latest:
                replay = self.log.latest(rooms, limit=connection.latest)
            else:
                replay = self.log.replay(rooms, connection.cursor, upto=upto, limit=SLICE)
        except BaseException:
            with self._lock:
                if connection.state is State.CATCHING_UP:
                    self._fall_behind(connection)
            raise
        return self._caught_up(connection, replay, upto)

    def fall_behind(self, connection: Connection) -> None:
        """Drop what is pending for a live connection and keep its cursor: its transport cannot take more now."""
        with self._lock:
            if connection.state is State.LIVE:
                self.counters.spills += 1
                self._fall_behind(connection)

    def wait_for(self, position: Position, *, timeout: float) -> bool:
        """Wait until this process has delivered up to ``position``; whether it has."""
        with self._lock:
            if self.position >= position:
                return True
            reached = self._concurrency.event()
            self._waiting.append((position, reached))
        return reached.wait(timeout)

    def close(self) -> None:
        """End every connection and take no new one: this server is going."""
        with self._lock:
            self.draining = True
            everyone = tuple(self.connections)
            for connection in everyone:
                connection.state = State.CLOSED
        for connection in everyone:
            connection.wake()

    def members(self, room: str) -> int:
        """How many connections of this process read the room."""
        with self._lock:
            return self._members.count(room)

    @property
    def rooms(self) -> int:
        """How many rooms have a reader in this process."""
        return len(self._members)

    # ---- under the lock --------------------------------------------------------------------------------------------

    def _append(self, connection: Connection, payload: Any, size: int, *, before: Position) -> None:
        if not connection.pending:
            if connection.state is State.LIVE and not connection.held:
                connection.cursor = before
            self._woken.append(connection)
        connection.pending.append(payload)
        connection.pending_bytes += size
        self.counters.deliveries += 1
        if connection.pending_bytes > self._max_pending_bytes:
            self.counters.spills += 1
            self._fall_behind(connection)

    def _fall_behind(self, connection: Connection) -> None:
        """Keep the cursor, drop the rest."""
        if connection.state is State.LIVE and not connection.pending and not connection.held:
            connection.cursor = self.position
        connection.state = State.LAGGING
        connection.pending = []
        connection.pending_bytes = 0

    def _take_pending(self, connection: Connection) -> list[Any]:
        payloads, connection.pending = connection.pending, []
        connection.pending_bytes = 0
        connection.cursor = self.position
        return payloads

    def _caught_up(self, connection: Connection, replay: Slice, upto: Position) -> list[Any]:
        payloads: list[Any] = []
        if not connection.greeted:
            payloads += connection.opening(recovered=replay.recovered, cursor=replay.start)
        elif not replay.recovered:
            self.counters.resets += 1
            payloads += connection.reset(replay.cursor)
        for message in replay.messages:
            # The newest messages are read without an upper end; what is after the position comes live.
            if connection.id not in message.skip and (message.id or START) <= upto:
                payloads.append(connection.encode(message))
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            connection.greeted = True
            connection.cursor = upto if connection.latest else replay.cursor
            more = replay.more and not connection.latest
            connection.latest = 0
            if connection.state is State.CATCHING_UP and not more:
                connection.state = State.LIVE
                payloads += self._take_pending(connection)
            else:
                self._fall_behind(connection)
        return payloads

    def _move(self, position: Position) -> None:
        self.position = position
        if self._waiting:
            for goal, reached in self._waiting:
                if goal <= position:
                    reached.set()
            self._waiting = [waiting for waiting in self._waiting if waiting[0] > position]
