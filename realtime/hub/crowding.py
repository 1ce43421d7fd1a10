"""Crowding: many who come back to the same rooms at once share what is read of the log for them.

Thousands of clients that a restart or a network has cut off ask for nearly the same piece of the log. What one of them
was read, with the judgement that nothing in it is missing, is true for each whose cursor is in it: ids are never
reused, and what came after the piece was read is read once for all. Nobody shares while few come. This file knows no
bus, and never says more than the log said.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple

from ..concurrency import Concurrency
from ..errors import BusUnavailable
from ..message import START, Message, Position
from .connection import SLICE
from .log import Log, Slice

CROWD: Final = 8
"""Reads of the same rooms in one interval that make a crowd."""
_INTERVAL: Final = 1.0
_WIDE: Final = 8 * SLICE
"""Messages of a piece that is read for many, at most."""
_LEAST: Final = SLICE // 2
"""Who asks for less than so many gets large messages."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of data that are kept for all crowds together, a quarter of it for one."""
_MOST_ROOMS: Final = 1024
"""Sets of rooms of which is known how often they are read."""


class Piece(NamedTuple):
    """See ``log.Slice``."""

    messages: Sequence[Message]
    recovered: bool
    start: Position
    cursor: Position
    more: bool


class _Window:
    """A piece of some rooms' logs without a hole: all that comes after ``low``, up to ``high``.

    Attributes:
        low, high: both are positions that the log knew.
        size: bytes of data.
    """

    __slots__ = ("_ids", "_messages", "high", "low", "size")

    def __init__(self, low: Position, found: Slice) -> None:
        self.low = low
        self._messages: list[Message] = []
        self._ids: list[Position] = []
        self.size = 0
        self.extend(found)

    def extend(self, found: Slice) -> None:
        """Add what comes right after it. Where it would be too large, it begins later from now on."""
        self.high = found.cursor
        self._messages += found.messages
        self._ids += [one.id or START for one in found.messages]
        self.size += sum(len(one.json) for one in found.messages)
        gone = 0
        while self.size > _MOST_BYTES // 4:
            self.size -= len(self._messages[gone].json)
            self.low = self._ids[gone]
            gone += 1
        del self._messages[:gone], self._ids[:gone]

    @property
    def width(self) -> int:
        """How many more messages may be read at once."""
        return _width(self._messages)

    def knows(self, cursor: Position) -> bool:
        """Whether it is certain that the log knew the cursor, and that nothing is missing after it."""
        at = bisect_left(self._ids, cursor)
        return cursor in (self.low, self.high) or (at < len(self._ids) and self._ids[at] == cursor)

    def after(self, cursor: Position, upto: Position, limit: int) -> Piece:
        """What a reader with a cursor that it knows gets."""
        first, last = bisect_right(self._ids, cursor), bisect_right(self._ids, upto)
        return _cut(self._messages[first:last], True, cursor, upto, limit)


class _Crowd:
    """Those who read the same rooms.

    Attributes:
        lock: held while one of them reads; made for the first crowd.
        many: they are a crowd.
        window: what was read for it.
        too_far: who comes with this cursor, or an older one, does not share: too much follows it, or something is gone.
        failed_at: when the log could not be read for it.
    """

    __slots__ = ("count", "failed_at", "lock", "many", "too_far", "until", "window")

    def __init__(self) -> None:
        self.lock: AbstractContextManager[Any] | None = None
        self.many = False
        self.window: _Window | None = None
        self.too_far = START
        self.failed_at = self.until = 0.0
        self.count = 0

    def came(self) -> bool:
        """Somebody reads; whether there are many."""
        now = time.monotonic()
        if now >= self.until:
            self.many = self.many and self.count >= CROWD and now < self.until + _INTERVAL
            if not self.many:
                self.window, self.too_far = None, START
            self.count, self.until = 0, now + _INTERVAL
        self.count += 1
        self.many = self.many or self.count > CROWD
        return self.many


