"""Attendance: who of this process's connections is in which room, and who was until a moment ago.

Whoever goes is counted for a little longer: the same one may be back before anybody has noticed (a page is loaded anew,
another transport is tried). The hub feeds it under its lock, so that nothing here may wait. It tells nobody anything.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple

from ..concurrency import Concurrency
from ..presence import MOST_USER, NOBODY, Who
from .connection import Connection, Grant

LINGER: Final = 0.6
"""Seconds that somebody who went is still counted."""
POLL_LINGER: Final = 5.0
"""The same for a client that polls, or reads streams that end: its next request may take its time."""


class _Key(NamedTuple):
    """Who comes back in whose place: a connection in that of any other of the same person, a poll in its own."""

    who: Who
    client: str


class _Room:
    """One room: who is counted in it, and why. ``counts`` is always what the rest adds up to."""

    __slots__ = ("counts", "gone", "polls", "present")

    def __init__(self) -> None:
        self.present: dict[Connection, tuple[Who, str]] = {}
        self.polls: Counter[_Key] = Counter()
        self.gone: dict[_Key, list[tuple[float, str]]] = {}
        self.counts: dict[Who, dict[str, int]] = {}

    def __bool__(self) -> bool:
        return bool(self.present or self.polls or self.gone)

    def add(self, who: Who, transport: str, count: int) -> None:
        """So many more, or less, of somebody's connections over a transport."""
        counts = self.counts.setdefault(who, {})
        counts[transport] = counts.get(transport, 0) + count
        if counts[transport] <= 0:
            del counts[transport]
        if not counts:
            del self.counts[who]

    def came(self, who: Who, transport: str, client: str = "") -> None:
        """Somebody is here: in the place of one who went, if there is such a one, perhaps over another transport."""
        key = _Key(who, client)
        if key in self.gone:
            _, before = self.gone[key].pop(0)
            if not self.gone[key]:
                del self.gone[key]
            self.add(who, before, -1)
        self.add(who, transport, 1)

    def went(self, who: Who, transport: str, client: str = "", *, until: float) -> None:
        """Somebody went, and is counted for a while."""
        self.gone.setdefault(_Key(who, client), []).append((until, transport))

    def forget(self, now: float) -> None:
        """Whose time is over counts no more."""
        for key in list(self.gone):
            for until, transport in self.gone[key]:
                if until <= now:
                    self.add(key.who, transport, -1)
            left = [one for one in self.gone[key] if one[0] > now]
            if left:
                self.gone[key] = left
            else:
                del self.gone[key]

    def look(self, connection: Connection, name: str) -> None:
        """A connection may be another's by now, or over another transport."""
        before, after = self.present.get(connection), _told(connection, name)
        if before is not None and before != after:
            self.present[connection] = after
            self.add(*before, -1)
            self.add(*after, 1)


class Attendance:
    """Who is here.

    Args:
        concurrency: for the lock.
        woken: called when there is something to look at. It may not wait.
        clock: seconds, steadily rising.
    """

    def __init__(
        self, *, concurrency: Concurrency, woken: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._mutex = concurrency.mutex()
        self._woken = woken
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._due: list[tuple[float, str]] = []
        self._touched: set[str] = set()

    @property
    def rooms(self) -> set[str]:
        """The rooms in which anybody is counted."""
        with self._mutex:
            return set(self._rooms)

    def moved(self, connection: Connection, name: str, here: bool) -> None:
        """A connection reads the room from now on, or no more."""
        if not connection.counts:
            return
        with self._mutex:
            room = self._rooms.setdefault(name, _Room())
            if here:
                room.present[connection] = told = _told(connection, name)
                room.came(*told)
                self._touched.add(name)
            elif connection in room.present:
                self._linger(name, POLL_LINGER if connection.passing else LINGER, *room.present.pop(connection))
        self._woken()

    def polling(self, name: str, who: Who, client: str, here: bool) -> None:
        """A client's long poll has begun, or is answered."""
        key = _Key(who, client)
        with self._mutex:
            room = self._rooms.setdefault(name, _Room())
            room.polls[key] += 1 if here else -1
            if room.polls[key] <= 0:
                del room.polls[key]
            if here:
                room.came(who, "poll", client)
                self._touched.add(name)
            else:
                self._linger(name, POLL_LINGER, who, "poll", client)
        self._woken()

    def look(self, connection: Connection, name: str) -> None:
        """A connection has said another name in the room."""
        with self._mutex:
            if name in self._rooms:
                self._rooms[name].look(connection, name)
                self._touched.add(name)
        self._woken()

    def look_again(self) -> None:
        """Something may be different of any connection."""
        with self._mutex:
            for name, room in self._rooms.items():
                for connection in room.present:
                    room.look(connection, name)
            self._touched.update(self._rooms)
        self._woken()

    def take(self) -> set[str]:
        """The rooms to look at now: something has happened there, or somebody's time is over."""
        with self._mutex:
            now = self._clock()
            names, self._touched = self._touched, set()
            while self._due and self._due[0][0] <= now:
                names.add(heapq.heappop(self._due)[1])
            for name in names:
                room = self._rooms.get(name)
                if room is not None:
                    room.forget(now)
                    if not room:
                        del self._rooms[name]
            return names

    def due(self) -> float | None:
        """In how many seconds there is something to take; ``None`` for never."""
        with self._mutex:
            if self._touched:
                return 0.0
            return max(self._due[0][0] - self._clock(), 0.0) if self._due else None

    def sheet(self, name: str, *, most: int | None = None) -> dict[Who, dict[str, int]]:
        """How many connections everybody has in the room, by transport; of so many members at most, and of nobody."""
        with self._mutex:
            room = self._rooms.get(name)
            if room is None:
                return {}
            sheet = {who: dict(counts) for who, counts in islice(room.counts.items(), most)}
            if NOBODY in room.counts:
                sheet[NOBODY] = dict(room.counts[NOBODY])
            return sheet

    def size(self, name: str) -> int:
        """How many members a sheet of the room has in all, with nobody as one."""
        with self._mutex:
            return len(self._rooms[name].counts) if name in self._rooms else 0

    def _linger(self, name: str, seconds: float, who: Who, transport: str, client: str = "") -> None:
        until = self._clock() + seconds
        self._rooms[name].went(who, transport, client, until=until)
        heapq.heappush(self._due, (until, name))


def who_is(grant: Grant | None, name: str | None) -> Who:
    """Whom a connection belongs to."""
    user = None if grant is None else grant.user[:MOST_USER]
    return NOBODY if user is None and name is None else Who(user, name)


def _told(connection: Connection, name: str) -> tuple[Who, str]:
    about = None if connection.about is None else connection.about.get(name)
    return who_is(connection.grant, None if about is None else about.name), connection.carrier
