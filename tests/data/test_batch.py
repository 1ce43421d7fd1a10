"""A batch: several messages in one call, each accepted or refused on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_client

from realtime import BusUnavailable, InvalidValue, KeyConflict, Publisher

from ..support.processes import Redis

Seen = Callable[[str], list[Any]]


def test_each_item_is_accepted_or_refused_on_its_own_and_in_order(target: Any, seen: Seen) -> None:
    outcomes = target.publish_many(
        [
            {"room": "orders", "data": 1},
            {"room": "no room!", "data": 2},
            {"room": "orders", "data": 3, "event": "shipped", "key": "k"},
            {"room": "orders", "data": 4, "event": "shipped", "key": "k"},
            {"room": "orders", "data": 3, "event": "shipped", "key": "k"},
            {"room": "orders", "dat": 5},
            {"room": "orders", "data": object()},
            {"room": "orders", "data": None},
        ]
    )
    assert [type(one) for one in outcomes] == [
        *(str, InvalidValue, str, KeyConflict, str, InvalidValue, InvalidValue, str)
    ]
    assert outcomes[2] == outcomes[4]
    assert seen("orders") == [1, 3, None]
    assert [str(message.id) for message in target.history("orders").messages] == [outcomes[i] for i in (0, 2, 7)]


def test_an_empty_batch_is_no_batch(target: Any) -> None:
    assert target.publish_many([]) == []


def test_while_the_bus_is_away_everything_is_refused_within_one_time_out(own_redis: Redis) -> None:
    with Publisher(own_redis.url) as publisher:
        own_redis.kill()
        outcomes = publisher.publish_many({"room": "orders", "data": n, "key": str(n)} for n in range(50))
        assert [type(one) for one in outcomes] == [BusUnavailable] * 50
        own_redis.start()
        again = publisher.publish_many({"room": "orders", "data": n, "key": str(n)} for n in range(50))
        assert all(isinstance(one, str) for one in again)
        assert [message.data for message in publisher.history("orders").messages] == list(range(50))


def test_a_batch_without_an_application_is_told_at_once() -> None:
    from realtime import ConfigError, Realtime

    with pytest.raises(ConfigError, match="no application"):
        Realtime().publish_many([{"room": "orders", "data": 1}])


def test_a_batch_is_one_round_trip(own_redis: Redis) -> None:
    with Publisher(own_redis.url) as publisher, redis_client.Redis.from_url(own_redis.url) as admin:
        publisher.publish("orders", "the connection is open")
        publisher.publish_many({"room": "orders", "data": n} for n in range(100))
        assert admin.info("commandstats")["cmdstat_exec"]["calls"] == 1
        assert [message.data for message in publisher.history("orders", limit=100).messages] == list(range(100))
