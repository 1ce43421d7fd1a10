"""A rate for each of many, in one process and over several, on clocks of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from realtime.bus.base import Budgets, BusUnavailable, Drawn
from realtime.concurrency import for_mode
from realtime.errors import RateLimited
from realtime.web import allowance
from realtime.web.allowance import Allowance
from realtime.web.rates import Bucket


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Shared(Budgets):
    """Buckets that several allowances take from, as Redis keeps them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.asked = 0
        self.away = False
        self.fills = True
        self._clock = clock

    def draw(self, name: str, *, rate: float, size: float, least: int, most: int, back: int = 0) -> Drawn:
        self.asked += 1
        if self.away:
            raise BusUnavailable("away")
        clock = self._clock if self.fills else lambda: 0.0
        bucket = self.buckets.setdefault(name, Bucket(rate, size, clock=clock))
        bucket._left += back
        for count in range(most, least - 1, -1):
            wait = bucket.take(count)
            if not wait:
                return Drawn(count, 0)
        return Drawn(0, wait)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(clock: Clock) -> Shared:
    return Shared(clock)


def make(rate: float, clock: Clock, budgets: Budgets | None = None, size: float = 1) -> Allowance:
    """One process's."""
    return Allowance(
        "things", rate, text="too often", budgets=budgets, concurrency=for_mode("threading"), size=size, clock=clock
    )


def taken(one: Allowance, who: str, tries: int, count: int = 1) -> int:
    """How many of so many tries were allowed."""
    allowed = 0
    for _ in range(tries):
        with suppress(RateLimited):
            one.take(who, count)
            allowed += 1
    return allowed


def test_one_process_counts_by_itself(clock: Clock) -> None:
    one = make(5, clock)
    assert (taken(one, "ada", 10), taken(one, "bob", 10)) == (5, 5)
    clock.now += 0.4
    assert taken(one, "ada", 10) == 2


def test_several_processes_allow_together_what_one_would(clock: Clock, shared: Shared) -> None:
    first, second = make(100, clock, shared), make(100, clock, shared)
    total = 0
    for _ in range(50):
        total += taken(first, "ada", 5) + taken(second, "ada", 5)
        clock.now += 0.05
    assert 100 + 100 * 2.4 - 2 * 5 <= total <= 100 + 100 * 2.5
    assert taken(second, "bob", 200) == 100


def test_the_bus_is_asked_for_a_share_and_not_for_each(clock: Clock, shared: Shared) -> None:
    one = make(1000, clock, shared)
    assert taken(one, "ada", 1000) == 1000
    assert shared.asked == 20


def test_whoever_is_refused_costs_the_bus_nothing_until_it_may_again(clock: Clock, shared: Shared) -> None:
    one = make(2, clock, shared)
    taken(one, "ada", 3)
    before = shared.asked
    assert taken(one, "ada", 1000) == 0
    assert shared.asked == before
    clock.now += 0.5
    assert taken(one, "ada", 10) == 1


def test_a_share_that_is_not_used_up_in_time_goes_back(clock: Clock, shared: Shared) -> None:
    first, second = make(100, clock, shared), make(100, clock, shared)
    shared.fills = False
    first.take("ada")
    clock.now += 1.1
    first.take("ada")
    clock.now += 1.1
    assert taken(second, "ada", 200) == 100 - 1 - 5
    assert taken(first, "ada", 200) == 4


def test_several_at_once_count_as_many_and_are_taken_together_or_not_at_all(clock: Clock, shared: Shared) -> None:
    for one in (make(1, clock, size=10), make(1, clock, shared, size=10)):
        assert taken(one, "ada", 1, count=8) == 1
        assert taken(one, "ada", 1, count=3) == 0
        assert taken(one, "ada", 5) == 2
        with pytest.raises(RateLimited) as refused:
            one.take("ada", 5)
        assert refused.value.retry_after == 5


def test_without_the_bus_a_process_counts_by_itself_and_asks_again_later(clock: Clock, shared: Shared) -> None:
    one = make(5, clock, shared)
    shared.away = True
    assert taken(one, "ada", 20) == 5
    assert shared.asked == 1
    shared.away = False
    clock.now += 1.1
    assert taken(one, "ada", 1) == 1
    assert shared.asked == 2


def test_who_asked_long_ago_is_forgotten_so_that_memory_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(allowance, "_MOST", 2)
    one = make(1, clock)
    assert [taken(one, user, 1) for user in ("a", "b", "c", "a", "c")] == [1, 1, 1, 1, 0]
