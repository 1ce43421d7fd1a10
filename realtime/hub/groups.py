"""Groups: who reads which room in which wire format, and what those of them share.

Most connections of a room are in the same state: live, with nothing of their own waiting, on a socket that takes what
it is given. For these a message is not appended to each one's pending, but once to what the group shares; when the loop
turn is over, the joined bytes are written to one after the other. Whoever leaves that state is parted from it, and then
has pending payloads of its own like every other connection. This file neither reads the log nor waits for anything.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TypeGuard

from ..message import START, Position
from .connection import Connection, Encoder
from .gathering import CROWD, Gathering

_MUCH: Final = 64 * 1024  # Bytes for each reader with which nothing more is waited for.
_NOTHING: Final = (0, START)


class SharingConnection(Connection):
    """A connection that can be written without waiting, so that it may share what its room has pending.

    Attributes:
        shared: the groups that it shares with, one per room; ``None`` while it has pending payloads of its own.
    """

    __slots__ = ("shared",)

    def __init__(self, id: str, encode: Encoder) -> None:
        super().__init__(id, encode)
        self.shared: tuple[Group, ...] | None = None

    @property
    def due(self) -> bool:
        """Whether something waits to be taken."""
        if self.shared is None:
            return bool(self.pending)
        for group in self.shared:  # noqa: SIM110  asked for with each answer; a generator takes five times as long
            if group.pending:
                return True
        return False

    @abstractmethod
    def put(self, data: bytes) -> None:
        """Write this now. Whoever cannot take all of it says so by ``Hub.part``. It may not block."""

    @abstractmethod
    def flush_soon(self, group: Group) -> None:
        """Have ``group.flush`` called once, at the end of this loop turn."""


def is_sharing(connection: Connection) -> TypeGuard[SharingConnection]:
    """Whether it shares just now."""
    return isinstance(connection, SharingConnection) and connection.shared is not None


class Group:
    """Those who read one room in one wire format. All of it changes under the hub's lock only.

    Args:
        lock: the hub's.
        dirty: the hub's set of groups with something pending; this group puts itself in and takes itself out.

    Attributes:
        apart: readers with pending payloads of their own.
        together: readers that share the group's.
        several: those of ``together`` that read other rooms, too.
        pending: payloads that nobody of ``together`` was written yet.
        before: the hub's position before the first of them.
        gathering: says when to write; ``None`` for the few, who are written at the end of each loop turn.
        had: readers that were given the first few of ``pending`` already: how many, and the hub's position then.
    """

    __slots__ = (
        "_dirty",
        "_lock",
        "alone",
        "apart",
        "before",
        "gathering",
        "had",
        "pending",
        "pending_bytes",
        "several",
        "together",
    )

    def __init__(self, *, lock: AbstractContextManager[Any], dirty: set[Group]) -> None:
        self._lock = lock
        self._dirty = dirty
        self.alone = (self,)
        self.apart: set[Connection] = set()
        self.together: set[SharingConnection] = set()
        self.several: set[SharingConnection] = set()
        self.pending: list[Any] = []
        self.pending_bytes = 0
        self.before = START
        self.had: dict[SharingConnection, tuple[int, Position]] = {}
        self.gathering: Gathering | None = None

    def append(self, payload: Any, size: int, *, before: Position) -> None:
        """One more for all who share."""
        if not self.pending:
            self.before = before
            self._dirty.add(self)
        self.pending.append(payload)
        self.pending_bytes += size

    def waits(self, now: float) -> bool:
        """Whether more should come before this is written; ``now`` is of ``time.monotonic``."""
        gathering = self.gathering if self.pending_bytes < _MUCH else None
        return gathering is not None and gathering.waits(len(self.pending), now)

    def flush(self) -> None:
        """Write what is pending to all who share it. Called where sockets are written, without the hub's lock."""
        with self._lock:
            payloads, had, members = self.clear(), self.had, tuple(self.together)
            if had:
                self.had = {}
        if not payloads or not members:
            return
        data, began = members[0].joined(payloads), time.monotonic()
        for member in members:
            try:
                if not had or member not in had:
                    member.put(data)
                elif had[member][0] < len(payloads):
                    member.put(member.joined(payloads[had[member][0] :]))
            except Exception:
                # One connection's fault must not keep the others from what is theirs.
                logging.getLogger(__name__).exception("a connection could not be written")
        if self.gathering is not None:
            self.gathering.written(len(payloads), began, time.monotonic())

    def clear(self) -> list[Any]:
        """Take everything that is pending."""
        payloads, self.pending, self.pending_bytes = self.pending, [], 0
        self._dirty.discard(self)
        return payloads

    def share(self, connection: SharingConnection, *, position: Position, several: bool) -> None:
        """From here on the connection has what the group has. What is pending now it was given already."""
        self.apart.discard(connection)
        self.together.add(connection)
        if self.gathering is None and len(self.together) >= CROWD:
            self.gathering = Gathering()
        if several:
            self.several.add(connection)
        if self.pending:
            self.had[connection] = (len(self.pending), position)

    def part(self, connection: SharingConnection) -> tuple[list[Any], Position | None]:
        """From here on it has pending payloads of its own: those returned, all after the position returned."""
        self.together.discard(connection)
        self.several.discard(connection)
        self.apart.add(connection)
        rest = self._rest(connection)
        if not self.together:
            self.clear()
        return rest

    def give(self, connection: SharingConnection, *, position: Position) -> list[Any]:
        """What is pending, of which there is some, for one of those who share, ahead of the others."""
        count, _ = self.had.get(connection, _NOTHING)
        self.had[connection] = (len(self.pending), position)
        return self.pending[count:]

    def _rest(self, connection: SharingConnection) -> tuple[list[Any], Position | None]:
        count, cursor = self.had.pop(connection, (0, self.before))
        rest = self.pending[count:]
        return rest, cursor if rest else None

    def __len__(self) -> int:
        return len(self.apart) + len(self.together)


