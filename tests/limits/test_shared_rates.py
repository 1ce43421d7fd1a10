"""A user's messages are counted over all processes of one Redis, whichever way they come in; nobody else's are."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.support.clients import ACK, SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent

RATE = 4
"""So few that a busy machine is quicker, too."""
SECONDS = 3.0


@pytest.fixture(scope="module")
def servers(shared_redis: Redis) -> Iterator[tuple[Server, Server]]:
    """Two processes, on one Redis."""
    values = {
        "REDIS_URL": shared_redis.url,
        "REALTIME_NAMESPACE": f"rates-{secrets.token_hex(4)}",
        "REALTIME_PUBLISH_RATE": str(RATE),
        "REALTIME_READ_RATE": str(RATE),
    }
    first, second = start_gevent(**values), start_gevent(**values)
    with running(first, second):
        yield first, second


class From(HTTPAdapter):
    """Knocks from an address of its own: who is not logged in is known by that."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)  # type: ignore[arg-type]


def lines(stack: ExitStack, address: str) -> requests.Session:
    """A client at that address."""
    session = stack.enter_context(requests.Session())
    session.mount("http://", From(address))
    return session


def hammer(*doors: Callable[[], int]) -> tuple[Counter[int], float]:
    """Knock at each door in turn for a while; how often each status came, and how long it took."""
    got: Counter[int] = Counter()
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        for door in doors:
            got[door()] += 1
        time.sleep(0.01)
    return got, time.monotonic() - began


def test_one_user_gets_the_rate_over_both_processes_and_another_is_not_touched(servers: tuple[Server, Server]) -> None:
    room = f"/rooms/{secrets.token_hex(4)}/messages"
    with ExitStack() as stack:
        one, other = lines(stack, "127.0.0.3"), lines(stack, "127.0.0.4")
        doors = [lambda at=at: one.post(at.url + room, json={"data": 1}, timeout=10).status_code for at in servers]
        got, seconds = hammer(*doors)
        assert set(got) == {201, 429}
        # What was there at first, and what came in meanwhile. On a busy machine nobody may have knocked in the end.
        assert RATE * (1 + SECONDS / 2) < got[201] <= RATE * (1 + seconds) + 1
        assert len(one.get(servers[0].url + room + "?limit=1000", timeout=10).json()["messages"]) == got[201]
        for at in servers:
            assert other.post(at.url + room, json={"data": 1}, timeout=10).status_code == 201


def test_messages_over_socketio_count_with_those_over_http(servers: tuple[Server, Server]) -> None:
    room = secrets.token_hex(4)
    with closing(SocketClient(servers[0].url)) as first, closing(SocketClient(servers[1].url)) as second:
        clients, began = (first, second), time.monotonic()
        for number in range(RATE * 3):
            for one in clients:
                one.emit("publish", {"room": room, "data": 1}, number=number)
        eventually(lambda: all(len(one.named(ACK)) == RATE * 3 for one in clients), within=30)
        answers = [got.data for one in clients for got in one.named(ACK)]
        published = [one for one in answers if one["ok"]]
        assert len(published) >= RATE
        refused = [one["error"] for one in answers if not one["ok"]]
        assert {(one["code"], one["retry_after"]) for one in refused} == {("rate_limited", 1)}
        with requests.Session() as line:
            url = f"{servers[0].url}/rooms/{room}/messages"
            posted = [line.post(url, json={"data": 1}, timeout=10).status_code for _ in range(RATE * 2)].count(201)
        total, most = len(published) + posted, RATE * (1 + time.monotonic() - began) + 1
        assert total <= most, "both come from one address"


@pytest.mark.parametrize("path", ["/rooms/rates/messages", "/events?room=rates&history=5"])
def test_whoever_reads_too_often_is_told_when_to_come_back(servers: tuple[Server, Server], path: str) -> None:
    address = f"127.0.1.{secrets.randbelow(250) + 1}"
    with ExitStack() as stack:
        one = lines(stack, address)
        answers = []
        for number in range(RATE * 4):
            with one.get(servers[number % 2].url + path, timeout=10, stream=True) as answer:
                answers.append(answer)
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert all(answer.status_code == 200 for answer in answers[:RATE])
        assert all(answer.headers["Retry-After"] == "1" for answer in refused)
        with one.get(servers[0].url + "/events?room=rates", timeout=10, stream=True) as answer:
            assert answer.status_code == 200, "a stream that asks for nothing that is kept is not refused"


def test_redis_that_is_away_makes_no_error_of_the_limit(own_redis: Redis) -> None:
    server = start_gevent(REDIS_URL=own_redis.url, REALTIME_PUBLISH_RATE="5")
    with running(server):
        url = f"{server.url}/rooms/away/messages"
        assert requests.post(url, json={"data": 1}, timeout=10).status_code == 201
        own_redis.kill()
        statuses = [requests.post(url, json={"data": 1}, timeout=10).status_code for _ in range(8)]
        assert set(statuses) == {503, 429}, "it says what is the matter, and holds who goes on all the same"
        own_redis.start()
        deadline = time.monotonic() + 20
        while requests.post(url, json={"data": 1}, timeout=10).status_code != 201:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert "Traceback" not in server.output
