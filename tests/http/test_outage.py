"""Redis goes away and comes back: nothing is accepted and lost, no stream ends, and nothing is missing afterwards.

A real Redis with an append-only file is killed, or frozen: then its connections stay open and nothing answers.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.processes import Redis, Server, eventually
from tests.support.publishing import path, publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

from .conftest import Starter

KINDS = pytest.mark.parametrize("kind", ["gevent", "threads"])
PATIENCE = {"REALTIME_PUBLISH_TIMEOUT": "0.5", "REALTIME_HEARTBEAT": "0.3"}


def check_refused(answer: requests.Response) -> None:
    """The documented 503: not accepted, try again soon."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "bus_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def is_ready(server: Server) -> bool:
    """Whether the server follows its bus."""
    return requests.get(server.url + "/readyz", timeout=10).status_code == 200


def said(stream: EventReader) -> list[str]:
    """The names of its events, without what is said of the outage (see ``test_outage_events``)."""
    return [event.event for event in stream.events if event.event not in {"realtime.degraded", "realtime.restored"}]


def accepted(server: Server, room: str, **body: object) -> requests.Response | None:
    """The answer, once the message is accepted, or was before."""
    answer = post(server, room, **body)
    return answer if answer.status_code in {200, 201} else None


def post(server: Server, room: str, **body: object) -> requests.Response:
    """Publish, and return whatever is answered."""
    return requests.post(server.url + path(room), json=body, timeout=30)


@KINDS
def test_a_publish_is_refused_within_bounded_time_and_works_again_later(
    start: Starter, own_redis: Redis, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    before = publish(server.url, room, "before")
    own_redis.kill()
    for _ in range(3):
        started = time.monotonic()
        check_refused(post(server, room, data="during", key="k"))
        assert time.monotonic() - started < 2
    check_refused(requests.get(server.url + path(room), timeout=10))
    own_redis.start()
    eventually(lambda: is_ready(server), what="ready again")
    after = post(server, room, data="during", key="k")
    assert after.status_code == 201
    messages = requests.get(server.url + path(room), timeout=10).json()["messages"]
    assert [message["id"] for message in messages] == [before, after.json()["id"]]


@KINDS
def test_streams_stay_open_and_go_on_without_a_hole(start: Starter, own_redis: Redis, room: str, kind: str) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    other = start(REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    with EventReader(server.url, room) as stream:
        cursor = stream.ready()["cursor"]
        ids = [publish(server.url, room, number) for number in range(5)]
        stream.wait(5)
        for _ in range(2):
            own_redis.kill()
            eventually(lambda: not is_ready(server), what="the outage")
            heard = len(stream.raw)
            eventually(lambda heard=heard: b":\n\n" in stream.raw[heard:], what="heartbeats go on")
            own_redis.start()
            # Published elsewhere, perhaps before this process has found its way back.
            eventually(lambda: is_ready(other), what="the other one is ready")
            ids += [publish(other.url, room, number) for number in range(5)]
            stream.wait(len(ids))
        assert stream.ids == ids
        assert [name for name in said(stream) if name != "message"] == ["realtime.ready"]
        assert not stream.ended
    with EventReader(server.url, room, after=cursor) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(len(ids))
        assert stream.ids == ids


@KINDS
def test_who_comes_with_a_cursor_during_the_outage_gets_headers_at_once_and_the_rest_later(
    start: Starter, own_redis: Redis, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    cursor, *missed = [publish(server.url, room, number) for number in range(4)]
    own_redis.kill()
    eventually(lambda: not is_ready(server), what="the outage")
    started = time.monotonic()
    with RawRequest(server.url, events_target(room, after=cursor)) as stream:
        stream.read_head()
        assert stream.status == 200
        assert stream.read_block().startswith(b"retry: ")
        assert time.monotonic() - started < 1
        # It waits for the bus, but not in silence.
        assert [stream.read_block() for _ in range(3)] == [b":\n\n"] * 3
        own_redis.start()
        blocks = []
        while len(blocks) < 4:
            if (block := stream.read_block()) != b":\n\n":
                blocks.append(block.decode())
        ready = json.loads(blocks[0].removeprefix("event: realtime.ready\ndata: "))
        assert ready == {"recovered": True, "cursor": cursor, "rooms": [room]}
        assert [block.split("\n")[0] for block in blocks[1:]] == [f"id: {id_}" for id_ in missed]


@KINDS
def test_who_comes_with_a_cursor_while_redis_is_frozen_gets_headers_at_once_too(
    start: Starter, own_redis: Redis, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, REALTIME_PUBLISH_TIMEOUT="4")
    cursor, missed = publish(server.url, room), publish(server.url, room)
    own_redis.freeze()
    started = time.monotonic()
    with RawRequest(server.url, events_target(room, after=cursor)) as stream:
        stream.read_head()
        assert stream.read_block().startswith(b"retry: ")
        assert time.monotonic() - started < 2
        own_redis.thaw()
        assert b'"recovered":true' in stream.read_block()
        assert stream.read_block().startswith(f"id: {missed}\n".encode())


@KINDS
def test_a_frozen_redis_refuses_within_bounded_time_and_streams_go_on(
    start: Starter, own_redis: Redis, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    with EventReader(server.url, room) as stream:
        stream.ready()
        first = publish(server.url, room, "first")
        own_redis.freeze()
        started = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            for answer in pool.map(lambda number: post(server, room, data=number, key=f"k{number}"), range(10)):
                check_refused(answer)
        assert time.monotonic() - started < 5
        heard = len(stream.raw)
        eventually(lambda: b":\n\n" in stream.raw[heard:], what="heartbeats go on")
        own_redis.thaw()
        eventually(lambda: is_ready(server), what="ready again")
        # The promise is that repeating with the key is safe, whatever became of the first attempt.
        ids = {}
        for number in range(10):
            # Who follows the log may notice only now that it was silent for too long.
            again = eventually(lambda number=number: accepted(server, room, data=number, key=f"k{number}"))
            ids[number] = again.json()["id"]
        stream.wait(11)
        assert stream.ids[0] == first
        assert dict(zip(stream.data[1:], stream.ids[1:], strict=True)) == ids
        assert not stream.ended


def test_a_server_that_has_not_met_its_frozen_redis_refuses_everybody_within_bounded_time(
    start: Starter, own_redis: Redis, room: str
) -> None:
    own_redis.freeze()
    server = start(REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    started = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        for answer in pool.map(lambda number: post(server, room, data=number), range(10)):
            check_refused(answer)
    assert time.monotonic() - started < 4
    own_redis.thaw()
    eventually(lambda: is_ready(server), what="ready")
    assert publish(server.url, room)


@KINDS
def test_a_log_that_came_back_empty_resets_everybody(start: Starter, own_redis: Redis, room: str, kind: str) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, **PATIENCE)
    old = publish(server.url, room, "old")
    with EventReader(server.url, room, after=old) as stream:
        stream.ready()
        own_redis.kill()
        own_redis.forget()
        own_redis.start()
        eventually(lambda: is_ready(server), what="ready again")
        new = publish(server.url, room, "new")
        stream.wait(1)
        assert stream.ids == [new]
        assert said(stream) == ["realtime.ready", "realtime.reset", "message"]
    with EventReader(server.url, room, headers={"Last-Event-ID": old}) as stream:
        assert stream.ready()["recovered"] is False
