"""How often a client may ask: a bucket of tokens for each Socket.IO connection, and for each publisher over HTTP, which
fills at a steady rate.

This file may not know what is asked for.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from ..access import user_of
from ..concurrency import Concurrency
from ..errors import RateLimited

_BUCKET: Final = "realtime.events"
"""Under this key of a Socket.IO client's environment is its bucket: it goes with the connection."""
_MOST: Final = 10_000
"""So many publishers have a bucket. Who has not published for longest has a full one by then, most likely."""


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


class PublishRate:
    """How many messages each user, or each address of nobody in particular, may publish over HTTP in this process.

    Args:
        rate: messages a second, and at once after a silence; 0 is no limit.
        concurrency: for a lock.
    """

    def __init__(self, rate: float, *, concurrency: Concurrency) -> None:
        self.rate = rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = concurrency.lock()

    def take(self, identity: Any, address: str | None) -> None:
        """Somebody publishes.

        Args:
            identity: who it is; ``None`` for nobody in particular.
            address: where the request came from.

        Raises:
            RateLimited: it is one message too many.
        """
        user = user_of(identity)
        who = _network(address or "") if user is None else f"user {user}"
        with self._lock:
            bucket = self._buckets.pop(who, None) or Bucket(self.rate, self.rate)
            self._buckets[who] = bucket
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
            wait = bucket.take()
        if wait:
            text = f"you may publish {self.rate:g} messages a second"
            raise RateLimited(text, retry_after=math.ceil(wait))


def _network(address: str) -> str:
    """What one subscriber has: an address, of IPv6 a network of 64 bits (RFC 6177)."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((int(known), 64), strict=False))
    return address
