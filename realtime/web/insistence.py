"""Insistence: who keeps asking for what is over a limit is told to wait longer, each time.

It is advice for clients that obey, of which one user may have many. It refuses nothing and decides nothing.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ..concurrency import Concurrency

LONGEST: Final = 60
"""Seconds that somebody is told to wait at most."""
_MOST: Final = 10_000
"""So many are remembered. Who has not been refused for longest has waited, most likely."""


class Insistence:
    """How long each of those who are refused is told to wait.

    Args:
        concurrency: for a lock.
        clock: seconds, of any origin, that only go forward.
    """

    def __init__(self, *, concurrency: Concurrency, clock: Callable[[], float] = time.monotonic) -> None:
        self._mutex = concurrency.mutex()
        self._clock = clock
        self._told: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, who: str, least: float) -> int:
        """Somebody is refused; return for how many seconds they are told to wait.

        Twice as long as before where they are refused again after that time, up to a minute; the same for all who are
        refused within it. Whoever was not refused for twice the time begins anew.

        Args:
            who: any text that is theirs.
            least: seconds after which it makes sense to ask again.
        """
        now, wait = self._clock(), max(1, math.ceil(least))
        with self._mutex:
            told, until = self._told.pop(who, (0, 0.0))
            if now >= until + told:
                told, until = wait, now + wait
            elif now >= until:
                told = max(wait, min(told * 2, LONGEST))
                until = now + told
            self._told[who] = told, until
            if len(self._told) > _MOST:
                self._told.popitem(last=False)
        return max(told, wait)
