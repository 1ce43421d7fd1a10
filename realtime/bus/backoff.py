"""Backoff: how long to wait before trying again. It knows no clock and does not wait itself."""

from __future__ import annotations

import random


class Backoff:
    """Waiting times that double up to a cap, each drawn from zero to the full value, so that processes spread out.

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
        return random.uniform(0, step)  # noqa: S311  spreads load, hides nothing

    def reset(self) -> None:
        """The last attempt worked."""
        self._step = self._first
