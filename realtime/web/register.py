"""What one process writes into the bus's roster: its lease and who is with it. And of others, that they are dead.

Where the bus may have lost it, everything is written anew, and for a moment nobody is believed to be gone. This file
may not tell clients anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..bus.base import Bus
from ..errors import BusUnavailable
from ..hub.attendance import Attendance
from ..presence import Sheet, field_of, written

METHOD: Final = "presence"
TOGETHER: Final = 100
"""Rooms of one notice, and of one reading."""
QUIET: Final = 3.0
"""Seconds that all processes have, after an outage, to write again what the bus may have lost."""
_BEATS: Final = 3
"""How often a lease is renewed within its time."""


class Register:
    """This process's part of the roster.

    Args:
        process: its name.
        bus: where the roster is, and what relays that something in it has changed.
        attendance: who is here.
        ttl: seconds that it is believed without a sign of life.
        changed: told of the rooms of which this process has changed what is written.

    Attributes:
        beat_at: when the lease is to be renewed.
        quiet_until: until when what is read may lack somebody.
    """

    def __init__(
        self,
        process: str,
        *,
        bus: Bus,
        attendance: Attendance,
        ttl: float,
        changed: Callable[[Sequence[str]], None],
    ) -> None:
        self.process = process
        self.beat_at = self.quiet_until = 0.0
        self._bus, self._roster = bus, bus.roster
        self._attendance = attendance
        self._ttl = ttl
        self._changed = changed
        self._sheets: dict[str, Sheet] = {}
        self._sure = True
        self._bury_from = 0.0

    @property
    def rooms(self) -> set[str]:
        """The rooms of which something is written."""
        return set(self._sheets)

    def doubt(self) -> None:
        """The bus may have lost what was written, by everybody."""
        now = time.monotonic()
        self._sure = False
        self.quiet_until, self._bury_from = now + QUIET, now + QUIET + self._ttl

    def beat(self, now: float) -> None:
        """Renew the lease, if it is time, and look for processes whose lease is over. Raises ``BusUnavailable``."""
        if now < self.beat_at or not (self._sheets or self._attendance.rooms):
            return
        if not self._roster.renew(self.process, self._ttl) and self._sheets:
            # Somebody thought this process dead, or the bus has lost what everybody wrote.
            self.doubt()
        self.beat_at = now + self._ttl / _BEATS
        # Transports change without a word: a session is upgraded.
        self._attendance.look_again()
        if now < self._bury_from:
            return
        for process, rooms in self._roster.over().items():
            if process != self.process:
                self._notice(rooms)
                self._roster.bury(process, rooms)

    def write(self, rooms: set[str]) -> None:
        """Write what is different in the rooms, and tell all processes where that is. Raises ``BusUnavailable``."""
        sure = self._sure
        looked = rooms if sure else {*rooms, *self._sheets, *self._attendance.rooms}
        found = {room: self._attendance.sheet(room) for room in looked}
        changed = [room for room in looked if not sure or found[room] != self._sheets.get(room, {})]
        try:
            if sure:
                self._roster.write(self.process, {room: self._change(room, found[room]) for room in changed})
            else:
                self._roster.rewrite(self.process, {room: written(found[room]) for room in changed})
            self._notice(changed)
        except BusUnavailable:
            self._sure = False
            raise
        self._sure = True
        self._sheets.update(found)
        for room in [room for room in looked if not found[room]]:
            del self._sheets[room]

    def close(self, *, within: float) -> None:
        """This process goes; its clients come back elsewhere within so many seconds. Until then they are not gone."""
        if not self._sheets or not self._bus.shared:
            return
        try:
            self._roster.renew(self.process, min(within + QUIET, self._ttl))
        except BusUnavailable:
            pass  # Its lease ends by itself.

    def _change(self, room: str, sheet: Sheet) -> Mapping[str, str | None] | None:
        before = self._sheets.get(room, {})
        if not sheet:
            return None
        changed = {who: counts for who, counts in sheet.items() if before.get(who) != counts}
        return {**written(changed), **dict.fromkeys(map(field_of, before.keys() - sheet.keys()))}

    def _notice(self, rooms: Sequence[str]) -> None:
        for start in range(0, len(rooms), TOGETHER):
            part = list(rooms[start : start + TOGETHER])
            self._bus.relay({"method": METHOD, "by": self.process, "rooms": part})
        self._changed(rooms)