class Members:
    """Who reads which room, grouped by wire format, so that each format is encoded once. A room without readers is
    gone.

    Args:
        lock: the hub's.

    Attributes:
        dirty: groups with something pending.
        told: called when somebody reads a room from now on (true), or no more. It may not wait.
    """

    __slots__ = ("_lock", "_rooms", "dirty", "told")

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self._lock = lock
        self._rooms: dict[str, dict[Encoder, Group]] = {}
        self.dirty: set[Group] = set()
        self.told: Callable[[Connection, str, bool], None] | None = None

    def __contains__(self, room: str) -> bool:
        return room in self._rooms

    def __len__(self) -> int:
        return len(self._rooms)

    def of(self, rooms: Sequence[str]) -> list[tuple[Encoder, Group]]:
        """The readers of the rooms, by format. One that reads several of the rooms comes several times."""
        if len(rooms) == 1:
            formats = self._rooms.get(rooms[0])
            return [] if formats is None else list(formats.items())
        return [found for room in rooms for found in self._rooms.get(room, {}).items()]

    def groups(self, connection: Connection) -> Iterable[Group]:
        """The groups that a connection belongs to."""
        return (self._rooms[room][connection.encode] for room in connection.rooms)

    def count(self, room: str) -> int:
        """How many read the room."""
        return sum(map(len, self._rooms.get(room, {}).values()))

    def add(self, connection: Connection, room: str) -> None:
        """The connection reads the room from now on, and shares with nobody."""
        if room in connection.rooms:
            return
        connection.rooms.add(room)
        formats = self._rooms.setdefault(room, {})
        if connection.encode not in formats:
            formats[connection.encode] = Group(lock=self._lock, dirty=self.dirty)
        formats[connection.encode].apart.add(connection)
        if self.told is not None:
            self.told(connection, room, True)

    def remove(self, connection: Connection, room: str) -> None:
        """It reads the room no more; it must not share. Harmless when it did not read it."""
        if room not in connection.rooms:
            return
        connection.rooms.discard(room)
        formats = self._rooms[room]
        group = formats[connection.encode]
        group.apart.discard(connection)
        if not group:
            group.clear()
            del formats[connection.encode]
        if not formats:
            del self._rooms[room]
        if self.told is not None:
            self.told(connection, room, False)
