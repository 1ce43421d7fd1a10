"""Who may see who is in a room, and whom a connection belongs to: the application says it, no client claims it."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import path
from tests.support.streams import EventReader

from .test_present import EVENT, told

APP = "tests.apps.access_app"


@pytest.fixture(scope="module", params=["gevent", "threads on Redis"])
def server(request: pytest.FixtureRequest, shared_redis: Redis) -> Iterator[Server]:
    """The application with rooms that are not for everybody."""
    env = {"REALTIME_PRESENCE": "1"}
    if "Redis" in request.param:
        env |= {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": f"test-{secrets.token_hex(6)}"}
    started = (start_gevent if request.param == "gevent" else start_threads)(APP, **env)
    with running(started):
        yield started


@pytest.fixture
def connect() -> Iterator[Callable[..., SocketClient]]:
    with contextlib.ExitStack() as clients:
        yield lambda *arguments, **keywords: clients.enter_context(SocketClient(*arguments, **keywords))


def cookie(server: Server, name: str) -> dict[str, str]:
    """The headers of somebody who is logged in."""
    session = requests.Session()
    session.get(f"{server.url}/login/{name}", timeout=10)
    return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in session.cookies)}


def asked(server: Server, room: str, **headers: str) -> requests.Response:
    return requests.get(f"{server.url}{path(room).replace('/messages', '/presence')}", headers=headers, timeout=10)


def test_whom_a_connection_belongs_to_is_what_the_application_says(
    server: Server, connect: Callable[..., SocketClient]
) -> None:
    room, ann, bob = f"members/{secrets.token_hex(4)}", cookie(server, "ann"), cookie(server, "bob")
    socket = connect(server.url, headers=ann)
    socket.join(room, name="Bobby", user="bob")
    with (
        EventReader(server.url, room, headers=ann) as one,
        EventReader(server.url, room, headers=bob, user="ann") as two,
    ):
        one.ready(), two.ready()
        expected = [
            ("ann", None, ["sse"]), ("bob", None, ["sse"]), ("ann", "Bobby", ["websocket"])
        ]  # fmt: skip

        def listed() -> bool:
            members = asked(server, room, **ann).json()["members"]
            return [(m["user"], m["name"], m["transports"]) for m in members] == expected

        eventually(listed, what="everybody under their own names")
    assert asked(server, room).status_code == 401


def test_who_may_not_see_who_is_there_is_neither_answered_nor_told(
    server: Server, connect: Callable[..., SocketClient]
) -> None:
    name = secrets.token_hex(4)
    blind, seeing = f"only/subscribe.publish/{name}", f"only/subscribe.publish.presence/{name}"
    assert asked(server, blind).status_code == 401 and asked(server, seeing).status_code == 200
    socket = connect(server.url)
    for room in (blind, seeing):
        socket.join(room, name="Ann")
    with (
        EventReader(server.url, blind, seeing, name="Ben") as both,
        EventReader(server.url, blind, name="Cid") as one,
    ):
        both.ready(), one.ready()
        eventually(
            lambda: any(m["name"] == "Ben" for got in socket.named(EVENT) for m in got.data["joined"]),
            what="Ben's coming",
        )
        eventually(lambda: told(both), what="the stream being told")
        body = {"data": "after"}
        for room in (blind, seeing):
            assert requests.post(server.url + path(room), json=body, timeout=10).status_code == 201
        both.wait(2)
        one.wait(1)
        assert {got.data["room"] for got in socket.named(EVENT)} == {seeing}
        assert {change["room"] for change in told(both)} == {seeing} and told(one) == []


def test_whose_access_was_revoked_is_there_no_more(server: Server) -> None:
    user = f"ann-{secrets.token_hex(4)}"
    room, ann = f"private/{user}", cookie(server, user)
    with EventReader(server.url, room, headers=ann) as stream:
        stream.ready()
        eventually(lambda: asked(server, room, **ann).json()["members"], what="being there")
        assert requests.post(f"{server.url}/revoke/{user}", timeout=10).ok
        eventually(lambda: stream.ended, what="the end of the stream")
        eventually(lambda: not asked(server, room, **ann).json().get("members"), what="being there no more")
    assert json.loads(stream.events[0].data)["rooms"] == [room]
