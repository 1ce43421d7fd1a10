"""The bus: where every message gets its id, is kept, and comes back from. This file is the contract.

Guarantees that each implementation gives, and that ``tests/contract/test_bus.py`` runs over all of them:

* **Order.** Ids of one bus are a total order over all rooms, strictly rising. ``deliver`` is called in that order.
* **Accepted.** When ``publish`` returns an id, the message is in the log: it can be replayed, and every process that
  is reading, or comes back to reading before the log is trimmed, delivers it. When it raises ``BusUnavailable``, the
  message was not accepted as far as this process can know; trying again with the same key is always safe.
* **Once.** Each message is delivered at most once per process. The same key for the same rooms within its lifetime is
  one message; with other content it is a ``KeyConflict`` and nothing is published.
* **Replay.** ``replay`` returns what the rooms' logs hold after a cursor, in id order, and says whether that is all of
  it: ``recovered`` is false exactly when something between the cursor and now is gone, or the cursor is not one that
  this log knows (rolled back, restarted empty, another bus, from the future).
* **Outage.** A reader that loses the log for a while resumes where it stood. When it cannot (trimmed, rolled back), it
  says so by ``gap``, and each connection catches up from its own cursor. It never skips silently.

A bus does not know the hub: whoever starts it hands it a ``Receiver``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..message import START, Message, Position
from .survey import RoomInfo

TAIL_LIFETIMES = 8
"""A room's last id outlives its messages by this factor, so that a returning cursor can still be judged exactly."""


class Receiver(Protocol):
    """What a bus calls, always from one thread or greenlet at a time, in id order."""

    def wants(self, rooms: Sequence[str]) -> bool:
        """Whether anyone here reads one of the rooms. When not, the bus may call ``skip`` and save the decoding."""

    def deliver(self, message: Message) -> None:
        """The next message."""

    def skip(self, position: Position) -> None:
        """The log went on to ``position`` without anything for this process."""

    def control(self, position: Position, payload: dict[str, Any]) -> None:
        """The next relayed payload. It comes from a shared place: check it before use."""

    def flush(self) -> None:
        """What came since the last flush was one batch: write it out."""

    def gap(self, position: Position) -> None:
        """The log could not be followed. Everyone catches up by cursor; live delivery goes on after ``position``."""


class Published(NamedTuple):
    """The answer to a publish: the message's id, and whether it is an earlier message's (the key was known)."""

    id: Position
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """A slice of the log.

    Attributes:
        messages: oldest first, each once, even where it is in several of the rooms.
        recovered: nothing between the asked cursor and now is missing (see the module's text).
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


class Bus(ABC):
    """See the module's text for what every implementation guarantees."""

    shared: bool
    """Whether other processes can read and write the same log."""

    on_change: Callable[[bool], None] | None = None
    """Called with false when the log cannot be followed any more, and with true when it can again. It may not wait."""

    @abstractmethod
    def start(self, receiver: Receiver) -> Position:
        """Begin to deliver what comes after the returned position. ``receiver.skip`` tells it to the receiver first.

        Raises:
            BusUnavailable: the log cannot be reached; nothing was started.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop delivering and let go of connections. Harmless when repeated."""

    @abstractmethod
    def publish(self, message: Message) -> Published:
        """Put the message into the log.

        Raises:
            KeyConflict: the key was used for other content; nothing was published.
            BusUnavailable: not accepted, within ``REALTIME_PUBLISH_TIMEOUT``.
        """

    @abstractmethod
    def relay(self, payload: dict[str, Any]) -> Position:
        """Send a payload to every process, this one included, in the order of the log, without keeping it for replay.

        Args:
            payload: anything with a JSON form.

        Raises:
            BusUnavailable: as ``publish``.
        """

    @abstractmethod
    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Replay:
        """What the rooms got after a cursor (and not after ``upto``), oldest first, at most ``limit`` messages.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    @abstractmethod
    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Replay:
        """The newest ``limit`` messages of the rooms together (older than ``before``), oldest first.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    @abstractmethod
    def ping(self) -> None:
        """Return when the bus can be reached, else raise ``BusUnavailable`` within a second or two."""

    @abstractmethod
    def rooms(self, *, limit: int) -> list[RoomInfo]:
        """The rooms whose logs hold messages, the one with the newest message first. For people, not for serving.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    def condition(self) -> Mapping[str, Any]:
        """What the bus's server says of itself; nothing where there is none. For people, too.

        Raises:
            BusUnavailable: it cannot be asked.
        """
        return {}
