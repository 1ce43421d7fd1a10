"""The hub of one process: who reads what, from which cursor. The half that transports call; ``feed`` is the other.

How nothing is lost and nothing doubled: a connection joins its rooms and notes the hub's position P in one step. What
is at or before P comes from the log, what is after P comes live, so that the two cannot overlap and cannot miss. The
log is read only through ``Log``, and without the hub's lock. The hub never writes to a socket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..concurrency import Concurrency
from ..errors import BusUnavailable, ConnectionClosed
from ..message import Message, Position
from .closing import Closing
from .connection import SLICE, Connection, State
from .crowding import SharedLog
from .groups import is_sharing
from .log import Log, Slice, just_before

_REACH_SECONDS = 1.0


class Hub(Closing):
    """Rooms and connections of one process. Every method may be called from any thread or greenlet.

    Args:
        log: where what is not live any more is read.
        concurrency: for the lock and for waiting.
        max_pending_bytes: a connection with more than this pending loses it and keeps its cursor.
        crowds: many who come back at once share what is read for them, because the log is far away.
    """

    def __init__(
        self, *, log: Log, concurrency: Concurrency, max_pending_bytes: int = 256 * 1024, crowds: bool = False
    ) -> None:
        super().__init__(concurrency=concurrency, max_pending_bytes=max_pending_bytes)
        self._crowds = SharedLog(log, concurrency=concurrency) if crowds else None
        self.log = self._crowds or log
        self._joined_key, self._joined_of, self._joined = tuple[int, ...](), list[Any](), b""

    def gap(self, position: Position) -> None:
        """See ``Feed.gap``. What was read before is not shared any more."""
        if self._crowds is not None:
            self._crowds.forget()
        super().gap(position)

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
            self._check_grant(connection, rooms)
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
                connection.pending += self._opening_note(connection)
            self.on_connection(connection, True)
            return self.position

    def detach(self, connection: Connection) -> None:
        """Forget the connection; nothing of it remains. Harmless when repeated."""
        with self._lock:
            self._leave_groups(connection)
            connection.state = State.CLOSED
            if connection in self.connections:
                self.on_connection(connection, False)
            for room in tuple(connection.rooms):
                self._members.remove(connection, room)
            connection.pending = []
            connection.pending_bytes = 0
            self.connections.discard(connection)
            if connection.slot is not None:
                connection.slot.free()

    def join(self, connection: Connection, room: str) -> Position:
        """Add a room to a connection; live from the returned position on."""
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            self._leave_groups(connection)
            self._members.add(connection, room)
            position = self.position
        self.flush()
        return position

    def leave(self, connection: Connection, room: str) -> None:
        """Take a room from a connection. Harmless when it has not joined."""
        with self._lock:
            self._leave_groups(connection)
            self._members.remove(connection, room)
        self.flush()

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
            payloads = self._take_pending(connection)
            self._leave_groups(connection)
            connection.held = True
            self._members.add(connection, room)
            return payloads, self.position

    def release(self, connection: Connection) -> None:
        """End what ``hold`` began; what waited is taken next."""
        with self._lock:
            connection.held = False
        if connection.state is not State.CLOSED:
            connection.wake()

    def take_joined(self, connection: Connection) -> bytes:
        """For a live connection: all that is pending as one piece of bytes.

        Connections with the same pending payloads share the joined bytes.
        """
        payloads = self.take(connection)
        if len(payloads) == 1:
            return connection.joined(payloads)
        key = tuple(map(id, payloads))
        if key != self._joined_key:
            # The payloads are kept with their ids: an id means nothing once its object is gone.
            self._joined_key, self._joined_of, self._joined = key, payloads, connection.joined(payloads)
        return self._joined

    def take(self, connection: Connection) -> list[Any]:
        """What the transport writes next: all that is pending, or the next slice of the log for one that lags.

        An empty list means that there is nothing now. ``connection.state`` is LAGGING afterwards when there is more
        to read.

        Raises:
            ConnectionClosed: it was detached, or this server is going.
            BusUnavailable: the log cannot be read now. The cursor stands; take again later.
        """
        if connection.notes and connection.greeted and (notes := self._take_notes(connection)):
            # Also while the log cannot be read, which may be what they say.
            return notes + self.take(connection) if connection.state is State.LIVE else notes
        if connection.state is State.LAGGING:
            self.check_sure(connection)
            if connection.cursor > self.position:
                self.reach(tuple(connection.rooms), connection.cursor)
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
                # What comes after the position comes live: it must not push older messages out of the number asked for.
                replay = self.log.latest(rooms, before=Position(upto.ms, upto.n + 1), limit=connection.latest)
            else:
                replay = self.log.replay(rooms, connection.cursor, upto=upto, limit=connection.slice)
        except BaseException:
            with self._lock:
                if connection.state is State.CATCHING_UP:
                    self._fall_behind(connection)
            raise
        return self._caught_up(connection, replay, upto)

    def reach(self, rooms: Sequence[str], cursor: Position) -> None:
        """Make sure that this process has delivered up to a returning client's cursor.

        Another process, where the client was before, may be a moment ahead of this one. Live delivery from before the
        cursor would show the client again what it has seen. A cursor that the log does not know is not waited for.

        Raises:
            BusUnavailable: this process is behind and does not catch up now.
        """
        if cursor <= self.position or not self.log.replay(rooms, cursor, upto=cursor, limit=1).recovered:
            return
        if not self.wait_for(cursor, timeout=_REACH_SECONDS):
            raise BusUnavailable("this process is behind the log; try again")

    def fitting(self, connection: Connection, messages: Sequence[Message]) -> Sequence[Message]:
        """As many of a slice's messages, at least one, as may be pending at once; the next slice is as long as fits."""
        size = 0
        for count, message in enumerate(messages):
            size += len(message.json)
            if size > self.max_pending_bytes and count:
                connection.slice = count
                return messages[:count]
        connection.slice = min(connection.slice * 2, SLICE)
        return messages

    def _take_pending(self, connection: Connection) -> list[Any]:
        if is_sharing(connection):
            return self._take_shared(connection)
        payloads, connection.pending = connection.pending, []
        connection.pending_bytes = 0
        connection.cursor = self.position
        return payloads

    def _caught_up(self, connection: Connection, replay: Slice, upto: Position) -> list[Any]:
        payloads: list[Any] = []
        messages = self.fitting(connection, replay.messages)
        if not connection.greeted:
            start = min(replay.start, upto) if connection.latest else replay.start
            payloads += connection.opening(recovered=replay.recovered, cursor=start)
            payloads += self._opening_note(connection)
        elif not replay.recovered:
            self.counters.resets += 1
            # What follows comes after this cursor: a client that is cut off right here goes on from it without a hole.
            first = replay.messages[0].id if replay.messages else None
            payloads += connection.reset(replay.cursor if first is None else just_before(first))
        payloads += [connection.encoded(message) for message in messages if connection.wants(message)]
        with self._lock:
            if connection.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
            payloads, connection.notes = payloads + connection.notes, []
            connection.greeted = True
            more = len(messages) < len(replay.messages) or (replay.more and not connection.latest)
            cursor = upto if connection.latest else replay.cursor
            connection.cursor = (messages[-1].id or cursor) if more and messages else cursor
            connection.latest = 0
            if connection.state is State.CATCHING_UP and not more:
                connection.state = State.LIVE
                payloads += self._take_pending(connection)
            else:
                self._fall_behind(connection)
        return payloads
