"""What a connection got, as a line on which a client's offset is a place: what comes after the place is what it missed.

A connection gets its rooms in the order of ids, but for one thing: who joins a room with a cursor or with history gets
older messages of that room first. So its line is: the rooms it had, up to the join; that room's older messages; all
of them, from there on. The rest of that line, from the last id that the client has seen, neither lacks nor repeats
anything. This file reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..message import Position


class Join(NamedTuple):
    """How a room was joined.

    Attributes:
        start: what the log held after this was sent first; the same as ``upto`` where nothing was asked for.
        upto: live from here on.
        asked: the client asked for it, and whether it may was decided then. Otherwise the application put it in.
    """

    start: Position
    upto: Position
    asked: bool


class Stretch(NamedTuple):
    """A piece of the line: what the rooms got after one position, up to another; without that, until now and on."""

    rooms: tuple[str, ...]
    after: Position
    upto: Position | None


def rest(
    joins: Mapping[str, Join], offset: Position | None, *, holds: Callable[[str, Position], bool]
) -> list[Stretch]:
    """What is left of a connection's line after an offset. The last stretch is all rooms, without an end.

    Args:
        joins: its rooms. What it has left belongs to no line.
        offset: the id of the last message that the client has seen; ``None`` where it saw none.
        holds: whether a room's log holds a message.
    """
    order = sorted(joins.items(), key=lambda item: item[1].upto)
    at, reached = offset, -1
    if offset is not None:
        for number, (room, join) in enumerate(order):
            if join.start < offset <= join.upto and holds(room, offset):
                # It is in the middle of what the room had before: all that came ahead of that was seen.
                at, reached = join.upto, number
    found: list[Stretch] = []
    rooms: list[str] = []
    for number, (room, join) in enumerate(order):
        if number == reached and offset is not None and offset < join.upto:
            found.append(Stretch((room,), offset, join.upto))
        elif number > reached and (at is None or join.upto >= at):
            if rooms and at is not None and at < join.upto:
                found.append(Stretch(tuple(rooms), at, join.upto))
            at = join.upto
            if join.start < join.upto:
                found.append(Stretch((room,), join.start, join.upto))
        rooms.append(room)
    if at is not None and rooms:
        found.append(Stretch(tuple(rooms), at, None))
    return found
