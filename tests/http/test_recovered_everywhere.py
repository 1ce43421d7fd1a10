"""``recovered`` says the same on every way to resume: event stream, ``join``, long poll and history, on both buses."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
import redis as redis_client
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

from .conftest import Starter

Ask = Callable[[str], dict[str, bool]]


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest, start: Starter) -> Server:
    """A server that keeps few messages."""
    settings = {"REALTIME_HISTORY_LENGTH": "100", "REALTIME_LOG_LENGTH": "100", "REALTIME_HISTORY_TTL": "6"}
    if request.param == "redis":
        redis: Redis = request.getfixturevalue("own_redis")
        settings["REALTIME_BUS_URL"] = redis.url
    return start(**settings)


@pytest.fixture
def client(server: Server) -> Iterator[SocketClient]:
    client = SocketClient(server.url)
    yield client
    client.close()


def everywhere(server: Server, client: SocketClient, room: str, cursor: str) -> bool:
    """What is said of a cursor; the same everywhere."""
    said = {"join": client.join(room, after=cursor)["recovered"]}
    client.ask("leave", {"room": room})
    for name, more in (("history", {}), ("long poll", {"wait": "0.01"})):
        answer = requests.get(server.url + path(room), params={"after": cursor, **more}, timeout=10)
        said[name] = answer.json()["recovered"]
    with EventReader(server.url, room, headers={"Last-Event-ID": cursor}) as stream:
        said["event stream"] = stream.ready()["recovered"]
    assert len(set(said.values())) == 1, said
    return bool(said["history"])


def test_what_is_there_is_recovered_and_what_is_gone_is_not(server: Server, client: SocketClient, room: str) -> None:
    ids = [publish(server.url, room, number) for number in range(3)]
    other = publish(server.url, f"{room}-other", "one id resumes any room")
    for cursor in (*ids, other):
        assert everywhere(server, client, room, cursor)
    ms = int(other.split("-")[0])
    assert not everywhere(server, client, room, f"{ms + 10_000}-0"), "from the future"
    assert not everywhere(server, client, room, f"{ms - 10**9}-0"), "from before the log was born, or of another one"
    assert not everywhere(server, client, room, f"{ids[0].split('-')[0]}-77"), "no message ever had it"


def test_trimmed_and_expired_messages_are_gone(server: Server, client: SocketClient, room: str) -> None:
    first = publish(server.url, room, "first")
    last = publish(server.url, room, "last")
    for number in range(300):
        publish(server.url, f"{room}-busy", number)
    assert everywhere(server, client, room, first), "a quiet room is complete, however busy others are"
    assert not everywhere(server, client, f"{room}-busy", first)
    answer = requests.get(server.url + path(room), timeout=10)
    assert answer.json()["messages"]
    eventually(lambda: not requests.get(server.url + path(room), timeout=10).json()["messages"], what="expiry")
    assert not everywhere(server, client, room, first)
    assert everywhere(server, client, room, last), "nothing came after it"


def test_a_log_that_began_anew_knows_no_cursor_from_before(start: Starter, own_redis: Redis, room: str) -> None:
    server = start(REALTIME_BUS_URL=own_redis.url)
    client = SocketClient(server.url)
    old = publish(server.url, room, "old")
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.flushall()
    new = publish(server.url, room, "new")
    assert not everywhere(server, client, room, old) and everywhere(server, client, room, new)
    client.close()


def test_a_restarted_embedded_bus_knows_no_cursor_from_before(start: Starter, room: str) -> None:
    before = start()
    old = publish(before.url, room, "old")
    before.popen.kill()
    server = start()
    client = SocketClient(server.url)
    publish(server.url, f"{room}-{secrets.token_hex(2)}", "new")
    assert not everywhere(server, client, room, old)
    client.close()
