"""How often somebody may ask: a bucket of tokens that fills at a steady rate, and the same for each connection.

What is counted for somebody, whatever connections that one has, is in ``allowance.py``. This file may not know what is
asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from ..access import user_of
from ..errors import RateLimited
from .addresses import network


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

    def take(self, count: int = 1) -> float:
        """Take so many tokens.

        Returns:
            0, or the seconds after which there will be enough; nothing was taken then.
        """
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= count:
            self._left -= count
            return 0.0
        return (count - self._left) / self._rate


class ConnectionRate:
    """How often each Socket.IO connection may do something.

    It keeps one number for each that did it lately: the moment at which its bucket is full again (GCRA, ITU-T I.371).

    Args:
        name: of what it does.
        rate: times a second; 0 is no limit.
        burst: times at once, after a silence.
        text: what the client is told that does it too often.
        clock: seconds, of any origin, that only go forward.
    """

    def __init__(
        self, name: str, rate: float, burst: float, *, text: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.rate = rate
        self._key = f"realtime.{name}"
        self._step = 1 / rate if rate else 0.0
        self._depth = max(burst, 1.0) * self._step
        self._text = text
        self._clock = clock

    def take(self, environ: MutableMapping[str, Any]) -> None:
        """A connection does it.

        Args:
            environ: of the connection, from its handshake.

        Raises:
            RateLimited: it is once too many.
        """
        now = self._clock()
        full = max(environ.get(self._key, 0.0), now) + self._step
        wait = full - now - self._depth
        # A clock's last digits are no reason to refuse.
        if wait > 1e-6:
            raise RateLimited(self._text, retry_after=math.ceil(wait))
        environ[self._key] = full


def asker(identity: Any, address: str | None) -> str:
    """Who it is that asks, as far as rates go: a user, or where nobody is known, an address.

    Args:
        identity: who it is; ``None`` for nobody in particular.
        address: where the request came from.
    """
    user = user_of(identity)
    return f"address {network(address or '')}" if user is None else f"user {user}"
