"""Clocks that are put back, of the server and of Redis: ids rise all the same, and nothing waits for the lost time."""

from __future__ import annotations

import time

import pytest
import redis as redis_client

from realtime.bus.memory import MemoryBus
from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from tests.support.processes import Redis, eventually

from .conftest import Clock, Recorder
from .test_bus import put

HOUR_MS = 3_600_000


def test_the_embedded_bus_goes_on_when_the_clock_is_put_back(concurrency: Concurrency) -> None:
    clock, recorder = Clock(), Recorder()
    clock.fixed = 2_000_000_000.0
    bus = MemoryBus(concurrency=concurrency, clock=clock)
    bus.start(recorder)
    before = put(bus, "before", key="k")
    clock.fixed -= 3600
    after = put(bus, "after")
    assert after > before and (after.ms, after.n) == (before.ms, before.n + 1)
    assert put(bus, "before", key="k") == before, "a key is remembered"
    replay = bus.replay(["lobby"], before, limit=9)
    assert replay.recovered and [message.data for message in replay.messages] == ["after"]
    assert recorder.wait(2) == ["before", "after"]
    clock.fixed += 7200
    assert put(bus, "later") > after


@pytest.mark.parametrize("days", [-30, 30])
def test_what_is_forgotten_goes_by_the_clock_of_redis_and_not_of_who_asks(
    own_redis: Redis, concurrency: Concurrency, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    bus = RedisBus(own_redis.url, concurrency=concurrency)
    brief = RedisBus(own_redis.url, concurrency=concurrency, history_ttl=0.06)
    other, gone = put(bus, "other", room="other"), "{realtime}:tail:quiet"
    with redis_client.Redis.from_url(own_redis.url) as admin:
        # As if it had begun long ago: a log younger than that has forgotten no room.
        admin.hset("{realtime}:meta", "birth", "1-0")
        monkeypatch.setattr(time, "time", lambda real=time.time: real() + days * 86_400)
        assert bus.replay(["quiet"], other, limit=9).recovered, "nothing came of that room since, or it would be known"
        put(brief, "missed", room="quiet")
        eventually(lambda: not admin.exists(gone), what="the room being forgotten, its last id too")
        assert not brief.replay(["quiet"], other, limit=9).recovered
    bus.stop()
    brief.stop()


def test_a_user_of_redis_who_may_not_ask_for_its_time_reads_all_the_same(
    own_redis: Redis, concurrency: Concurrency
) -> None:
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.acl_setuser("reader", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", "-time"])
    bus = RedisBus(own_redis.url.replace("//", "//reader:secret@"), concurrency=concurrency)
    ids = [put(bus, number) for number in range(2)]
    replay = bus.replay(["lobby"], ids[0], limit=9)
    assert replay.recovered and [message.data for message in replay.messages] == [1]
    bus.stop()


@pytest.fixture
def ahead(own_redis: Redis) -> int:
    """A log of a Redis whose clock was an hour ahead, and was put right: the hour, in milliseconds since the epoch."""
    future = int(time.time() * 1000) + HOUR_MS
    with redis_client.Redis.from_url(own_redis.url) as admin:
        born = f"{future}-0"
        admin.xadd("{realtime}:log", {"t": "b", "p": "0-0"}, id=born)
        admin.hset("{realtime}:meta", mapping={"birth": born, "last": born})
    return future


def test_a_redis_whose_clock_was_put_back_goes_on(own_redis: Redis, concurrency: Concurrency, ahead: int) -> None:
    bus, recorder = RedisBus(own_redis.url, concurrency=concurrency), Recorder()
    bus.start(recorder)
    ids = [put(bus, number) for number in range(5)]
    assert ids == sorted(set(ids)) and all(one.ms == ahead for one in ids)
    assert recorder.wait(5) == [0, 1, 2, 3, 4] and recorder.gaps == []
    replay = bus.replay(["lobby"], ids[1], limit=9)
    assert replay.recovered and [message.data for message in replay.messages] == [2, 3, 4]
    bus.stop()


def test_a_log_that_begins_anew_after_its_clock_was_put_back_begins_behind_what_was_seen(
    own_redis: Redis, concurrency: Concurrency, ahead: int
) -> None:
    bus, recorder = RedisBus(own_redis.url, concurrency=concurrency), Recorder()
    bus.start(recorder)
    old = put(bus, "old")
    recorder.wait(1)
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.flushall()
    eventually(lambda: recorder.gaps, within=3, what="the loss being told")
    assert recorder.gaps[-1] > old, "or clients would take what is new for what they have seen"
    assert put(bus, "new").ms > ahead
    assert recorder.wait(2) == ["old", "new"]
    assert not bus.replay(["lobby"], old, limit=9).recovered
    bus.stop()
