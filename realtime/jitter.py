"""Jitter: waiting times that are drawn, so that clients and processes do not all come at once.

Drawn by the operating system's generator: an application that seeds ``random``, and processes forked from one, wait
differently all the same, and nobody's own numbers change by it. This file knows no clock and does not wait itself.
"""

from __future__ import annotations

import random
from typing import Final

_CHANCE: Final = random.SystemRandom()


class Backoff:
    """Waiting times that double up to a cap, each drawn from zero to the full value ("full jitter").

    Args:
        first: the first full value, seconds.
        cap: the largest, seconds.
    """

    def __init__(self, *, first: float = 0.05, cap: float = 1.0) -> None:
        self._first = first
        self._cap = cap
        self._step = first

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        step, self._step = self._step, min(self._step * 2, self._cap)
        return _CHANCE.uniform(0, step)

    def reset(self) -> None:
        """The last attempt worked."""
        self._step = self._first


def retry_ms(retry: float) -> int:
    """The reconnection time that one stream is told, in milliseconds: ``retry`` seconds, at most half as long again."""
    return come_back(retry, retry / 2)


def come_back(retry: float, window: float) -> int:
    """When one client should come back, in milliseconds: somewhere in a window of seconds, after ``retry`` seconds."""
    return int(_CHANCE.uniform(retry, retry + window) * 1000)
