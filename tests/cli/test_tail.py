"""``flask realtime tail``: from another process, on Redis and through a server; it ends quietly when interrupted."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.support.processes import Process, Redis, Server, clean_environment, eventually, running, start_gevent
from tests.support.publishing import publish


@pytest.fixture
def server(request: pytest.FixtureRequest, shared_redis: Redis, namespace: str) -> Iterator[Server]:
    """A server on the bus that the test names."""
    settings = {}
    if request.param == "redis":
        settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    server = start_gevent(**settings)
    with running(server):
        yield server


def tail(server: Server, *arguments: str, shared_redis: Redis, namespace: str, by: str) -> Process:
    """Follow, through the log itself or through the server."""
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace} if by == "log" else {}
    more = ["--url", server.url] if by == "server" else []
    command = [sys.executable, "-m", "flask", "--app", "server", "realtime", "tail", *arguments, *more]
    return Process(command, env=clean_environment(**settings))


WAYS = pytest.mark.parametrize(
    ("server", "by"), [("redis", "log"), ("redis", "server"), ("memory", "server")], indirect=["server"]
)


@WAYS
def test_it_shows_what_comes_and_ends_quietly(
    server: Server, by: str, room: str, shared_redis: Redis, namespace: str
) -> None:
    before = [publish(server.url, room, number) for number in range(3)]
    process = tail(server, room, "--history", "2", shared_redis=shared_redis, namespace=namespace, by=by)
    with running(process):
        process.until(f"following {room}")
        process.until(before[2])
        live = publish(server.url, room, {"text": "é"}, event="other")
        assert process.until(live).string == f'{live}  {room}  other  {{"text": "é"}}'
        process.signal(signal.SIGINT)
        assert process.popen.wait(5) == 130
        assert [line.split()[0] for line in process.lines if line[0].isdigit()] == [*before[1:], live]
        assert process.output.count("\n") == 3


@WAYS
def test_for_programs_each_line_is_json_from_where_they_stopped(
    server: Server, by: str, room: str, shared_redis: Redis, namespace: str
) -> None:
    first, second = (publish(server.url, room, number) for number in range(2))
    other = f"{room}-other"
    process = tail(
        server, room, other, "--json", "--after", first, shared_redis=shared_redis, namespace=namespace, by=by
    )
    with running(process):
        process.until(second)
        third = publish(server.url, other, "x")
        process.until(third)
        ready, *messages = map(json.loads, process.lines)
        assert ready == {"event": "realtime.ready", "data": ready["data"]}
        assert ready["data"]["recovered"] is True
        named = [room, other] if by == "log" else [None, None]
        assert messages == [
            {"id": second, "room": named[0], "event": "message", "data": 1},
            {"id": third, "room": named[1], "event": "message", "data": "x"},
        ]


def test_a_lost_place_is_said(shared_redis: Redis, namespace: str, room: str) -> None:
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    command = [sys.executable, "-m", "flask", "--app", "server", "realtime", "tail", room, "--after", "5-5"]
    process = Process(command, env=clean_environment(**settings))
    with running(process):
        process.until("something before this is gone from the log")


def test_it_goes_on_when_the_server_restarts(own_redis: Redis, room: str) -> None:
    settings = {"REALTIME_BUS_URL": own_redis.url, "REALTIME_RETRY": "0.05"}
    first = start_gevent(**settings)
    process = tail(first, room, shared_redis=own_redis, namespace="realtime", by="server")
    with running(process):
        process.until("following")
        publish(first.url, room, 1)
        process.until("  1$")
        port = first.url.rsplit(":", 1)[1]
        assert first.stop() == 0
        second = start_gevent(**settings, PORT=port)
        with running(second):
            publish(second.url, room, 2)
            process.until("  2$")
            assert process.popen.poll() is None


def test_it_goes_on_when_redis_restarts(own_redis: Redis, room: str) -> None:
    settings = {"REALTIME_BUS_URL": own_redis.url}
    flask = [sys.executable, "-m", "flask", "--app", "server", "realtime"]
    process = Process([*flask, "tail", room], env=clean_environment(**settings))
    with running(process):
        process.until("following")
        own_redis.kill()
        own_redis.start()
        published = Process([*flask, "publish", room, '"after"'], env=clean_environment(**settings))
        eventually(lambda: published.popen.poll() == 0, what="the publish")
        published.stop()
        process.until('"after"')
