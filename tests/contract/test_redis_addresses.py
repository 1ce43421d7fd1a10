"""The same bus on Sentinels, on a cluster, over TLS and over a Unix socket: it finds the primary, also the next one."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
import redis as redis_client

from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from realtime.errors import BusUnavailable, ConfigError
from realtime.message import Message
from tests.support.processes import Redis, eventually, free_port, program
from tests.support.redis_cluster import RedisCluster, ask
from tests.support.redis_sentinel import RedisSentinels

from .conftest import Recorder
from .test_bus import put

Open = Callable[..., RedisBus]


@pytest.fixture
def open_bus(concurrency: Concurrency) -> Iterator[Open]:
    opened: list[RedisBus] = []

    def open_one(url: str, **options: Any) -> RedisBus:
        opened.append(RedisBus(url, concurrency=concurrency, **options))
        return opened[-1]

    yield open_one
    for bus in opened:
        bus.stop()


class Publishing:
    """Publishes a message every ten milliseconds, and remembers what was acknowledged, and when."""

    def __init__(self, bus: RedisBus) -> None:
        self.acknowledged: list[int] = []
        self.times = [time.monotonic()]
        self._bus = bus
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._over.wait(0.01):
            number += 1
            try:
                put(self._bus, number)
            except BusUnavailable:
                continue
            self.acknowledged.append(number)
            self.times.append(time.monotonic())

    def go_on(self, messages: int = 20) -> None:
        """Wait until it goes on."""
        goal = len(self.acknowledged) + messages
        eventually(lambda: len(self.acknowledged) >= goal, within=20, what="publishing going on")

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    @property
    def longest(self) -> float:
        """The longest time without an acknowledgement."""
        return max(later - earlier for earlier, later in pairwise(self.times))


def check_all_arrived_or_the_loss_was_told(bus: RedisBus, recorder: Recorder, acknowledged: list[int]) -> None:
    """Nothing doubled, everything in order, and what is missing was told as a gap."""

    def is_over() -> bool:
        with suppress(BusUnavailable):  # Its own reader may find the new primary a moment later.
            put(bus, "end")
        return recorder.messages[-1].data == "end"

    eventually(is_over, every=0.1, what="the last message")
    got = [message.data for message in recorder.messages if message.data != "end"]
    assert got == sorted(set(got))
    missing = set(acknowledged) - set(got)
    assert not missing or recorder.gaps, f"silently lost: {missing}"


@pytest.mark.parametrize("how", ["kill", "freeze", "asked"])
def test_a_sentinel_failover_is_followed(redis_sentinels: RedisSentinels, open_bus: Open, how: str) -> None:
    bus, recorder = open_bus(redis_sentinels.url), Recorder()
    bus.start(recorder)
    publishing = Publishing(open_bus(redis_sentinels.url))
    publishing.go_on()
    before = redis_sentinels.primary
    started = time.monotonic()
    if how == "asked":
        redis_sentinels.fail_over()
    else:
        before.kill() if how == "kill" else before.freeze()
        redis_sentinels.failed_over(before)
    outage = time.monotonic() - started
    publishing.go_on()
    publishing.stop()
    assert publishing.longest < outage + 1
    check_all_arrived_or_the_loss_was_told(bus, recorder, publishing.acknowledged)
    bus.ping()


def test_a_primary_that_was_demoted_without_a_word_is_not_believed(
    redis_sentinels: RedisSentinels, open_bus: Open
) -> None:
    bus, recorder = open_bus(redis_sentinels.url), Recorder()
    bus.start(recorder)
    put(bus, "before")
    before = redis_sentinels.primary
    # Its connections stay: nobody closes them, and Sentinels would put it right only much later.
    with redis_client.Redis(port=before.port) as admin:
        admin.config_set("maxclients", 5000)
        after = redis_sentinels.fail_over()
        assert after is not before
    eventually(lambda: _published(bus, "after"), within=5, what="publishing to the new primary")
    assert recorder.wait(2)[-1] == "after"
    with redis_client.Redis(port=after.port) as admin:
        assert admin.xlen("{realtime}:log") >= 2


def _published(bus: RedisBus, data: object) -> bool:
    try:
        put(bus, data)
    except BusUnavailable:
        return False
    return True


def test_sentinels_that_are_down_are_passed_over(redis_sentinels: RedisSentinels, open_bus: Open) -> None:
    redis_sentinels.sentinels[0].kill()
    bus = open_bus(redis_sentinels.url)
    bus.start(Recorder())
    started = time.monotonic()
    put(bus, 1)
    assert time.monotonic() - started < 1
    for sentinel in redis_sentinels.sentinels[1:]:
        sentinel.kill()
    # Nobody knows where it would be now; where it was, it still is.
    put(bus, 2)
    with pytest.raises(BusUnavailable, match="nobody who could be asked"):
        open_bus(redis_sentinels.url).ping()


def test_a_name_that_sentinels_do_not_watch_is_an_outage(redis_sentinels: RedisSentinels, open_bus: Open) -> None:
    bus = open_bus(redis_sentinels.url.replace(redis_sentinels.name, "other"))
    with pytest.raises(BusUnavailable, match="nobody who could be asked"):
        bus.ping()


def test_a_failover_of_the_clusters_primary_is_followed(redis_cluster: RedisCluster, open_bus: Open) -> None:
    bus, recorder = open_bus(redis_cluster.url), Recorder()
    bus.start(recorder)
    publishing = Publishing(open_bus(redis_cluster.url.split(",")[0]))
    publishing.go_on()
    for how in ("kill", "freeze"):
        before = redis_cluster.primary
        started = time.monotonic()
        before.kill() if how == "kill" else before.freeze()
        redis_cluster.failed_over(before)
        outage = time.monotonic() - started
        publishing.go_on()
        assert publishing.longest < outage + 1.5
        redis_cluster.revive(before) if how == "kill" else before.thaw()
        redis_cluster.settle()
        publishing.times = publishing.times[-1:]
    publishing.stop()
    check_all_arrived_or_the_loss_was_told(bus, recorder, publishing.acknowledged)


def test_every_node_of_a_cluster_leads_to_the_slots_primary_and_a_moved_slot_is_followed(
    redis_cluster: RedisCluster, open_bus: Open
) -> None:
    buses = [open_bus(f"redis+cluster://127.0.0.1:{node.port}") for node in redis_cluster.nodes]
    recorder = Recorder()
    buses[0].start(recorder)
    for number, bus in enumerate(buses):
        put(bus, number)
        assert len(bus.latest(["lobby"], limit=9).messages) == number + 1
    source = redis_cluster.primary
    target = next(node for node in redis_cluster.nodes[:3] if node is not source)
    _move(redis_cluster, source, target)
    for number, bus in enumerate(buses):
        put(bus, 10 + number)
        assert len(bus.latest(["lobby"], limit=99).messages) == len(buses) + number + 1
    assert recorder.wait(2 * len(buses))[len(buses) :] == [10 + number for number in range(len(buses))]
    assert recorder.gaps == []


def _move(cluster: RedisCluster, source: Redis, target: Redis) -> None:
    """Move the slot with its keys, as an operator does."""
    slot = str(cluster.slot)
    to, of = ask(target, "CLUSTER", "MYID").decode(), ask(source, "CLUSTER", "MYID").decode()
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", of)
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", to)
    while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", slot, "100"):
        ask(source, "MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)
    for node in (target, source):
        ask(node, "CLUSTER", "SETSLOT", slot, "NODE", to)
    eventually(lambda: cluster.primary is target, what="the slot's move being known")


def test_tls_is_spoken_and_a_stranger_is_not_believed(tmp_path_factory: pytest.TempPathFactory, open_bus: Open) -> None:
    folder = tmp_path_factory.mktemp("tls")
    for name in ("mine", "other"):
        command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
            -addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.pem"
        subprocess.run([program("openssl"), *command.split()], cwd=folder, check=True, capture_output=True)
    port = free_port()
    redis = Redis(folder, "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no",
                  "--tls-cert-file", "mine.pem", "--tls-key-file", "mine.key")  # fmt: skip
    try:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={folder}/"
        bus, recorder = open_bus(f"{url}mine.pem"), Recorder()
        bus.start(recorder)
        put(bus, 1)
        assert recorder.wait(1) == [1]
        with pytest.raises(BusUnavailable, match=r"(?i)certificate"):
            put(open_bus(f"{url}other.pem", publish_timeout=0.5), 2)
    finally:
        redis.stop()


def test_a_unix_socket_leads_there_too(tmp_path_factory: pytest.TempPathFactory, open_bus: Open) -> None:
    folder = tmp_path_factory.mktemp("unix")
    redis = Redis(folder, "--unixsocket", str(folder / "s"))
    try:
        bus, recorder = open_bus(f"unix://{folder}/s"), Recorder()
        bus.start(recorder)
        put(bus, 1)
        assert recorder.wait(1) == [1]
    finally:
        redis.stop()


@pytest.mark.parametrize("scheme", ["redis://127.0.0.1", "redis+sentinel://127.0.0.1/x", "redis+cluster://127.0.0.1"])
def test_options_that_the_client_does_not_know_are_refused_at_start(open_bus: Open, scheme: str) -> None:
    with pytest.raises(ConfigError, match="ssl_ca_cert") as caught:
        open_bus(f"{scheme.replace('//', '//:secret@')}?ssl_ca_cert=x")
    assert "secret" not in caught.value.message


def test_a_replica_is_no_bus(redis_sentinels: RedisSentinels, open_bus: Open) -> None:
    replica = redis_sentinels.replicas[0]
    bus = open_bus(replica.url, publish_timeout=0.3)
    with pytest.raises(BusUnavailable):
        bus.publish(Message.new(["lobby"], 1))
