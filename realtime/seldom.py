"""Seldom: warnings that somebody else can cause at will, written at most once a second, with how many were left out.

It decides nothing, and it never raises.
"""

from __future__ import annotations

import logging
import time
from typing import Final

_SECONDS: Final = 1.0


class Seldom:
    """Writes warnings.

    Args:
        logger: where to.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._last = float("-inf")
        self._left_out = 0

    def warn(self, text: str, *values: object) -> None:
        """Write this warning, unless one was written within the last second."""
        now = time.monotonic()
        if now - self._last < _SECONDS:
            self._left_out += 1
            return
        more, self._last, self._left_out = self._left_out, now, 0
        shown = f"{text} (and {more} more before)" if more else text
        # What is shown may be anything, of any length: a line of the log stays a line.
        self._logger.warning(shown, *(repr(str(value))[1:-1][:200] for value in values))
