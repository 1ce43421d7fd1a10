"""The roster: where every process writes who is with it, so that all know who is in a room. This file is the contract.

* **Leases.** A process holds one lease for all that it wrote. Once that is over, nothing of it is read any more; any
  other process may bury it, after it has told whom that concerns.
* **Nothing for good.** What a process wrote disappears with it, at the latest a day after it was written last.

What is written means nothing here: fields and texts, by process and room. Nothing may be done for each connection.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

Fields = Mapping[str, str]
Changes = Mapping[str, Mapping[str, str | None] | None]
"""By room: fields to write, ``None`` for those to remove; ``None`` for all of a room's."""


class Page(NamedTuple):
    """What one process wrote of a room: some of its fields, at least so many as were asked for, and how many it has."""

    fields: Fields
    size: int


class Roster(ABC):
    """What all processes of a bus wrote. Each method raises ``BusUnavailable``, and then may have done half."""

    @abstractmethod
    def renew(self, process: str, ttl: float) -> bool:
        """Hold the process's lease for ``ttl`` seconds from now.

        Returns:
            Whether there was one. Where there was none, nothing that it wrote is there any more.
        """

    @abstractmethod
    def write(self, process: str, changes: Changes) -> None:
        """Change what the process wrote."""

    @abstractmethod
    def rewrite(self, process: str, rooms: Mapping[str, Fields]) -> None:
        """Write the rooms anew, whatever was there of them."""

    @abstractmethod
    def read(self, rooms: Sequence[str], *, most: int) -> dict[str, dict[str, Page]]:
        """By room and process, what those wrote that hold a lease; of each about ``most`` fields where it has more."""

    @abstractmethod
    def over(self) -> dict[str, list[str]]:
        """The processes whose leases are over and that were not buried: where they had written something."""

    @abstractmethod
    def bury(self, process: str, rooms: Sequence[str]) -> bool:
        """Forget a process whose lease is over; whether it was, and was not buried before."""


class MemoryRoster(Roster):
    """In this process's memory.

    Args:
        lock: guards it.
    """

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self._lock = lock
        self._leases: dict[str, float] = {}
        self._sheets: dict[str, dict[str, dict[str, str]]] = {}

    def renew(self, process: str, ttl: float) -> bool:
        with self._lock:
            held = process in self._leases
            self._leases[process] = time.monotonic() + ttl
            return held

    def write(self, process: str, changes: Changes) -> None:
        with self._lock:
            rooms = self._sheets.setdefault(process, {})
            for room, fields in changes.items():
                kept = {} if fields is None else rooms.get(room, {})
                for field, text in (fields or {}).items():
                    if text is None:
                        kept.pop(field, None)
                    else:
                        kept[field] = text
                rooms[room] = kept
                if not kept:
                    del rooms[room]

    def rewrite(self, process: str, rooms: Mapping[str, Fields]) -> None:
        with self._lock:
            self.write(process, dict.fromkeys(rooms))
            self.write(process, rooms)

    def read(self, rooms: Sequence[str], *, most: int) -> dict[str, dict[str, Page]]:
        with self._lock:
            now = time.monotonic()
            alive = [one for one, until in self._leases.items() if until > now]
            return {
                room: {
                    one: Page(dict(list(fields.items())[:most]), len(fields))
                    for one in alive
                    if (fields := self._sheets.get(one, {}).get(room))
                }
                for room in rooms
            }

    def over(self) -> dict[str, list[str]]:
        with self._lock:
            now = time.monotonic()
            return {one: list(self._sheets.get(one, {})) for one, until in self._leases.items() if until <= now}

    def bury(self, process: str, rooms: Sequence[str]) -> bool:  # noqa: ARG002  the face: others must know where to look
        with self._lock:
            if self._leases.get(process, float("inf")) > time.monotonic():
                return False
            del self._leases[process]
            self._sheets.pop(process, None)
            return True
