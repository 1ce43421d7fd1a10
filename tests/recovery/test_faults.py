"""Processes die, logs are trimmed, time is over: the client has all of it back, or is told that it has not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from tests.support.processes import Redis, eventually

from .client import RawClient, StockClient
from .deployment import Deployment

Stock = Callable[..., StockClient]
Own = Callable[..., Deployment]


def test_after_kill_9_of_its_process_it_comes_back_to_another(own_deployment: Own, stock: Stock, room: str) -> None:
    deployment = own_deployment("gevent-redis")
    client = stock(deployment.url)
    client.join(room)
    client.call("remember", "name", "ann")
    client.call("enter", f"{room}/b")
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.wait_kept(f"{room}/b", "ann")
    deployment.kill()
    deployment.publish(room, 2)
    deployment.publish(f"{room}/b", 3)
    assert client.wait_connected(2) == (client.connections[0].sid, True)
    client.wait_data([1, 2, 3])
    assert client.call("recall")["session"] == {"name": "ann"}
    # And again: the process that it came back to is killed as well.
    deployment.restart(0, how=signal.SIGKILL)
    deployment.kill()
    deployment.publish(room, 4)
    assert client.wait_connected(3) == (client.connections[0].sid, True)
    client.wait_data([1, 2, 3, 4])
    assert client.call("recall")["session"] == {"name": "ann"}


def test_what_it_joined_or_left_is_known_when_its_process_dies_at_the_moment_of_the_answer(
    own_deployment: Own, raw: Callable[..., RawClient], room: str
) -> None:
    deployment = own_deployment("gevent-redis")
    joining, leaving = raw(deployment.servers[0].url), raw(deployment.servers[1].url)
    assert leaving.join(f"{room}/kept")["ok"] and leaving.join(f"{room}/left")["ok"]
    deployment.wait_kept(f"{room}/left")
    assert joining.join(room)["ok"]
    deployment.servers[0].signal(signal.SIGKILL)
    assert leaving.ask("leave", {"room": f"{room}/left"})["ok"]
    deployment.servers[1].signal(signal.SIGKILL)
    deployment.restart(1, how=signal.SIGKILL)
    deployment.switch()
    deployment.publish(f"{room}/left", "stale")
    ids = [deployment.publish(one, "missed") for one in (room, f"{room}/kept")]
    for before, (id_,) in zip((joining, leaving), ids, strict=True):
        after = raw(deployment.url, {"pid": before.pid})
        assert after.sid == before.sid
        assert after.event() == ["missed", id_]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_with_redis_it_comes_back_after_a_restart(
    own_deployment: Own, stock: Stock, room: str, how: signal.Signals
) -> None:
    deployment = own_deployment("gevent-redis")
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.switch()
    deployment.restart(0, how=how)
    deployment.publish(room, 2)
    assert client.wait_connected(2) == (client.connections[0].sid, True)
    client.wait_data([1, 2])


def test_with_the_log_in_memory_it_is_told_after_a_restart(own_deployment: Own, stock: Stock, room: str) -> None:
    deployment = own_deployment("gevent-memory")
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.restart()
    again = client.wait_connected(2)
    assert not again.recovered
    assert again.sid != client.connections[0].sid
    # From here on it can come back again, although its offset is still one of the log that is gone.
    client.join(room)
    deployment.cut()
    deployment.publish(room, 2)
    assert client.wait_connected(3) == (again.sid, True)
    client.wait_data([1, 2])


@pytest.mark.parametrize("kind", ["gevent-memory", "gevent-redis"])
def test_after_its_time_it_is_a_newcomer(own_deployment: Own, stock: Stock, room: str, kind: str) -> None:
    deployment = own_deployment(kind, REALTIME_RECOVERY_SECONDS="0.5")
    client = stock(deployment.url, reconnectionDelay=1000, reconnectionDelayMax=1000, randomizationFactor=0)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.cut()
    again = client.wait_connected(2)
    assert not again.recovered
    assert again.sid != client.connections[0].sid


def test_after_the_time_of_a_killed_process_its_clients_are_newcomers(
    own_deployment: Own, stock: Stock, room: str
) -> None:
    deployment = own_deployment("gevent-redis", REALTIME_RECOVERY_SECONDS="0.5")
    client = stock(deployment.url, reconnectionDelay=3000, reconnectionDelayMax=3000, randomizationFactor=0)
    client.join(room)
    deployment.kill()
    assert not client.wait_connected(2).recovered


def test_it_can_be_turned_off(own_deployment: Own, stock: Stock, room: str) -> None:
    deployment = own_deployment("gevent-memory", REALTIME_RECOVERY_SECONDS="0")
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.cut()
    assert not client.wait_connected(2).recovered


@pytest.mark.parametrize("kind", ["gevent-memory", "gevent-redis"])
def test_what_is_not_in_the_log_any_more_is_told(own_deployment: Own, stock: Stock, room: str, kind: str) -> None:
    deployment = own_deployment(kind, REALTIME_HISTORY_LENGTH="1")
    client = stock(deployment.url, reconnectionDelay=700, reconnectionDelayMax=700, randomizationFactor=0)
    client.join(room)
    deployment.publish(room, 0)
    client.wait_data([0])
    deployment.cut()
    # Redis trims whole blocks of a hundred.
    deployment.publish_many(room, range(1, 250 if kind.endswith("redis") else 3))
    again = client.wait_connected(2)
    assert not again.recovered
    assert again.sid != client.connections[0].sid


@pytest.mark.parametrize("kind", ["gevent-memory", "gevent-redis", "threads-redis"])
def test_nothing_is_lost_or_doubled_over_twenty_recoveries_under_load(
    deployed: Callable[..., Deployment], stock: Stock, room: str, kind: str
) -> None:
    deployment = deployed(kind)
    client = stock(deployment.url, reconnectionDelay=50, reconnectionDelayMax=100)
    publisher = stock(deployment.servers[0].url)
    client.join(room)
    over, sent = threading.Event(), 0

    def publish() -> None:
        nonlocal sent
        while not over.wait(0.005):
            publisher.tell(["emit", "publish", {"room": room, "data": sent}])
            sent += 1

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        for turn in range(20):
            # Not always with an offset, not always live: sometimes in the middle of what it missed.
            before = len(client.data)
            if turn % 3:
                eventually(lambda before=before: len(client.data) > before, what="more of it")
            deployment.cut()
            assert client.wait_connected(turn + 2) == (client.connections[0].sid, True)
    finally:
        over.set()
        thread.join(10)
    client.wait_data(list(range(sent)))
    ids = [tuple(map(int, args[1].split("-"))) for args in client.got()]
    assert ids == sorted(set(ids))


def test_while_redis_is_away_it_waits_instead_of_losing_what_is_kept(own_redis: Redis, stock: Stock, room: str) -> None:
    deployment = Deployment("gevent-redis", own_redis)
    try:
        client = stock(deployment.url)
        client.join(room)
        deployment.publish(room, 1)
        client.wait_data([1])
        own_redis.kill()
        deployment.cut()
        eventually(lambda: len(deployment.proxy.heads) >= 4, what="attempts to come back")
        assert len(client.connections) == 1
        own_redis.start()
        assert client.wait_connected(2) == (client.connections[0].sid, True)
        eventually(lambda: deployment.publish_once(room, 2), what="an accepted message")
        client.wait_data([1, 2])
    finally:
        deployment.stop()