class SharedLog:
    """A ``log.Log`` that reads another one less often, where many ask for the same.

    Args:
        log: the other one.
        concurrency: for locks: while one reads, the others of its crowd wait for what it finds.
    """

    def __init__(self, log: Log, *, concurrency: Concurrency) -> None:
        self._log = log
        self._concurrency = concurrency
        self._mutex = concurrency.mutex()
        self._crowds: dict[frozenset[str], _Crowd] = {}

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Slice:
        """See ``log.Log``."""
        return self._log.latest(rooms, before=before, limit=limit)

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Slice:
        """See ``log.Log``. What is asked for without an end is never shared."""
        if upto is not None and after < upto:
            asked = time.monotonic()
            crowd = self._crowd(rooms)
            if crowd is not None and crowd.lock is not None and after > crowd.too_far:
                with crowd.lock:
                    if crowd.failed_at > asked:
                        # Asking in turn, the last of many would wait for minutes.
                        raise BusUnavailable("the log could not be read")
                    try:
                        return self._shared(crowd, rooms, after, upto, limit)
                    except BusUnavailable:
                        crowd.failed_at = time.monotonic()
                        raise
        return self._log.replay(rooms, after, upto=upto, limit=limit)

    def forget(self) -> None:
        """The log cannot be trusted to be the same any more."""
        with self._mutex:
            self._crowds.clear()

    def _crowd(self, rooms: Sequence[str]) -> _Crowd | None:
        key = frozenset(rooms)
        with self._mutex:
            crowd = self._crowds.get(key)
            if crowd is None:
                if len(self._crowds) >= _MOST_ROOMS:
                    self._crowds.clear()
                crowd = self._crowds[key] = _Crowd()
            if not crowd.came():
                return None
            crowd.lock = crowd.lock or self._concurrency.lock()
            return crowd

    def _shared(self, crowd: _Crowd, rooms: Sequence[str], after: Position, upto: Position, limit: int) -> Slice:
        window = crowd.window
        if window is not None and upto > window.high:
            found = self._log.replay(rooms, window.high, limit=window.width)
            if found.recovered and not found.more:
                window.extend(found)
                self._keep(crowd, window)
            else:
                window = crowd.window = None
        if window is not None and upto <= window.high and window.knows(after):
            return window.after(after, upto, limit)
        if limit < _LEAST or (window is not None and after > window.low):
            # A position of other rooms, perhaps: whether the log knows it, only the log can say.
            return self._log.replay(rooms, after, upto=upto, limit=limit)
        found = self._log.replay(rooms, after, upto=upto, limit=limit)
        wide = found
        if found.recovered and found.more and (width := _width(found.messages)) > limit:
            wide = self._log.replay(rooms, after, limit=width)
        if wide.more or not wide.recovered:
            crowd.too_far = max(crowd.too_far, after)
        elif upto <= wide.cursor:
            self._keep(crowd, _Window(after, wide))
        return found

    def _keep(self, crowd: _Crowd, window: _Window) -> None:
        with self._mutex:
            others = (one.window for one in self._crowds.values() if one is not crowd)
            if sum(one.size for one in others if one is not None) + window.size > _MOST_BYTES:
                self._crowds.clear()
            crowd.window = window


def _width(messages: Sequence[Message]) -> int:
    """How many of messages as large as these may be read at once: no more than one crowd may keep."""
    size = sum(len(one.json) for one in messages)
    return min(_WIDE, max(_MOST_BYTES // 4 * len(messages) // max(size, 1), 1)) if messages else SLICE


def _cut(messages: Sequence[Message], recovered: bool, after: Position, end: Position, limit: int) -> Piece:
    """As many as are asked for."""
    more = len(messages) > limit
    cursor = (messages[limit - 1].id or after) if more and limit else after if more else end
    return Piece(messages[:limit], recovered, after, cursor, more)
