"""Replay: slices of rooms' logs put into one answer, and the judgement whether that is all of it.

This file does no I/O: every bus reads its slices in its own way and has them judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..message import START, Message, Position

TAIL_LIFETIMES = 8
"""A room's last id outlives its messages by this factor, so that a returning cursor can still be judged exactly."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A slice of the log.

    Attributes:
        messages: oldest first, each once, even where it is in several of the rooms.
        recovered: nothing between the asked cursor and now is missing (see ``bus.base``).
        start: the position right before the first message: all that follows it is in ``messages`` or comes later.
        cursor: continue after this: the last message's id when ``more``, else the end of what was read.
        more: the limit cut the slice short.
    """

    messages: tuple[Message, ...]
    recovered: bool
    start: Position
    cursor: Position
    more: bool


class Entry(NamedTuple):
    """A message in one room's log, with the id of the room's message before it: the chain that shows a hole."""

    message: Message
    previous: Position


@dataclass(frozen=True, slots=True)
class RoomSlice:
    """What one room's log holds of a range, and what is known of the room beyond it.

    Attributes:
        entries: in id order, at most one more than the limit, beginning with the first after the cursor: what comes
            before that one is what tells whether anything is missing.
        tail: the room's newest id, or ``None`` when it never had one or it was forgotten.
    """

    entries: Sequence[Entry]
    tail: Position | None


@dataclass(frozen=True, slots=True)
class LogState:
    """What is known of the whole log at the moment of a read.

    Attributes:
        birth: the log's first id. A log that was lost is born again, with a later one.
        head: its newest id.
        oldest: the oldest id that it still holds.
        present: the asked cursor is among the ids that it holds.
        forgotten_before: rooms whose last message is older than this (milliseconds) may have been forgotten.
    """

    birth: Position
    head: Position
    oldest: Position
    present: bool
    forgotten_before: int

    def knows(self, cursor: Position) -> bool:
        """Whether ``cursor`` is a position of this log. Ids carry time, so that a trimmed one can be told from a
        foreign one.
        """
        if cursor == START:
            return True
        if not self.birth <= cursor <= self.head:
            return False
        return cursor < self.oldest or self.present

    def complete(self, room: RoomSlice, after: Position) -> bool:
        """Whether the slice begins right after ``after``: nothing of the room in between is gone."""
        if room.entries:
            return room.entries[0].previous <= after
        if room.tail is not None:
            return room.tail <= after
        # Nothing is known of the room: it had nothing lately, and never anything if the log is younger than that.
        unborn = self.birth == START
        return unborn or self.birth.ms >= self.forgotten_before or after.ms >= self.forgotten_before


def merge(
    slices: Sequence[RoomSlice], *, state: LogState, after: Position, upto: Position | None, limit: int
) -> Replay:
    """Put the rooms' slices into one replay, oldest first, and judge whether it is complete."""
    recovered = state.knows(after) and all(state.complete(one, after) for one in slices)
    end = state.head if upto is None else min(upto, state.head)
    ordered = [(at, entry) for at, entry in _ordered(slices) if at <= end]
    more = len(ordered) > limit
    cursor = ordered[limit - 1][0] if more and limit else after if more else end
    if recovered:
        cursor = max(cursor, after)  # Where nothing was to be read, nobody goes back.
    return Replay(tuple(entry.message for _, entry in ordered[:limit]), recovered, after, cursor, more)


def newest(slices: Sequence[RoomSlice], *, state: LogState, before: Position | None, limit: int) -> Replay:
    """Put the rooms' newest entries into one replay, oldest first: history rather than recovery."""
    ordered = _ordered(slices)
    kept = [entry for _, entry in ordered[-limit:]] if limit else []
    messages = tuple(entry.message for entry in kept)
    last = messages[-1].id if messages else None
    cursor = state.head if before is None else last or min(before, state.head)
    start = kept[0].previous if kept else cursor
    return Replay(messages, True, start, cursor, len(ordered) > limit)


def _ordered(slices: Sequence[RoomSlice]) -> list[tuple[Position, Entry]]:
    """The rooms' entries in one order, each message once even where it is in several of the rooms."""
    found = {entry.message.id or START: entry for one in slices for entry in one.entries}
    return sorted(found.items(), key=lambda item: item[0])
