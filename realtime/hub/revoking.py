"""Taking back: streams that end, and rooms that are left, because somebody may not read them any more.

What was pending for the connection is dropped, what is being read of the log for it is not handed on, and who was let
in on an answer that is older than the revocation does not get in. This file may not know why.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import ref

from ..concurrency import Concurrency
from ..errors import BusUnavailable, ConnectionClosed, Forbidden
from .connection import Connection, Grant, State
from .expiry import Expiry
from .telling import Telling

REVOKED: Final = "realtime.revoked"
EXPIRED: Final = "realtime.expired"
_KEPT: Final = 1000
_MOST_EXTENDED: Final = 10_000


class _Revocation(NamedTuple):
    number: int
    user: str
    room: str | None


class Revoking(Telling):
    """The part of the hub that ends what was granted.

    Args:
        concurrency, max_pending_bytes: as ``Feed``.

    Attributes:
        expiry: ends what was granted for a time.
        mark: how often something was revoked. To be noted before somebody is asked whether a client may come in.
        on_gap: told when the log could not be followed, and a revocation may have been missed: it calls ``sure`` when
            it knows of all. It may not wait.
    """

    def __init__(self, *, concurrency: Concurrency, max_pending_bytes: int) -> None:
        super().__init__(concurrency=concurrency, max_pending_bytes=max_pending_bytes)
        self.expiry = Expiry(concurrency)
        self.mark = 0
        self.on_gap = lambda: self.sure(self.counters.gaps)
        self._sure_of = 0
        self._revocations: deque[_Revocation] = deque(maxlen=_KEPT)
        # What was granted anew while somebody read by an older grant: until when, by user and room.
        self._extended: dict[tuple[str, str], float] = {}

    def extend(self, user: str, room: str, until: float) -> None:
        """A user was granted a room anew, until this time of ``time.monotonic``: its streams go on till then."""
        with self._lock:
            theirs = [
                one
                for one in self.connections
                if one.grant is not None and one.grant.user == user and room in one.rooms and one.ends_without_rooms
            ]
            if not theirs:
                return
            if len(self._extended) >= _MOST_EXTENDED:
                # Whose end comes too early for that is back by itself, and let in.
                self._extended = {}
            self._extended[user, room] = until
        for connection in theirs:
            if until < float("inf"):
                self.expiry.add(until, partial(self._lapse_if_there, ref(connection), room))

    def revoke(self, user: str, room: str | None = None) -> None:
        """Take a room, or everything, from the connections of a user: from here on they get nothing of it.

        Each is told by ``realtime.revoked`` with the room. One that has no room left is ended, unless it can get
        another.
        """
        with self._lock:
            self.mark += 1
            self._revocations.append(_Revocation(self.mark, user, room))
            for key in [one for one in self._extended if one[0] == user and room in {None, one[1]}]:
                del self._extended[key]
            theirs = [one for one in self.connections if one.grant is not None and one.grant.user == user]
            for connection in theirs:
                self._take_back(connection, room, REVOKED)
        for connection in theirs:
            self._wake(connection)

    def sure(self, gaps: int) -> None:
        """What may have been revoked during so many gaps is known, and was taken back."""
        with self._lock:
            self._sure_of = max(self._sure_of, gaps)

    def check_sure(self, connection: Connection) -> None:
        """Raise ``BusUnavailable`` where a revocation may have been missed, and somebody was asked for this connection.

        What it reads of the log after a gap was perhaps published after its user was shown out.
        """
        if connection.grant is not None and self._sure_of < self.counters.gaps:
            raise BusUnavailable("what was revoked meanwhile is being looked up")

    def was_revoked(self, grant: Grant, rooms: Iterable[str]) -> bool:
        """Whether one of the rooms was revoked since the grant was asked for."""
        if grant.mark == self.mark:
            return False
        kept = tuple(self._revocations)
        # Nobody remembers what was revoked so long ago: it is asked again.
        return kept[0].number > grant.mark + 1 or any(
            one.number > grant.mark and one.user == grant.user and (one.room is None or one.room in rooms)
            for one in kept
        )

    def expire(self, connection: Connection, room: str | None = None) -> None:
        """The time of a grant is over: end the connection, or take the room from it. It is told.

        Harmless when it is closed.
        """
        self.take_back(connection, room, EXPIRED)

    def take_back(self, connection: Connection, room: str | None, event: str) -> None:
        """Take a room from one connection, or end it. It is told by this event. Harmless when it is closed."""
        with self._lock:
            self._take_back(connection, room, event)
        self._wake(connection)

    def check_reading(self, connection: Connection, room: str, grant: Grant | None) -> None:
        """Raise ``Forbidden`` where the connection reads the room no more, or was let in before that was revoked."""
        if grant is not None and (room not in connection.rooms or self.was_revoked(grant, (room,))):
            raise Forbidden(f"{room!r} was left, or access to it was revoked meanwhile")

    def _check_grant(self, connection: Connection, rooms: Iterable[str]) -> None:
        """Whoever asks for the lock now may have been let in before it was revoked."""
        grant = connection.grant
        if grant is None:
            return
        if self.was_revoked(grant, rooms):
            raise ConnectionClosed("what was granted was revoked meanwhile; ask again")
        if grant.until is not None:
            self.expiry.add(grant.until, partial(self._expire_if_there, ref(connection)))
        for room, until in grant.leases:
            self.expiry.add(until, partial(self._lapse_if_there, ref(connection), room))

    def _lapse_if_there(self, reference: ref[Connection], room: str) -> None:
        connection = reference()
        if connection is None or connection.grant is None or room not in connection.rooms:
            return
        until = self._extended.get((connection.grant.user, room), 0.0)
        if until <= time.monotonic():
            self._extended.pop((connection.grant.user, room), None)
            self.expire(connection, room)

    def _expire_if_there(self, reference: ref[Connection]) -> None:
        connection = reference()
        if connection is not None:
            self.expire(connection)

    def _take_back(self, connection: Connection, room: str | None, event: str) -> None:
        if room is None or (connection.rooms == {room} and connection.ends_without_rooms):
            self._finish(connection, event, {"room": room})
        elif room in connection.rooms and connection.state is not State.CLOSED:
            # Reading the log again from where it is, for the rooms that are left, drops what is pending of this one.
            self._fall_behind(connection)
            self._members.remove(connection, room)
            connection.notes += connection.control(event, {"room": room})

    def _finish(self, connection: Connection, event: str, data: Any) -> None:
        if connection.state is not State.CLOSED:
            self._leave_groups(connection)
            connection.state = State.CLOSED
            connection.pending = []
            connection.pending_bytes = 0
            connection.notes = connection.control(event, data)
