"""Redis is killed, cut, frozen, filled up, emptied and failed over while messages flow through two processes.

Counted on acknowledged publishes, at event streams and Socket.IO clients of both processes: nothing doubled, nothing
out of order, and nothing lost where it is not really gone; where it is, everybody is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis as redis_client
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, eventually, running, start_gevent
from tests.support.publishing import path
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinels
from tests.support.streams import EventReader

TOLD_SECONDS = 2.0


class Flow:
    """Two servers on a bus, a publisher at the one, and readers of both transports at each."""

    def __init__(self, url: str, room: str, **settings: str) -> None:
        self.acknowledged: list[str] = []
        self.refused = 0
        self.times = [time.monotonic()]
        self._room = room
        self._over = threading.Event()
        self._stack = ExitStack()
        servers = [start_gevent(REALTIME_BUS_URL=url, **settings) for _ in range(2)]
        self._stack.enter_context(running(*servers))
        self.servers = servers
        self.streams = [self._stack.enter_context(EventReader(server.url, room)) for server in servers]
        self.sockets = [SocketClient(server.url) for server in servers]
        for stream in self.streams:
            stream.ready()
        for socket in self.sockets:
            self._stack.callback(socket.close)
            socket.join(room)
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()

    def _publish(self) -> None:
        session, number = requests.Session(), 0
        while not self._over.wait(0.005):
            number += 1
            answer = session.post(self.servers[0].url + path(self._room), json={"data": number}, timeout=30)
            if answer.status_code == 201:
                self.acknowledged.append(answer.json()["id"])
                self.times.append(time.monotonic())
            else:
                assert answer.status_code == 503, answer.text
                self.refused += 1

    def go_on(self, messages: int = 10, *, within: float = 15) -> float:
        """Wait until so many more are acknowledged; return how long the first one took."""
        started, before = time.monotonic(), len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) >= before + messages, within=within, what="the flow going on")
        return self.times[before + 1] - started

    @property
    def ids(self) -> list[list[str]]:
        """What each reader got."""
        sockets = [[one.id for one in socket.events if one.event == "message"] for socket in self.sockets]
        return [list(stream.ids) for stream in self.streams] + sockets

    @property
    def resets(self) -> list[int]:
        """How often each reader was told of a loss."""
        streams = [sum(event.event == "realtime.reset" for event in stream.events) for stream in self.streams]
        return streams + [len(socket.named("realtime.reset")) for socket in self.sockets]

    def check(self, *, lossless: bool = True) -> None:
        """End the flow and count."""
        self._over.set()
        self._thread.join()
        last = self.acknowledged[-1]
        eventually(lambda: all(last in ids for ids in self.ids), what="the last message at everybody")
        for ids, resets in zip(self.ids, self.resets, strict=True):
            keys = [tuple(map(int, one.split("-"))) for one in ids]
            assert keys == sorted(set(keys)), "doubled, or out of order"
            lost = set(self.acknowledged) - set(ids)
            assert not lost or (resets and not lossless), f"{len(lost)} lost, {resets} times told"
            assert not lossless or not resets

    def close(self) -> None:
        self._over.set()
        self._stack.close()


@pytest.fixture
def flow(room: str) -> Iterator[Callable[..., Flow]]:
    flows: list[Flow] = []

    def begin(url: str, **settings: str) -> Flow:
        flows.append(Flow(url, room, **settings))
        flows[-1].go_on()
        return flows[-1]

    yield begin
    for one in flows:
        one.close()


def test_redis_killed_again_and_again(flow: Callable[..., Flow], own_redis: Redis) -> None:
    one = flow(own_redis.url)
    for _ in range(3):
        own_redis.kill()
        own_redis.start()
        assert one.go_on() < 1.5
    one.check()


def test_connections_killed_again_and_again(flow: Callable[..., Flow], own_redis: Redis) -> None:
    one = flow(own_redis.url)
    with redis_client.Redis.from_url(own_redis.url) as admin:
        for _ in range(25):
            admin.client_kill_filter(_type="normal", skipme=True)
            one.go_on(2)
    assert one.refused == 0, "a connection that was closed is no outage"
    one.check()
    assert all(not socket.controls for socket in one.sockets)


def test_redis_frozen(flow: Callable[..., Flow], own_redis: Redis) -> None:
    one = flow(own_redis.url)
    own_redis.freeze()
    eventually(lambda: all(socket.controls == ["realtime.degraded"] for socket in one.sockets), what="being told")
    own_redis.thaw()
    assert one.go_on() < 1.5
    one.check()


def test_redis_out_of_memory(flow: Callable[..., Flow], own_redis: Redis) -> None:
    one = flow(own_redis.url)
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.config_set("maxmemory", "1")
        eventually(lambda: one.refused > 5, what="refusals")
        admin.config_set("maxmemory", "0")
    assert one.go_on() < 1.5
    one.check()


@pytest.mark.parametrize("how", ["FLUSHALL", "restart"])
def test_a_log_that_is_emptied_is_told_to_everybody(flow: Callable[..., Flow], own_redis: Redis, how: str) -> None:
    one = flow(own_redis.url)
    if how == "FLUSHALL":
        with redis_client.Redis.from_url(own_redis.url) as admin:
            admin.flushall()
    else:
        own_redis.kill()
        own_redis.forget()
        own_redis.start()
    eventually(lambda: all(one.resets), within=TOLD_SECONDS + 1, what="everybody being told")
    one.go_on()
    one.check(lossless=False)


def test_a_sentinel_failover(flow: Callable[..., Flow], redis_sentinels: RedisSentinels) -> None:
    one = flow(redis_sentinels.url, REALTIME_DURABLE="1")
    before = redis_sentinels.primary
    before.kill()
    redis_sentinels.failed_over(before)
    assert one.go_on() < 1.5
    one.check(lossless=not any(one.resets))


def test_writes_that_a_failover_lost_are_told_to_everybody(
    flow: Callable[..., Flow], redis_sentinels: RedisSentinels
) -> None:
    one = flow(redis_sentinels.url)
    before = redis_sentinels.primary
    # Nothing reaches the replicas any more: what is acknowledged from here on is lost.
    for replica in redis_sentinels.replicas:
        with redis_client.Redis(port=replica.port) as admin:
            admin.config_set("masterauth", "wrong")
            admin.client_kill_filter(_type="master")
            admin.config_set("masteruser", "nobody")
    one.go_on(50)
    lost = set(one.acknowledged[-20:])
    eventually(lambda: all(lost <= set(ids) for ids in one.ids))
    before.kill()
    redis_sentinels.failed_over(before)
    eventually(lambda: all(one.resets), within=TOLD_SECONDS + 1, what="everybody being told")
    one.go_on()
    one.check(lossless=False)


def test_a_clusters_primary_killed(flow: Callable[..., Flow], redis_cluster: RedisCluster) -> None:
    one = flow(redis_cluster.url)
    before = redis_cluster.primary
    before.kill()
    redis_cluster.failed_over(before)
    assert one.go_on() < 1.5
    one.check(lossless=not any(one.resets))
