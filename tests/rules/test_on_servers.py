"""Hooks and schemas on real servers, over both transports of Socket.IO and over HTTP: gevent, threads, Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.clients import ACK, SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import history, path
from tests.support.streams import EventReader

APP = "tests.apps.rules_app"


@pytest.fixture(scope="module", params=["gevent", "threads", "gevent and redis"])
def server(request: pytest.FixtureRequest, shared_redis: Redis) -> Iterator[Server]:
    """The application in each way of running it."""
    settings = {"REALTIME_HEARTBEAT": "0.5"}
    if "redis" in request.param:
        settings.update(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE="rules")
    started = (start_threads if request.param == "threads" else start_gevent)(APP, **settings)
    with running(started):
        yield started


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """Either transport of Socket.IO."""
    return str(request.param)


def logged_in(server: Server, name: str) -> str:
    """A browser's cookie after logging in."""
    answer = requests.get(f"{server.url}/login/{name}", timeout=30)
    return "; ".join(f"{one.name}={one.value}" for one in answer.cookies)


def test_hooks_know_flask_logins_user_and_the_session_on_both_doors(server: Server, transport: str) -> None:
    cookie = {"Cookie": logged_in(server, "ann")}
    with SocketClient(server.url, transport, headers=cookie) as ann:
        answer = ann.ask("publish", {"room": "signed", "data": 1})
        sid = ann.sids["/"]
    posted = requests.post(server.url + path("signed"), json={"data": 2}, headers=cookie, timeout=30)
    emitted, other = (one for one in history(server.url, "signed") if one["id"] in {answer["id"], posted.json()["id"]})
    assert emitted["data"] == {"by": "ann", "color": "red", "sid": sid, "said": 1}
    assert other["data"] == {"by": "ann", "color": "red", "sid": None, "said": 2}


def test_who_is_not_logged_in_is_told_so_on_both_doors(server: Server, transport: str) -> None:
    error = {"code": "unauthorized", "message": "log in first"}
    with SocketClient(server.url, transport) as client:
        assert client.ask("publish", {"room": "signed", "data": 1}) == {"ok": False, "error": error}
    answer = requests.post(server.url + path("signed"), json={"data": 1}, timeout=30)
    assert (answer.status_code, answer.json()) == (401, {"error": error})


def test_messages_of_one_client_keep_their_order_through_hooks_that_wait(server: Server, transport: str) -> None:
    room = f"slow/{transport}"
    with SocketClient(server.url, transport) as client:
        for number in range(8):
            client.emit("publish", {"room": room, "data": number}, number=100 + number)
        assert client.ask("publish", {"room": room, "data": 8})["ok"]
        answers = [one for one in client.got if one.event == ACK]
    assert [one.number for one in answers][:8] == list(range(100, 108))
    published = history(server.url, room)
    assert [one["data"] for one in published] == list(range(9))
    assert [one.data["id"] for one in answers] == [one["id"] for one in published]


def test_a_hook_that_waits_holds_up_nobody_else(server: Server, transport: str) -> None:
    with SocketClient(server.url) as waiting, SocketClient(server.url, transport) as other:
        waiting.emit("publish", {"room": f"gate/{transport}", "data": 1}, number=1)
        assert other.ask("publish", {"room": f"open/{transport}", "data": 1})["ok"]
        assert waiting.wait_for(ACK).data["ok"]


def test_a_client_whose_publish_waits_in_a_hook_still_answers_pings() -> None:
    silent_room = {"room": "told/silent"}
    server = start_gevent(APP, REALTIME_HEARTBEAT="0.2", PING_TIMEOUT="0.6")
    with running(server), SocketClient(server.url) as waiting, SocketClient(server.url, reading=False) as silent:
        silent.emit("join", silent_room)
        waiting.emit("publish", {"room": "gate/pings", "data": 1}, number=1)

        def silent_is_gone() -> bool:
            return bool(requests.get(f"{server.url}/told", params=silent_room, timeout=30).json())

        eventually(silent_is_gone, what="the end of a client that answers no ping")
        requests.post(server.url + path("open/pings"), json={"data": 1}, timeout=30)
        assert waiting.wait_for(ACK).data["ok"]
        assert not waiting.ended


def test_a_failing_hook_is_logged_and_told_as_such(server: Server, transport: str) -> None:
    error = {"code": "internal", "message": "the server failed; it was logged"}
    with SocketClient(server.url, transport) as client:
        assert client.ask("publish", {"room": "broken", "data": transport}) == {"ok": False, "error": error}
        assert client.ask("publish", {"room": "free", "data": 1})["ok"]
    answer = requests.post(server.url + path("broken"), json={"data": 1}, timeout=30)
    assert (answer.status_code, answer.json()) == (500, {"error": error})
    eventually(lambda: f"KeyError: '{transport}'" in server.output, what="the reason in the log")
    assert history(server.url, "broken") == []


def test_a_schema_answers_both_doors_with_the_path(server: Server, transport: str) -> None:
    wrong: dict[str, Any] = {"data": "x", "event": "count"}
    with SocketClient(server.url, transport) as client:
        answer = client.ask("publish", {"room": "counts", **wrong})
    posted = requests.post(server.url + path("counts"), json=wrong, timeout=30)
    assert posted.status_code == 422
    assert answer == {"ok": False, **posted.json()}
    assert answer["error"]["path"] == "$"


def test_signals_tell_of_connections_that_come_and_go(server: Server, transport: str) -> None:
    def told(*wanted: list[str]) -> None:
        room = {"room": f"told/{transport}"}
        eventually(lambda: requests.get(f"{server.url}/told", params=room, timeout=30).json() == list(wanted))

    with EventReader(server.url, f"told/{transport}") as stream:
        stream.ready()
        told(["opened", "sse"])
    told(["opened", "sse"], ["closed", "sse"])
    with SocketClient(server.url, transport) as client:
        client.join(f"told/{transport}")
    # It was in no room yet when it was announced.
    told(["opened", "sse"], ["closed", "sse"], ["closed", "socketio"])
