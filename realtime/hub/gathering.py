"""Gathering: for how many messages a crowded room's output is worth holding back, learnt from what came together.

Writing to hundreds of sockets costs the same for one message as for several. Where publishers are many, or come over
other processes, their messages arrive within a moment of each other; written as they arrive, each costs a round of all
sockets. Here a room under load waits for as many as lately came within such a moment, and no longer than that takes.
A lone message never waits; where waiting has brought nothing, it is tried ever more seldom. This file knows no clock
and no loop: it is told when, and whoever asks it keeps to the longest wait.
"""

from __future__ import annotations

from typing import Final

CROWD: Final = 64
"""Readers from which on a room's output is a matter of gathering: a fifth of a millisecond of writing."""
LONGEST_WAIT: Final = 0.002
"""Seconds that output is held back at most, by whoever asks."""
_LOAD: Final = 8.0
"""A room is under load while its last round of writing began less than so many times its length ago."""
_MOST: Final = 64
"""Messages that are waited for at most."""
_SELDOM: Final = 256
"""Where waiting for more brings nothing, it is tried again at every so many occasions."""


class Gathering:
    """One room's, in one wire format.

    Attributes:
        want: so many messages are written together; with fewer, under load, more is waited for.
    """

    __slots__ = ("_began", "_came", "_ended", "_every", "_misses", "_opened", "_tries", "_written", "want")

    def __init__(self) -> None:
        self.want = 1
        self._began = self._ended = 0.0
        # What came within the longest wait after some message, and how much of it is written.
        self._opened, self._came, self._written = 0.0, 0, 0
        self._tries = False
        self._every, self._misses = 1, 0

    def waits(self, count: int, now: float) -> bool:
        """Whether more should come before what is pending is written.

        Args:
            count: messages that are pending.
            now: seconds, of the clock that ``written`` is told.
        """
        if now - self._opened >= LONGEST_WAIT:
            self._learn()
            self._opened, self._written = now, 0
        self._came = self._written + count
        return count < self.want and now - self._began < _LOAD * (self._ended - self._began)

    def written(self, count: int, began: float, ended: float) -> None:
        """A round of writing is over.

        Args:
            count: messages that were written together.
            began: when it began, in seconds.
            ended: when it ended.
        """
        if self._tries:
            # Each try that fails makes the next one rarer: it cost its messages the longest wait.
            self._every = min(self._every * 2, _SELDOM) if count < self.want else 1
        self._tries = False
        self.want = min(max(count, 1), _MOST)
        self._written += count
        self._began, self._ended = began, ended

    def _learn(self) -> None:
        """Had the first waited as long as it may, it would have been written with all that came meanwhile; or so it
        seems: what came may have come only because it was written.
        """
        if self._came <= self.want:
            return
        self._misses += 1
        if self._misses >= self._every:
            self._misses, self._tries = 0, True
            self.want = min(self._came, _MOST)
