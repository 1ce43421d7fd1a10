"""An address may have so many connections open, and long polls that wait have a limit of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import requests
from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from realtime import Realtime
from tests.limits.knocking import DOORS, is_full, knocked, opened, soon
from tests.support.processes import Server, running, start_gevent, start_threads

MOST = 3
POLLS = 2


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, for people whom nobody knows."""
    server: Server = request.param(
        REALTIME_MAX_CONNECTIONS_PER_ADDRESS=str(MOST),
        REALTIME_MAX_POLLS_PER_ADDRESS=str(POLLS),
        REALTIME_HEARTBEAT="60",
    )
    with running(server):
        yield server
        assert "Traceback" not in server.output


@pytest.mark.parametrize("door", DOORS)
def test_an_address_that_has_enough_is_refused_and_no_other(server: Server, door: str) -> None:
    soon(lambda: not is_full(server.url, "sse"), "nobody")
    with ExitStack() as stack:
        for other in ("sse", "websocket", "polling"):
            stack.enter_context(closing(opened(server.url, other)))
        answer = knocked(server.url, door)
        assert (answer.status, answer.body["error"]["code"]) == (429, "too_many_connections")
        assert answer.body["error"]["message"].startswith(f"your address has {MOST} connections open")
        assert not is_full(server.url, door, source="127.0.0.2")
        # What needs no connection that stays is answered.
        assert requests.get(f"{server.url}/rooms/knocking/messages", timeout=10).status_code == 200
    soon(lambda: not is_full(server.url, door), "a place that became free")


def test_long_polls_that_wait_have_a_limit_of_their_own_and_others_do_not_count(server: Server) -> None:
    soon(lambda: not is_full(server.url, "longpoll"), "nobody")
    room = f"{server.url}/rooms/knocking/messages"
    with ExitStack() as stack:
        polls = [stack.enter_context(closing(opened(server.url, "longpoll"))) for _ in range(POLLS)]
        assert "2 long polls open" in knocked(server.url, "longpoll").body["error"]["message"]
        assert not is_full(server.url, "sse")
        requests.post(room, json={"data": 1}, timeout=10)
        assert requests.get(room, params={"wait": 20, "after": "0-0"}, timeout=10).status_code == 200
        polls[0].close()
        soon(lambda: not is_full(server.url, "longpoll"), "a place that became free")
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    assert 'realtime_refused_total{limit="polls_per_address"}' in text


def application(**settings: object) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", **settings)
    Realtime(app)
    return app


def test_behind_a_proxy_the_address_is_what_the_proxy_says_at_every_door() -> None:
    app = application(REALTIME_MAX_CONNECTIONS_PER_ADDRESS=1)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]
    client = app.test_client()

    def status(path: str, address: str) -> int:
        return client.get(path, headers={"X-Forwarded-For": address}, buffered=False).status_code

    polling = "/socket.io/?EIO=4&transport=polling"
    assert [status(polling, "192.0.2.1"), status(polling, "192.0.2.1"), status(polling, "192.0.2.2")] == [200, 429, 200]
    assert [status("/events?room=a", "192.0.2.1"), status("/events?room=a", "192.0.2.3")] == [429, 200]
    # One subscriber's addresses of IPv6.
    assert [status(polling, "2001:db8::1"), status("/events?room=a", "2001:db8::2")] == [200, 429]


def test_a_stream_that_is_never_begun_gives_its_place_back() -> None:
    app, instead = application(REALTIME_MAX_CONNECTIONS_PER_ADDRESS=1), [False]
    # An application that puts something else in its place does not close it.
    app.after_request(lambda response: app.response_class("something else") if instead[0] else response)
    client = app.test_client()
    for _ in range(3):
        answer = client.get("/events?room=a", buffered=False)
        assert answer.status_code == 200
        answer.close()
        assert client.head("/events?room=a").status_code == 200
    for instead[0] in (True, True, True, False):
        assert client.get("/events?room=a", buffered=False).status_code == 200


def test_streams_of_the_applications_own_count_too() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", REALTIME_MAX_CONNECTIONS_PER_ADDRESS=1)
    realtime = Realtime(app)
    ended = []

    @app.get("/own")
    def own() -> Response:
        def events() -> Iterator[int]:
            try:
                yield from range(10**6)
            finally:
                ended.append(True)

        return realtime.stream(events())

    client = app.test_client()
    first = client.get("/own", buffered=False)
    chunks = first.iter_encoded()
    assert next(chunks) and b"data: 0" in next(chunks)
    for path in ("/own", "/events?room=a"):
        refused = client.get(path, headers={"Origin": "http://localhost"})
        assert (refused.status_code, refused.json["error"]["code"]) == (429, "too_many_connections")
    first.close()
    soon(lambda: ended, "the end of the generator")
    never = client.get("/own", buffered=False)
    assert never.status_code == 200
    never.close()
    assert client.get("/events?room=a", buffered=False).status_code == 200


def test_where_nothing_is_limited_nobody_is_counted() -> None:
    names = ("CONNECTIONS_PER_USER", "CONNECTIONS_PER_ADDRESS", "POLLS_PER_USER", "POLLS_PER_ADDRESS")
    app = application(**{f"REALTIME_MAX_{one}": 0 for one in names})
    client = app.test_client()
    answers = [client.get("/events?room=a", buffered=False) for _ in range(200)]
    assert {one.status_code for one in answers} == {200}
    for one in answers:
        one.close()
