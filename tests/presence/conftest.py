"""Servers with presence: one of each kind for all tests here, and two processes that share a Redis."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads

Connect = Callable[..., SocketClient]


class Place(NamedTuple):
    """Two URLs of one application, which may be one process."""

    here: str
    there: str


@pytest.fixture(scope="session")
def places(shared_redis: Redis) -> Iterator[Callable[[str], Place]]:
    """The servers of this test process, started when they are first asked for."""
    with contextlib.ExitStack() as stack:

        def start(starter: Callable[..., Server], **env: str) -> str:
            server = starter(REALTIME_PRESENCE="1", **env)
            stack.enter_context(running(server))
            return server.url

        @cache
        def place(kind: str) -> Place:
            if kind != "two processes":
                url = start(start_gevent if kind == "gevent" else start_threads)
                return Place(url, url)
            env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": f"test-{secrets.token_hex(6)}"}
            return Place(start(start_gevent, **env), start(start_threads, **env))

        yield place


@pytest.fixture(params=["gevent", "threads", "two processes"])
def place(request: pytest.FixtureRequest, places: Callable[[str], Place]) -> Place:
    """The same tests on gevent, on threads, and on one process of each around a Redis."""
    return places(request.param)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect clients that are closed at the end."""
    with contextlib.ExitStack() as clients:
        yield lambda *arguments, **keywords: clients.enter_context(SocketClient(*arguments, **keywords))


def present(base: str, room: str) -> dict[str, Any]:
    """Who is in the room, as it is answered."""
    answer = requests.get(f"{base}/rooms/{quote(room, safe='')}/presence", timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["room"] == room
    return found


def names(base: str, room: str) -> list[str | None]:
    """The names in the room, in their order."""
    return [one["name"] for one in present(base, room)["members"]]


def wait_for(base: str, room: str, *expected: str, viewers: int | None = None, within: float = 10) -> dict[str, Any]:
    """Wait until exactly these names (and so many viewers) are there; return the answer."""

    def there() -> dict[str, Any] | None:
        found = present(base, room)
        same = [one["name"] for one in found["members"]] == sorted(expected)
        return found if same and viewers in {None, found["viewers"]} else None

    answer: dict[str, Any] = eventually(there, within=within, what=f"{expected} and {viewers} viewers in {room}")
    return answer
