"""Quota: how much each user and each address has open at once, and no more than that.

Every slot that was taken is given back once, however its holder ends: when it says so, when it is found to be gone, or
when nobody holds it any more. This file may not know what is open, or who somebody is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ..concurrency import Concurrency

_MANY: Final = 128
"""Past so many holders of one share it is not looked at each time whether they are gone."""
_LOOK_SECONDS: Final = 0.1


class Share(NamedTuple):
    """What a slot counts against.

    Attributes:
        limit: the limit's name.
        who: whose share it is.
    """

    limit: str
    who: str


class Exhausted(Exception):
    """The share is used up.

    Attributes:
        share: which.
        most: slots that it has.
    """

    def __init__(self, share: Share, most: int) -> None:
        super().__init__(f"{share.who} has {most} of {share.limit}")
        self.share, self.most = share, most


class Slot:
    """One that was taken. It is given back by ``free``, at the latest when the last reference to it goes.

    Args:
        quota: where it was taken.
        shares: what it counts against.

    Attributes:
        over: it was given back.
    """

    __slots__ = ("_quota", "drop", "gone", "over", "shares")

    def __init__(self, quota: Quota, shares: tuple[Share, ...]) -> None:
        self._quota = quota
        self.shares = shares
        self.over = False
        self.gone: Callable[[], bool] | None = None
        self.drop: Callable[[], None] | None = None

    def free(self) -> None:
        """Give it back. Harmless when repeated."""
        if not self.over:
            self._quota.give(self)

    def move(self, limit: str, who: str | None) -> None:
        """From now on it counts against another share of a limit; ``None`` for none. Nothing once it was given back.

        Raises:
            Exhausted: that one is used up. Nothing was changed.
        """
        self._quota.move(self, limit, who)

    def doubt(self, gone: Callable[[], bool], drop: Callable[[], None]) -> None:
        """Its holder may be gone unnoticed, which is looked at when somebody wants its place. It may not move then.

        Args:
            gone: whether it is. It may not wait.
            drop: ends it, and gives the slot back.
        """
        self.gone, self.drop = gone, drop
        self._quota.watch(self)

    def __del__(self) -> None:
        if self.shares:
            # Anybody may be interrupted by this, also whoever has the lock.
            self._quota.lost.append(self.shares)


class Quota:
    """Counts slots.

    Args:
        limits: the most slots of each share, by the limit's name. What is not named here is not counted.
        concurrency: for a lock.
        refuse: counts what was refused, by the limit's name. It may not block.
        clock: seconds, of any origin, that only go forward.

    Attributes:
        lost: shares of slots that nobody has given back and nobody has.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        *,
        concurrency: Concurrency,
        refuse: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._looked = float("-inf")
        self._limits = limits
        self._refuse = refuse
        self._mutex = concurrency.mutex()
        self._counts: dict[Share, int] = {}
        self._watched: dict[Share, set[Slot]] = {}
        self.lost: deque[tuple[Share, ...]] = deque()

    def take(self, shares: tuple[Share, ...]) -> Slot:
        """Take a slot of every share, or of none.

        Raises:
            Exhausted: one is used up.
        """
        full = self._taken(shares)
        if full is not None and self._drop_gone(full):
            full = self._taken(shares)
        if full is not None:
            self._refuse(full.limit)
            raise Exhausted(full, self._limits[full.limit])
        return Slot(self, shares)

    def give(self, slot: Slot) -> None:
        """A slot is given back."""
        with self._mutex:
            slot.over, shares, slot.shares = True, slot.shares, ()
            slot.gone = slot.drop = None
            for share in shares:
                self._less(share)
                self._unwatch(share, slot)

    def move(self, slot: Slot, limit: str, who: str | None) -> None:
        """See ``Slot.move``."""
        wanted = None if who is None else Share(limit, who)
        with self._mutex:
            old = next((share for share in slot.shares if share.limit == limit), None)
            if slot.over or old == wanted:
                return
            if wanted is not None:
                self._find_lost()
                if self._counts.get(wanted, 0) >= self._limits[limit]:
                    self._refuse(limit)
                    raise Exhausted(wanted, self._limits[limit])
                self._counts[wanted] = self._counts.get(wanted, 0) + 1
            if old is not None:
                self._less(old)
            kept = tuple(share for share in slot.shares if share.limit != limit)
            slot.shares = kept if wanted is None else (wanted, *kept)

    def watch(self, slot: Slot) -> None:
        """See ``Slot.doubt``."""
        with self._mutex:
            for share in slot.shares:
                self._watched.setdefault(share, set()).add(slot)

    def count(self, share: Share) -> int:
        """How many slots of a share are taken."""
        with self._mutex:
            self._find_lost()
            return self._counts.get(share, 0)

    def __len__(self) -> int:
        """How many shares have any."""
        with self._mutex:
            self._find_lost()
            return len(self._counts)

    def _drop_gone(self, share: Share) -> bool:
        """Give back the slots of a share whose holders are gone; return whether there were any."""
        now, found = self._clock(), False
        with self._mutex:
            doubtful = self._watched.get(share, ())
            if len(doubtful) > _MANY and now - self._looked < _LOOK_SECONDS:
                return False  # Whoever knocks again and again would make the server look at nothing else.
            self._looked, slots = now, tuple(doubtful)
        # Their ends may want locks of their own: outside of this one.
        for slot in slots:
            gone, drop = slot.gone, slot.drop
            if gone is not None and drop is not None and gone():
                drop()
                found = True
        return found

    def _taken(self, shares: tuple[Share, ...]) -> Share | None:
        """Take what there is, or return what there is not."""
        with self._mutex:
            self._find_lost()
            counts = self._counts
            for share in shares:
                if counts.get(share, 0) >= self._limits[share.limit]:
                    return share
            for share in shares:
                counts[share] = counts.get(share, 0) + 1
        return None

    def _less(self, share: Share) -> None:
        left = self._counts[share] - 1
        if left:
            self._counts[share] = left
        else:
            del self._counts[share]

    def _unwatch(self, share: Share, slot: Slot) -> None:
        watched = self._watched.get(share)
        if watched is not None:
            watched.discard(slot)
            if not watched:
                del self._watched[share]

    def _find_lost(self) -> None:
        while self.lost:
            for share in self.lost.popleft():
                self._less(share)
