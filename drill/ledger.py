"""The account: what was published and acknowledged, and what each client got, when, and was told.

It is the drill's judge, and shares no code with the product. This file does no I/O.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from collections.abc import Container
from dataclasses import dataclass, field

Id = tuple[int, int]


def parse_id(text: str) -> Id:
    """An id, ``<milliseconds>-<n>``, as something that can be compared."""
    ms, _, n = text.partition("-")
    return int(ms), int(n)


@dataclass
class Book:
    """What was published, by all publishers together.

    Attributes:
        sent: key of each message to the time of the last attempt to publish it.
        acknowledged: key to id, where the server said that it was accepted.
        refused: attempts that the server refused.
    """

    sent: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, Id] = field(default_factory=dict)
    refused: int = 0


@dataclass
class Account:
    """What one client got.

    Attributes:
        got: key and id of each message, in the order of arrival.
        keys: the keys, each once.
        told: pairs of ids between which the client was told that something is missing.
        told_after: for each of them, so many messages had come by then.
        last: id of the last message.
        longest: seconds of the longest silence between two messages.
        recovered: for each fault, seconds until a message came that was sent after it.
        start: its first cursor: it is owed what comes after, and nothing else.
        until: up to here; ``None`` for all.
    """

    got: list[tuple[str, Id]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    told: list[tuple[Id, Id]] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)
    told_after: list[int] = field(default_factory=list)
    last: Id = (0, 0)
    longest: float = 0.0
    recovered: list[float] = field(default_factory=list)
    start: Id = (0, 0)
    until: Id | None = None
    _at: float = 0.0
    _since: float | None = None
    _open: bool = False

    def message(self, book: Book, key: str, id_: Id) -> None:
        """A message came."""
        now = time.monotonic()
        self.longest = max(self.longest, now - self._at) if self._at else 0.0
        self._at = now
        if self._open:
            low, upto = self.told[-1]
            self.told[-1] = low, max(upto, (id_[0], id_[1] - 1))
            self._open = False
        self.got.append((key, id_))
        self.keys.add(key)
        self.last = max(self.last, id_)
        if self._since is not None and book.sent.get(key, 0) >= self._since:
            self.recovered.append(now - self._since)
            self._since = None

    def reset(self, cursor: Id, *, since: Id | None = None) -> None:
        """The client was told that something is missing between what it had (``since``: the cursor with which it came
        back) and ``cursor``, or the next message where that is later.
        """
        low = self.last if since is None else since
        self.told.append((low, cursor))
        self.told_at.append(time.monotonic())
        self.told_after.append(len(self.got))
        self.last = max(self.last, cursor)
        self._open = cursor <= low

    def fault(self) -> None:
        """A fault has just ended (or, where it lasts no time, happened)."""
        self._since = time.monotonic()

    def owed(self, book: Book) -> set[str]:
        """Keys of what was acknowledged, is to come to the client, and has not."""
        missing = book.acknowledged.keys() - self.keys
        until = self.until or (sys.maxsize, 0)
        return {key for key in missing if self.start < book.acknowledged[key] <= until}

    @property
    def waiting(self) -> bool:
        """Nothing that was sent since the last fault has come yet."""
        return self._since is not None


@dataclass
class Figures:
    """One scenario's row; counts are over all clients, times are seconds.

    ``gone`` counts what was acknowledged and did not come, where the client was told so.
    """

    sent: int
    acknowledged: int
    delivered: int
    lost: int
    gone: int
    doubled: int
    disordered: int
    told: int
    clients: int
    gap: float
    recovery: float
    recovery_p99: float


def gone(book: Book, account: Account) -> set[str]:
    """Keys of what was acknowledged and did not come to a client, and of which it was told that it is missing."""
    missing = account.owed(book) if account.told else ()
    return {key for key in missing if any(low < book.acknowledged[key] <= upto for low, upto in account.told)}


def doubles(account: Account) -> int:
    """How often a message came again. It may, under another id, to a client that was told in between: whoever
    publishes once more what was lost cannot know who had read it.
    """
    count = 0
    before: dict[str, tuple[Id, int]] = {}
    for at, (key, id_) in enumerate(account.got):
        told = bisect_right(account.told_after, at)
        if key in before:
            count += before[key][0] == id_ or before[key][1] == told
        before[key] = id_, told
    return count


def judge(book: Book, accounts: list[Account], *, still_there: Container[str] = ()) -> Figures:
    """Add up.

    Lost is what was acknowledged and did not come, and of which the client was not told that it is gone; or was told
    so, though it is ``still_there`` (keys).
    """
    lost = missing = doubled = disordered = 0
    for account in accounts:
        doubled += doubles(account)
        high = account.start
        seen: set[str] = set()
        for key, id_ in account.got:
            disordered += id_ <= high and key not in seen
            high = max(high, id_)
            seen.add(key)
        excused = {key for key in gone(book, account) if key not in still_there}
        missing += len(excused)
        lost += len(account.owed(book) - excused)
    times = sorted(time for account in accounts for time in account.recovered)
    never = sum(account.waiting for account in accounts)
    return Figures(
        sent=len(book.sent),
        acknowledged=len(book.acknowledged),
        delivered=sum(len(account.got) for account in accounts),
        lost=lost,
        gone=missing,
        doubled=doubled,
        disordered=disordered,
        told=sum(bool(account.told) for account in accounts),
        clients=len(accounts),
        gap=max((account.longest for account in accounts), default=0.0),
        recovery=float("inf") if never else (times[-1] if times else 0.0),
        recovery_p99=float("inf") if never else (times[int(len(times) * 0.99)] if times else 0.0),
    )
