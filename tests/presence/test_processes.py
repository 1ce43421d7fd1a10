"""Presence when processes die, are stopped, or lose the bus: ghosts go once, and nobody else is thought to be gone."""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.processes import Redis, Server, eventually, start_gevent, start_threads
from tests.support.publishing import publish
from tests.support.streams import EventReader

from .conftest import names, present, wait_for
from .test_present import told

Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers of one application, whose leases are short."""
    started: list[Server] = []
    namespace = f"test-{secrets.token_hex(6)}"

    def start(redis: Redis, starter: Callable[..., Server] = start_gevent, **env: str) -> Server:
        own = {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": namespace, "REALTIME_PRESENCE_TTL": "1.5"}
        started.append(starter(REALTIME_PRESENCE="1", **own | env))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def left(stream: EventReader) -> list[str]:
    """The names of those of whom a stream was told that they left."""
    return [member["name"] for change in told(stream) for member in change["left"]]


def test_the_ghosts_of_a_killed_process_are_gone_and_told_once(start: Start, shared_redis: Redis, room: str) -> None:
    survivors = [start(shared_redis), start(shared_redis, start_threads)]
    victim = start(shared_redis)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(EventReader(one.url, room, name=f"S{one.port}")) for one in survivors]
        for name in ("Gil", "Guy"):
            stack.enter_context(EventReader(victim.url, room, name=name)).ready()
        stack.enter_context(EventReader(victim.url, f"{room}/other", name="Gil"))
        staying = [f"S{one.port}" for one in survivors]
        for one in survivors:
            wait_for(one.url, room, "Gil", "Guy", *staying)
        victim.popen.kill()
        for one, stream in zip(survivors, streams, strict=True):
            wait_for(one.url, room, *staying, within=10)
            eventually(lambda stream=stream: len(left(stream)) >= 2, what="the ghosts' leave")
        time.sleep(1)
        assert [sorted(left(stream)) for stream in streams] == [["Gil", "Guy"]] * 2
        assert names(survivors[0].url, f"{room}/other") == []


def test_an_outage_empties_no_roster_and_what_changed_meanwhile_is_put_right(
    start: Start, own_redis: Redis, room: str
) -> None:
    here, there = start(own_redis), start(own_redis, start_threads)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(EventReader(here.url, room, name="Ann"))
        stack.enter_context(EventReader(there.url, room, name="Ben"))
        gone = EventReader(there.url, room, name="Cid")
        wait_for(here.url, room, "Ann", "Ben", "Cid")
        eventually(lambda: len([m for t in told(stream) for m in t["joined"]]) == 3, what="all being told")
        own_redis.kill()
        eventually(lambda: any(one.event == "realtime.degraded" for one in stream.events), what="the outage")
        gone.close()
        assert names(here.url, room) == ["Ann", "Ben", "Cid"]
        answer = requests.get(f"{here.url}/rooms/{room}-nobody/presence", timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "bus_unavailable")
        time.sleep(2)  # Longer than a lease.
        own_redis.start()  # It has forgotten everything.
        eventually(lambda: left(stream) == ["Cid"], within=15, what="what changed meanwhile")
        wait_for(here.url, room, "Ann", "Ben")
        time.sleep(1)
        assert left(stream) == ["Cid"]


def test_whoever_comes_back_from_a_stopped_process_was_never_gone(start: Start, shared_redis: Redis, room: str) -> None:
    staying, going = start(shared_redis), start(shared_redis)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(EventReader(staying.url, room, name="Ann"))
        mover = stack.enter_context(EventReader(going.url, room, name="Ben"))
        wait_for(staying.url, room, "Ann", "Ben")
        going.signal(signal.SIGTERM)
        eventually(lambda: mover.ended, what="the end of the stream")
        stack.enter_context(EventReader(staying.url, room, name="Ben"))
        eventually(lambda: going.popen.poll() is not None, what="the process being gone")
        found = wait_for(staying.url, room, "Ann", "Ben")
        eventually(lambda: [m["connections"] for m in present(staying.url, room)["members"]] == [1, 1], within=15)
        assert left(stream) == [] and found["viewers"] == 0


def test_a_process_that_was_thought_dead_writes_everything_again(start: Start, shared_redis: Redis, room: str) -> None:
    here, frozen = start(shared_redis), start(shared_redis)
    with EventReader(here.url, room, name="Ann"), EventReader(frozen.url, room, name="Ben"):
        wait_for(here.url, room, "Ann", "Ben")
        frozen.signal(signal.SIGSTOP)
        try:
            wait_for(here.url, room, "Ann")
        finally:
            frozen.signal(signal.SIGCONT)
        wait_for(here.url, room, "Ann", "Ben", within=15)
        publish(frozen.url, room, 1)
