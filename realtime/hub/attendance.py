"""Attendance: who of this process's connections is in which room, and who was until a moment ago.

Whoever goes is counted for a little longer: the same one may be back before anybody has noticed (a page is loaded anew,
another transport is tried). The hub feeds it under its lock, so that nothing here may wait. It tells nobody anything.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
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
        self._present: dict[str, set[Connection]] = {}
        self._polls: dict[str, Counter[_Key]] = {}
        self._gone: dict[str, dict[_Key, list[tuple[float, str]]]] = {}
        self._due: list[tuple[float, str]] = []
        self._touched: set[str] = set()

    @property
    def rooms(self) -> set[str]:
        """The rooms in which anybody is counted."""
        with self._mutex:
            return {*self._present, *self._polls, *self._gone}

    def moved(self, connection: Connection, room: str, here: bool) -> None:
        """A connection reads the room from now on, or no more."""
        if not connection.counts:
            return
        key = _Key(who_is(connection.grant, _name(connection, room)), "")
        with self._mutex:
            present = self._present.setdefault(room, set())
            if here:
                present.add(connection)
                self._returned(room, key)
            else:
                present.discard(connection)
                self._went(room, key, connection.carrier, POLL_LINGER if connection.passing else LINGER)
            if not present:
                del self._present[room]
        self._woken()

    def polling(self, room: str, who: Who, client: str, here: bool) -> None:
        """A client's long poll has begun, or is answered."""
        key = _Key(who, client)
        with self._mutex:
            polls = self._polls.setdefault(room, Counter())
            polls[key] += 1 if here else -1
            if here:
                self._returned(room, key)
            else:
                self._went(room, key, "poll", POLL_LINGER)
            if polls[key] <= 0:
                del polls[key]
            if not polls:
                del self._polls[room]
        self._woken()

    def touch(self, *rooms: str) -> None:
        """Something may be different there; without a name, everywhere."""
        with self._mutex:
            self._touched.update(rooms or self.rooms)
        self._woken()

    def take(self) -> set[str]:
        """The rooms to look at now: something has happened there, or somebody's time is over."""
        with self._mutex:
            now = self._clock()
            rooms, self._touched = self._touched, set()
            while self._due and self._due[0][0] <= now:
                rooms.add(heapq.heappop(self._due)[1])
            return rooms

    def due(self) -> float | None:
        """In how many seconds there is something to take; ``None`` for never."""
        with self._mutex:
            if self._touched:
                return 0.0
            return max(self._due[0][0] - self._clock(), 0.0) if self._due else None

    def sheet(self, room: str) -> dict[Who, dict[str, int]]:
        """How many connections everybody has in the room, by transport."""
        with self._mutex:
            counts: Counter[tuple[Who, str]] = Counter()
            for connection in self._present.get(room, ()):
                counts[who_is(connection.grant, _name(connection, room)), connection.carrier] += 1
            for key, count in self._polls.get(room, {}).items():
                counts[key.who, "poll"] += count
            for key, ends in self._gone_now(room).items():
                for _, transport in ends:
                    counts[key.who, transport] += 1
        sheet: dict[Who, dict[str, int]] = {}
        for (who, transport), count in counts.items():
            sheet.setdefault(who, {})[transport] = count
        return sheet

    def _went(self, room: str, key: _Key, transport: str, linger: float) -> None:
        until = self._clock() + linger
        self._gone.setdefault(room, {}).setdefault(key, []).append((until, transport))
        heapq.heappush(self._due, (until, room))

    def _returned(self, room: str, key: _Key) -> None:
        """Somebody who went is back, perhaps over another transport."""
        self._touched.add(room)
        gone = self._gone.get(room, {})
        if key in gone:
            gone[key].pop(0)
            if not gone[key]:
                del gone[key]
            if not gone:
                del self._gone[room]

    def _gone_now(self, room: str) -> dict[_Key, list[tuple[float, str]]]:
        """Those whose time is not over. The others are forgotten."""
        now = self._clock()
        gone = {
            key: left
            for key, ends in self._gone.get(room, {}).items()
            if (left := [one for one in ends if one[0] > now])
        }
        if gone:
            self._gone[room] = gone
        else:
            self._gone.pop(room, None)
        return gone


def who_is(grant: Grant | None, name: str | None) -> Who:
    """Whom a connection belongs to."""
    user = None if grant is None else grant.user[:MOST_USER]
    return NOBODY if user is None and name is None else Who(user, name)


def _name(connection: Connection, room: str) -> str | None:
    about = None if connection.about is None else connection.about.get(room)
    return None if about is None else about.name
