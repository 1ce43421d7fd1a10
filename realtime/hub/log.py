"""What the hub needs of the log, and the index of who reads which room. Neither knows a bus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..message import START, Message, Position
from .connection import Connection, Encoder


class Slice(Protocol):
    """A piece of the log, as ``bus.base.Replay`` describes it."""

    @property
    def messages(self) -> Sequence[Message]:
        """Oldest first."""

    @property
    def recovered(self) -> bool:
        """Nothing between the cursor and now is missing."""

    @property
    def start(self) -> Position:
        """Right before the first message."""

    @property
    def cursor(self) -> Position:
        """Continue after this."""

    @property
    def more(self) -> bool:
        """The limit cut it short."""


class Log(Protocol):
    """What the hub needs of a bus."""

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Slice:
        """What the rooms got after a cursor, oldest first."""

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Slice:
        """The newest messages of the rooms together, oldest first."""


def before(message: Message) -> Position:
    """The last position before a message of the log."""
    at = message.id or START
    return Position(at.ms, at.n - 1) if at.n else Position(max(at.ms - 1, 0), 2**64 - 1)


class Counters:
    """What the hub counts, for ``/metrics``. Plain integers, changed under the hub's lock."""

    __slots__ = ("deliveries", "gaps", "messages", "resets", "spills")

    def __init__(self) -> None:
        self.messages = self.deliveries = self.spills = self.resets = self.gaps = 0


class Members:
    """Who reads which room, grouped by wire format, so that each format is encoded once. A room without readers is
    gone.
    """

    __slots__ = ("_rooms",)

    def __init__(self) -> None:
        self._rooms: dict[str, dict[Encoder, set[Connection]]] = {}

    def __contains__(self, room: str) -> bool:
        return room in self._rooms

    def __len__(self) -> int:
        return len(self._rooms)

    def of(self, rooms: Sequence[str]) -> Iterator[tuple[Encoder, set[Connection]]]:
        """The readers of the rooms, by format. One that reads several of the rooms comes several times."""
        for room in rooms:
            yield from self._rooms.get(room, {}).items()

    def count(self, room: str) -> int:
        """How many read the room."""
        return sum(len(members) for members in self._rooms.get(room, {}).values())

    def add(self, connection: Connection, room: str) -> None:
        """The connection reads the room from now on."""
        connection.rooms.add(room)
        self._rooms.setdefault(room, {}).setdefault(connection.encode, set()).add(connection)

    def remove(self, connection: Connection, room: str) -> None:
        """It reads the room no more. Harmless when it did not."""
        connection.rooms.discard(room)
        formats = self._rooms.get(room)
        if formats is None or connection.encode not in formats:
            return
        formats[connection.encode].discard(connection)
        if not formats[connection.encode]:
            del formats[connection.encode]
        if not formats:
            del self._rooms[room]
