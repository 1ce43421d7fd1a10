"""How often a client may ask: a bucket of tokens for each Socket.IO connection, which fills at a steady rate.

This file may not know what is asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from ..errors import RateLimited

_BUCKET: Final = "realtime.events"
"""Under this key of a Socket.IO client's environment is its bucket: it goes with the connection."""


class Bucket:
    """A bucket of tokens, full at first.

    It has no lock: where threads take at the same moment, one token may be given twice.

    Args:
        rate: tokens a second that come in.
        size: tokens that it holds.
        clock: seconds, of any origin, that only go forward.
    """

    __slots__ = ("_at", "_clock", "_left", "_rate", "_size")

    def __init__(self, rate: float, size: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = rate, max(size, 1.0), clock
        self._left, self._at = self._size, clock()

    def take(self) -> float:
        """Take a token.

        Returns:
            0, or the seconds after which there will be one; nothing was taken then.
        """
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate


class EventRate:
    """How many events each Socket.IO connection may send.

    Args:
        rate: events a second; 0 is no limit.
        burst: events that a connection which was silent may send at once.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self._burst = burst

    def take(self, environ: MutableMapping[str, Any]) -> None:
        """A connection has sent an event.

        Args:
            environ: of the connection, from its handshake.

        Raises:
            RateLimited: it is one too many.
        """
        bucket = environ.get(_BUCKET)
        if bucket is None:
            bucket = environ[_BUCKET] = Bucket(self.rate, self._burst)
        wait = bucket.take()
        if wait:
            text = f"a connection may send {self.rate:g} events a second (join, leave, publish, refresh)"
            raise RateLimited(text, retry_after=math.ceil(wait))
