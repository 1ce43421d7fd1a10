"""Presence: reads from the bus who is in which room, in all processes, and tells the rooms what has changed.

One task does that, and writes who is here (``register``), a few times a second at most and for all rooms together:
nobody who connects waits for it. While the bus is away, what was known stands. This file may not decide who may see it.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ..bus.base import Bus
from ..concurrency import Concurrency
from ..errors import BusUnavailable
from ..hub.attendance import Attendance, who_is
from ..hub.connection import Connection, Grant
from ..hub.hub import Hub
from ..names import check_person
from ..presence import EMPTY, EVENT, MOST_LISTED, About, View, difference, merged, read, rooms_of
from .register import METHOD, TOGETHER, Register

_GATHER: Final = 0.15
"""Seconds that changes gather before they are told together."""
_PACE: Final = 2.0
"""The same in rooms that are told numbers only."""
_RETRY: Final = 1.0
_LONG: Final = 3600.0


class Presence:
    """Who is where, for one application.

    Args:
        bus: its roster, and what relays that something has changed.
        hub: knows who reads here, and tells them.
        concurrency: for the task.
        ttl: seconds that this process's clients are believed to be here without a sign of its life.
    """

    def __init__(self, *, bus: Bus, hub: Hub, concurrency: Concurrency, ttl: float) -> None:
        self._bus, self._hub, self._concurrency, self._ttl = bus, hub, concurrency, ttl
        self._log = logging.getLogger(__name__)
        self._mutex = concurrency.mutex()
        self.forked()

    def forked(self) -> None:
        """Begin anew: whoever was here is another process's."""
        self._pid = os.getpid()
        self._attendance = Attendance(concurrency=self._concurrency, woken=self._wake)
        self._register = Register(
            f"{secrets.token_hex(8)}-{self._pid}",
            bus=self._bus,
            attendance=self._attendance,
            ttl=self._ttl,
            changed=self._notice,
        )
        self._woken = self._concurrency.event()
        self._running = self._closed = False
        self._views: dict[str, View] = {}
        self._touched: set[str] = set()
        self._noticed: set[str] = set()
        self._resting: dict[str, float] = {}
        self._hub.tell_moves(self._attendance.moved)

    def about(self, name: object, rooms: Iterable[str], sees: Callable[[str], bool]) -> Mapping[str, About] | None:
        """What is to be remembered of a client that joins the rooms.

        Args:
            name: what it calls itself, if anything.
            rooms: which.
            sees: whether it may know who is in a room.

        Raises:
            InvalidValue: not a name.
        """
        said = check_person(name)
        about = {room: About(said, sees(room)) for room in rooms}
        if not all(one.sees for one in about.values()):
            self._hub.some_blind = True
        elif said is None:
            return None
        return about

    def joining(self, connection: Connection, room: str, about: Mapping[str, About] | None) -> None:
        """A client joins a room, or says another name in one that it is in already."""
        others = {
            one: said for one, said in (connection.about or {}).items() if one in connection.rooms and one != room
        }
        connection.about = {**others, **(about or {})} or None
        if room in connection.rooms:
            self._attendance.look(connection, room)

    @contextmanager
    def polling(self, room: str, grant: Grant | None, name: str | None, client: str) -> Iterator[None]:
        """Around a long poll: its client is there until it is answered, and a few seconds longer.

        Args:
            client: tells clients apart that say no name, as well as that can be done.
        """
        who = who_is(grant, name)
        self._attendance.polling(room, who, client, True)
        try:
            yield
        finally:
            self._attendance.polling(room, who, client, False)

    def view(self, room: str) -> View:
        """Who is in the room, in all processes; while the bus is away, who was when it was there last.

        Raises:
            BusUnavailable: it is away, and nobody in this process follows the room.
        """
        try:
            return self._read([room])[room]
        except BusUnavailable:
            if room in self._views:
                return self._views[room]
            raise

    def before(self, others: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
        """What gets each relayed payload: notices end here, the rest goes on to the others."""

        def relayed(payload: dict[str, Any]) -> None:
            if payload.get("method") == METHOD:
                if payload.get("by") != self._register.process:
                    self._notice(room for room in rooms_of(payload) if self._hub.wants([room]))
            else:
                others(payload)

        return relayed

    def missed(self) -> None:
        """Notices may have been missed."""
        self._notice(tuple(self._views))

    def bus(self, up: bool) -> None:
        """The bus was lost, or found again: perhaps empty, and everybody needs a moment to write anew."""
        if up:
            self._register.doubt()
            self._notice(tuple(self._views))

    def close(self, *, within: float) -> None:
        """This process goes. Its clients come back elsewhere within so many seconds; until then they are not gone."""
        self._closed = True
        self._woken.set()
        if self._pid == os.getpid():
            self._register.close(within=within)

    def _notice(self, rooms: Iterable[str]) -> None:
        with self._mutex:
            before = len(self._noticed)
            self._noticed.update(rooms)
            more = len(self._noticed) > before
        if more:
            self._wake()

    def _wake(self) -> None:
        if self._closed:
            return
        self._woken.set()
        with self._mutex:
            if self._running:
                return
            self._running = True
        self._concurrency.spawn(self._run, name="realtime-presence")

    def _run(self) -> None:
        pid, wait = self._pid, 0.0
        while True:
            self._woken.wait(wait)
            self._woken.clear()
            self._concurrency.sleep(_GATHER)
            if self._closed or os.getpid() != pid:
                return
            wait = _RETRY
            try:
                self._step(time.monotonic())
                wait = self._rest(time.monotonic())
            except BusUnavailable:
                pass  # What was to be done is remembered.
            except Exception:  # noqa: BLE001  whatever it is, the task goes on
                # Nobody else would go on with it.
                self._log.exception("who is here could not be told")

    def _step(self, now: float) -> None:
        self._resting = {room: until for room, until in self._resting.items() if until > now}
        self._touched |= self._attendance.take()
        self._register.beat(now)
        ready = {room for room in self._touched if room not in self._resting}
        self._register.write(ready)
        self._touched -= ready
        # What nobody here knows of yet, though somebody here reads it.
        self._notice(room for room in self._register.rooms - self._views.keys() if self._hub.wants([room]))
        if now >= self._register.quiet_until:
            self._tell()

    def _rest(self, now: float) -> float:
        """For how long there is nothing to do."""
        times = [self._attendance.due(), *(until - now for until in self._resting.values())]
        if self._register.rooms:
            times.append(self._register.beat_at - now)
        if self._noticed - self._resting.keys():
            times.append(self._register.quiet_until - now)
        return max(min((one for one in times if one is not None), default=_LONG), 0.0)

    def _tell(self) -> None:
        """Read what all processes know of the rooms where something has changed, and tell what that is."""
        with self._mutex:
            noticed = {room for room in self._noticed if room not in self._resting}
            self._noticed -= noticed
        self._views = {room: view for room, view in self._views.items() if self._hub.wants([room])}
        wanted = [room for room in noticed if self._hub.wants([room])]
        for start in range(0, len(wanted), TOGETHER):
            try:
                views = self._read(wanted[start : start + TOGETHER])
            except BusUnavailable:
                self._notice(wanted[start:])
                raise
            for room, view in views.items():
                self._say(room, view)

    def _say(self, room: str, view: View) -> None:
        told = difference(room, self._views.get(room, EMPTY), view)
        self._views[room] = view
        if view.counted:
            self._resting[room] = time.monotonic() + _PACE
        if told is not None:
            self._hub.say(room, EVENT, told)

    def _read(self, rooms: Sequence[str]) -> dict[str, View]:
        found: dict[str, View] = {}
        for room, pages in self._bus.roster.read(rooms, most=MOST_LISTED).items():
            # Of this process more is known than it has written.
            others = [page for process, page in pages.items() if process != self._register.process]
            own = self._attendance.sheet(room, most=MOST_LISTED)
            unread = sum(max(page.size - len(page.fields), 0) for page in others)
            unread += max(self._attendance.size(room) - len(own), 0)
            found[room] = merged([*(read(one.fields) for one in others), own], unread=unread)
        return found
