"""What waits to be published at the same time shares a round trip to Redis, and keeps every guarantee of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import redis as redis_client

from realtime.bus.base import Outcome, Published
from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency, Threads
from realtime.errors import BusUnavailable, KeyConflict
from realtime.message import Message
from tests.support.processes import ROOT, Redis, eventually

from .conftest import Recorder
from .test_bus import put


@pytest.fixture
def bus(own_redis: Redis, concurrency: Concurrency) -> Iterator[RedisBus]:
    """A bus on a Redis that the test may break."""
    bus = RedisBus(own_redis.url, concurrency=concurrency, publish_timeout=5)
    yield bus
    bus.stop()


@pytest.fixture
def admin(own_redis: Redis) -> Iterator[redis_client.Redis]:
    """Somebody who looks at the Redis and disturbs it."""
    with redis_client.Redis.from_url(own_redis.url) as client:
        yield client


def transactions(admin: redis_client.Redis) -> int:
    """How many Redis has seen."""
    return int(admin.info("commandstats").get("cmdstat_exec", {"calls": 0})["calls"])


class Publishing:
    """Many publishers at once, one message each, numbered; ``key`` of one is another message's."""

    def __init__(self, bus: RedisBus, count: int, *, conflicting: int | None = None) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._bus = bus
        self._conflicting = conflicting
        self._threads = [threading.Thread(target=self._publish, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _publish(self, number: int) -> None:
        message = Message.new("lobby", number, key="taken" if number == self._conflicting else None)
        try:
            self.outcomes[number] = self._bus.publish(message)
        except (KeyConflict, BusUnavailable) as exc:
            self.outcomes[number] = exc

    def all(self) -> dict[int, Outcome]:
        for thread in self._threads:
            thread.join(20)
        return self.outcomes


def test_publishers_that_wait_share_a_round_trip_and_a_conflict_among_them_is_its_own(
    bus: RedisBus, own_redis: Redis, admin: redis_client.Redis
) -> None:
    recorder = Recorder()
    bus.start(recorder)
    put(bus, "other", key="taken")
    before = transactions(admin)
    own_redis.freeze()
    publishing = Publishing(bus, 40, conflicting=20)
    time.sleep(0.3)  # so that all of them stand waiting; nothing can be observed in a frozen Redis
    own_redis.thaw()
    outcomes = publishing.all()
    assert isinstance(outcomes.pop(20), KeyConflict)
    ids = {one.id: number for number, one in outcomes.items() if isinstance(one, Published)}
    assert len(ids) == 39
    assert recorder.wait(40)[1:] == [ids[at] for at in sorted(ids)], "each has its own message's id"
    assert 1 <= transactions(admin) - before <= 4


TOGETHER = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from realtime.bus.redis import RedisBus
from realtime.concurrency import Greenlets
from realtime.message import Message

bus = RedisBus(sys.argv[1], concurrency=Greenlets())
bus.publish(Message.new("lobby", "first"))
publishing = [gevent.spawn(bus.publish, Message.new("lobby", number)) for number in range(5)]
gevent.joinall(publishing, raise_error=True)
print([message.data for message in bus.latest(["lobby"], limit=100).messages])
"""


def test_greenlets_that_publish_in_one_loop_turn_share_a_round_trip(
    own_redis: Redis, admin: redis_client.Redis
) -> None:
    command = [sys.executable, "-c", TOGETHER, own_redis.url]
    done = subprocess.run(command, cwd=ROOT, check=True, timeout=30, capture_output=True, text=True)
    assert done.stdout == "['first', 0, 1, 2, 3, 4]\n"
    assert transactions(admin) == 1


class Interrupting(Threads):
    """Whoever lets others run is interrupted, the first time."""

    interrupted = False

    def sleep(self, seconds: float) -> None:
        if not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt
        super().sleep(seconds)


def test_whoever_is_interrupted_before_it_was_sent_publishes_nothing_and_holds_nobody_up(own_redis: Redis) -> None:
    bus = RedisBus(own_redis.url, concurrency=Interrupting())
    with pytest.raises(KeyboardInterrupt):
        put(bus, "interrupted")
    put(bus, "next")
    assert [message.data for message in bus.latest(["lobby"], limit=10).messages] == ["next"]
    bus.stop()


def test_a_lone_publish_is_no_transaction(bus: RedisBus, admin: redis_client.Redis) -> None:
    for number in range(5):
        put(bus, number)
    assert transactions(admin) == 0


def test_connections_cut_under_many_publishers_publish_nothing_twice(bus: RedisBus, admin: redis_client.Redis) -> None:
    recorder = Recorder()
    bus.start(recorder)
    put(bus, "first")
    told: list[Outcome] = []
    for number in range(2000):
        bus.publish_soon(Message.new("lobby", number), told.append)
        if number % 400 == 399:
            admin.client_kill_filter(_type="normal", skipme=True)
    eventually(lambda: len(told) == 2000, within=20, what="every answer")
    put_when_back(bus)
    eventually(lambda: recorder.messages[-1].data == "end", within=20)
    data = [message.data for message in recorder.messages][1:-1]
    assert len(data) == len(set(data)), "nothing twice"
    accepted = [one.id for one in told if isinstance(one, Published)]
    assert accepted == sorted(set(accepted)) and set(accepted) <= set(recorder.order), "nothing accepted is lost"
    assert accepted


def put_when_back(bus: RedisBus) -> None:
    def attempt() -> bool:
        try:
            return bool(put(bus, "end"))
        except BusUnavailable:
            return False

    eventually(attempt, within=15)


def test_each_waits_for_its_own_time_while_redis_is_frozen(own_redis: Redis, concurrency: Concurrency) -> None:
    bus = RedisBus(own_redis.url, concurrency=concurrency, publish_timeout=0.5)
    put(bus, "before")
    own_redis.freeze()
    started = time.monotonic()
    outcomes = Publishing(bus, 10).all()
    assert all(isinstance(one, BusUnavailable) for one in outcomes.values()) and len(outcomes) == 10
    assert time.monotonic() - started < 3
    own_redis.thaw()
    put_when_back(bus)
    bus.stop()


def test_scripts_that_redis_has_forgotten_are_loaded_again(bus: RedisBus, admin: redis_client.Redis) -> None:
    put(bus, 1)
    admin.script_flush()
    put(bus, 2)
    admin.script_flush()
    assert all(isinstance(one, Published) for one in bus.publish_many([Message.new("lobby", n) for n in range(3)]))
    assert [message.data for message in bus.latest(["lobby"], limit=9).messages] == [1, 2, 0, 1, 2]
