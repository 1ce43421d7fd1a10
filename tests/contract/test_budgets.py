"""Budgets: what all processes of a Redis take from together."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest
import redis

from realtime.bus.base import Budgets, BusUnavailable
from realtime.bus.memory import MemoryBus
from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from tests.support.processes import Redis


@pytest.fixture
def budgets(shared_redis: Redis, concurrency: Concurrency) -> Iterator[tuple[Budgets, Budgets, str]]:
    """Those of two processes, and the namespace."""
    namespace = f"test-{secrets.token_hex(6)}"
    first, second = (RedisBus(shared_redis.url, concurrency=concurrency, namespace=namespace) for _ in range(2))
    yield first.budgets, second.budgets, namespace
    first.stop()
    second.stop()


def test_a_bucket_is_full_at_first_and_one_for_all(budgets: tuple[Budgets, Budgets, str]) -> None:
    here, there, _ = budgets
    assert here.draw("ada", rate=0.1, size=5, least=1, most=3) == (3, 0)
    assert there.draw("ada", rate=0.1, size=5, least=1, most=3) == (2, 0), "what is left"
    taken, wait = here.draw("ada", rate=0.1, size=5, least=1, most=3)
    assert taken == 0
    assert 9 < wait <= 10
    assert there.draw("bob", rate=0.1, size=5, least=5, most=5) == (5, 0), "somebody else's is another"


def test_it_fills_at_its_rate_and_never_over_its_size(budgets: tuple[Budgets, Budgets, str]) -> None:
    here, there, _ = budgets
    assert here.draw("ada", rate=20, size=10, least=10, most=10).taken == 10
    taken, wait = there.draw("ada", rate=20, size=10, least=2, most=2)
    assert (taken, 0 < wait <= 0.1) == (0, True)
    time.sleep(wait)
    assert there.draw("ada", rate=20, size=10, least=2, most=2).taken == 2
    time.sleep(0.6)
    assert there.draw("ada", rate=20, size=10, least=1, most=100).taken == 10


def test_fewer_than_are_of_use_are_not_taken(budgets: tuple[Budgets, Budgets, str]) -> None:
    here, _, _ = budgets
    assert here.draw("ada", rate=0.1, size=5, least=3, most=3).taken == 3
    assert here.draw("ada", rate=0.1, size=5, least=3, most=3).taken == 0
    assert here.draw("ada", rate=0.1, size=5, least=1, most=3).taken == 2


def test_what_was_not_used_is_put_back(budgets: tuple[Budgets, Budgets, str]) -> None:
    here, there, _ = budgets
    assert here.draw("ada", rate=0.1, size=5, least=1, most=5).taken == 5
    assert here.draw("ada", rate=0.1, size=5, least=5, most=5, back=3).taken == 0
    assert there.draw("ada", rate=0.1, size=5, least=1, most=5).taken == 3


def test_whatever_else_lies_in_its_place_counts_for_nothing(
    budgets: tuple[Budgets, Budgets, str], shared_redis: Redis
) -> None:
    here, _, namespace = budgets
    with redis.Redis.from_url(shared_redis.url) as raw:
        here.draw("ada", rate=0.1, size=5, least=1, most=1)
        (key,) = raw.keys(f"{{{namespace}}}:rate:*")
        assert 0 < raw.pttl(key) <= 11_000, "one that is full again is not kept"
        raw.delete(key)
        raw.rpush(key, "another kind")
        assert here.draw("ada", rate=0.1, size=5, least=1, most=9).taken == 5
        for garbage in ("", "nan 1", "-5 0", "1e9 1e9", "5", "9" * 100, "99999 99999999999999999999", "inf 0"):
            raw.set(key, garbage)
            assert 0 < here.draw("ada", rate=0.1, size=5, least=1, most=9).taken <= 5


def test_redis_that_is_frozen_is_not_waited_for_longer_than_half_a_second(
    own_redis: Redis, concurrency: Concurrency
) -> None:
    bus = RedisBus(own_redis.url, concurrency=concurrency)
    bus.budgets.draw("ada", rate=1, size=5, least=1, most=1)
    own_redis.freeze()
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        bus.budgets.draw("ada", rate=1, size=5, least=1, most=1)
    assert time.monotonic() - began < 1.5
    own_redis.thaw()
    bus.stop()


def test_one_process_has_none_to_share(concurrency: Concurrency) -> None:
    assert MemoryBus(concurrency=concurrency).budgets is None
