"""Durable mode: a message is acknowledged when so many replicas have it, and what is not sure is not called sure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_client

from realtime.bus.base import Published
from realtime.bus.redis import RedisBus
from realtime.bus.trips import Durability
from realtime.concurrency import Concurrency
from realtime.errors import BusUnavailable, NotDurable
from realtime.message import Message
from tests.support.processes import Redis, eventually

from .conftest import Recorder
from .test_bus import put

Open = Callable[..., RedisBus]


@pytest.fixture
def replica(own_redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The one replica of the test's Redis."""
    redis = Redis(tmp_path_factory.mktemp("replica"), "--replicaof", "127.0.0.1", str(own_redis.port))
    with redis_client.Redis(port=own_redis.port) as admin:
        admin.config_set("repl-diskless-sync-delay", "0")
        eventually(lambda: admin.info("replication").get("slave0", {}).get("state") == "online", what="replication")
        # Once it is online it still loads what it was sent: only then it confirms anything.
        admin.set("written", "before")
        assert admin.wait(1, 10_000) == 1
    yield redis
    redis.stop()


@pytest.fixture
def open_bus(own_redis: Redis, concurrency: Concurrency) -> Iterator[Open]:
    opened: list[RedisBus] = []

    def open_one(replicas: int = 1, **options: Any) -> RedisBus:
        durability = Durability(replicas, options.pop("timeout", 1))
        opened.append(RedisBus(own_redis.url, concurrency=concurrency, durability=durability, **options))
        return opened[-1]

    yield open_one
    for bus in opened:
        bus.stop()


def test_what_is_acknowledged_is_on_the_replica(open_bus: Open, own_redis: Redis, replica: Redis) -> None:
    bus = open_bus(timeout=2)
    ids = [put(bus, number) for number in range(20)]
    own_redis.kill()
    with redis_client.Redis(port=replica.port) as admin:
        assert [at.decode() for at, _ in admin.xrange("{realtime}:room:lobby")] == [str(at) for at in ids]


def test_what_no_replica_has_is_not_acknowledged_and_a_repeat_tells_when_it_is(open_bus: Open, replica: Redis) -> None:
    bus, recorder = open_bus(), Recorder()
    bus.start(recorder)
    put(bus, "before", key="before")
    replica.freeze()
    with pytest.raises(NotDurable) as caught:
        put(bus, "unsure", key="k")
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "not_durable", 1)
    assert isinstance(caught.value, BusUnavailable), "whoever knows how to try again, does"
    assert recorder.wait(2) == ["before", "unsure"], "it is in the log, and that is said"
    # Also over a connection that has written nothing: it must not count what was confirmed before.
    for other in (bus, open_bus()):
        with pytest.raises(NotDurable) as again:
            put(other, "unsure", key="k")
        assert again.value.id == caught.value.id
    replica.thaw()
    assert str(put(bus, "unsure", key="k")) == caught.value.id
    put(bus, "after")
    assert recorder.wait(3) == ["before", "unsure", "after"]


def test_messages_that_go_together_share_one_wait(open_bus: Open, own_redis: Redis, replica: Redis) -> None:
    bus = open_bus(timeout=1)  # (A publish itself gives up after two.)
    put(bus, "connects")
    with redis_client.Redis(port=own_redis.port) as admin:
        admin.config_resetstat()
        outcomes = bus.publish_many([Message.new("lobby", number) for number in range(50)])
        assert all(isinstance(one, Published) for one in outcomes)
        assert admin.info("commandstats")["cmdstat_wait"]["calls"] == 1
        replica.freeze()
        outcomes = bus.publish_many([Message.new("lobby", number) for number in range(3)])
        assert [type(one) for one in outcomes] == [NotDurable] * 3


def test_waiting_ends_with_the_publishs_own_time(open_bus: Open, replica: Redis) -> None:
    bus = open_bus(timeout=30, publish_timeout=0.5)
    put(bus, 1)
    replica.freeze()
    started = time.monotonic()
    with pytest.raises(BusUnavailable):
        put(bus, 2)
    assert time.monotonic() - started < 1


def test_asking_for_more_replicas_than_there_are_refuses_everything_and_says_how_many(
    open_bus: Open, replica: Redis
) -> None:
    assert replica.alive
    with pytest.raises(NotDurable, match="only 1 of the 3 replicas"):
        put(open_bus(3), 1)


def test_a_primary_without_enough_replicas_accepts_nothing_where_redis_is_told_so(
    open_bus: Open, own_redis: Redis, replica: Redis
) -> None:
    bus = open_bus(0)
    kept = put(bus, 1)
    with redis_client.Redis(port=own_redis.port) as admin:
        admin.config_set("min-replicas-to-write", 1)
        admin.config_set("min-replicas-max-lag", 1)
        replica.kill()
        with pytest.raises(BusUnavailable, match=r"(?i)replicas"):
            eventually(lambda: not put(bus, 2))
        refused = len(bus.replay(["lobby"], kept, limit=99).messages)
        admin.config_set("min-replicas-to-write", 0)
        put(bus, 3)
        assert len(bus.replay(["lobby"], kept, limit=99).messages) == refused + 1


def test_with_what_is_acknowledged_a_replica_takes_over_and_nothing_is_lost(
    open_bus: Open, own_redis: Redis, replica: Redis, concurrency: Concurrency
) -> None:
    bus = open_bus(timeout=1)
    put(bus, 0)
    acknowledged = [0]
    killer = threading.Timer(0.3, own_redis.kill)
    killer.start()
    for number in range(1, 10_000):
        try:
            put(bus, number)
        except BusUnavailable:
            break
        acknowledged.append(number)
    killer.join()
    with redis_client.Redis(port=replica.port) as admin:
        admin.replicaof("NO", "ONE")
    after = RedisBus(replica.url, concurrency=concurrency)
    try:
        found = [message.data for message in after.latest(["lobby"], limit=100_000).messages]
        assert set(acknowledged[-900:]) <= set(found)
    finally:
        after.stop()
