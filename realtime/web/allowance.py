"""How often each of many may do something, whatever connections they have: in this process, or in all of a shared bus.

A process takes a share of what the bus has for somebody and lives on that, so that not every request asks the bus.
Where the bus cannot be asked, the process counts by itself: a limit never fails what it limits. This file may not know
what is asked for.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ..bus.base import Budgets
from ..concurrency import Concurrency
from ..errors import BusUnavailable, RateLimited
from .rates import Bucket

_MOST: Final = 10_000
"""So many have an account here. Who has not asked for longest has all of it again by then, most likely."""
_SHARE: Final = 0.05
"""What a process takes at once, of what comes in a second: twenty of them may share a user without waiting for it."""
_LEASE: Final = 1.0
"""After so many seconds what was taken is not used any more; the next request puts it back."""
_ALONE: Final = 1.0
"""Seconds for which the bus is not asked, after it could not be."""


class _Account:
    """What this process knows of one of them: its own bucket, or how much it still has of the shared one until when,
    and until when there is nothing in that.
    """

    __slots__ = ("bucket", "empty_until", "left", "until")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.left = 0
        self.until = self.empty_until = 0.0


class Allowance:
    """How often each of many may do one thing.

    Over all processes together nobody ever does it more than ``size`` times and then ``rate`` times a second, as long
    as the bus can be asked.

    Args:
        name: of the thing.
        rate: times a second; 0 is no limit.
        size: times at once, after a silence; ``rate``, and once at least, when it is not given.
        budgets: where all processes take from; ``None`` where this is the only one.
        text: what somebody is told who does it too often.
        concurrency: for a lock.
        clock: seconds, of any origin, that only go forward.
    """

    def __init__(
        self,
        name: str,
        rate: float,
        *,
        text: str,
        budgets: Budgets | None,
        concurrency: Concurrency,
        size: float = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.rate = rate
        self._size = max(size, rate, 1.0)
        self._text = text
        self._budgets = budgets
        self._share = max(int(rate * _SHARE), 1)
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._alone_until = 0.0
        self._mutex = concurrency.mutex()
        self._clock = clock

    def take(self, who: str, count: int = 1) -> None:
        """Somebody does it, so many times at once.

        Raises:
            RateLimited: that is too often. It counts for nothing.
        """
        now, back, budgets = self._clock(), 0, self._budgets
        wait: float | None
        with self._mutex:
            account = self._accounts.pop(who, None) or _Account(Bucket(self.rate, self._size, clock=self._clock))
            self._accounts[who] = account
            if len(self._accounts) > _MOST:
                self._accounts.popitem(last=False)
            if budgets is None or now < self._alone_until:
                wait = account.bucket.take(count)
            elif account.left >= count and now < account.until:
                account.left -= count
                wait = 0.0
            elif now < account.empty_until:
                wait = account.empty_until - now + (count - 1) / self.rate
            else:
                wait = None
                # What is not enough is put back, and counted there.
                back, account.left = account.left, 0
        if wait is None and budgets is not None:
            wait = self._drawn(account, budgets, f"{self.name} {who}", count=count, back=back)
        if wait:
            raise RateLimited(self._text, retry_after=math.ceil(wait))

    def _drawn(self, account: _Account, budgets: Budgets, name: str, *, count: int, back: int) -> float:
        """Ask the bus; 0, or how long to wait. Nothing is locked meanwhile."""
        most = count + self._share - 1
        try:
            taken, wait = budgets.draw(name, rate=self.rate, size=self._size, least=count, most=most, back=back)
        except BusUnavailable:
            with self._mutex:
                self._alone_until = self._clock() + _ALONE
                return account.bucket.take(count)
        now = self._clock()
        with self._mutex:
            if taken:
                account.left += taken - count
                account.until = now + _LEASE
                return 0.0
            account.empty_until = now + wait - (count - 1) / self.rate
        return wait
