"""A user may publish so many messages a second over HTTP, and no more; so may an address where nobody is known."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import requests
from flask import Flask, session
from flask.testing import FlaskClient

from realtime import Realtime
from realtime.web.rates import asker
from tests.support.clients import ACK, SocketClient
from tests.support.processes import Server, eventually, running, start_gevent, start_threads

RATE = 2


# For each test its own: what one used up, the next would lack.
@pytest.fixture(params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, with few messages."""
    server: Server = request.param(REALTIME_PUBLISH_RATE=str(RATE))
    with running(server):
        yield server


def test_what_is_more_is_answered_with_429_is_not_published_and_is_counted(server: Server) -> None:
    url = f"{server.url}/rooms/rates-{secrets.token_hex(4)}/messages"
    with requests.Session() as line:
        answers = [line.post(url, json={"data": number}, timeout=10) for number in range(RATE * 5)]
        refused = [one for one in answers if one.status_code != 201]
        assert all(one.status_code == 201 for one in answers[:RATE])
        assert refused
        for one in refused:
            assert (one.status_code, one.headers["Retry-After"]) == (429, "1")
            error = one.json()["error"]
            assert (error["code"], error["retry_after"]) == ("rate_limited", 1)
        assert len(line.get(url, timeout=10).json()["messages"]) == len(answers) - len(refused)
        text = line.get(f"{server.url}/metrics", timeout=10).text
        assert f'realtime_refused_total{{limit="publishes"}} {float(len(refused))}' in text
        time.sleep(int(refused[-1].headers["Retry-After"]))
        assert line.post(url, json={"data": 1}, timeout=10).status_code == 201


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_socketio_counts_too_over_all_connections_of_one(server: Server, transport: str) -> None:
    room = f"rates-{secrets.token_hex(4)}"
    with ExitStack() as lines:
        clients = [lines.enter_context(closing(SocketClient(server.url, transport))) for _ in range(3)]
        began = time.monotonic()
        for number in range(RATE * 4):
            for one in clients:
                one.emit("publish", {"room": room, "data": number}, number=number)
        eventually(lambda: all(len(one.named(ACK)) == RATE * 4 for one in clients), within=30)
        answers = [got.data for one in clients for got in one.named(ACK)]
        most = RATE * (1 + time.monotonic() - began) + 1
    published = [one for one in answers if one["ok"]]
    assert 1 <= len(published) <= most
    assert {one["error"]["code"] for one in answers if not one["ok"]} == {"rate_limited"}
    kept = requests.get(f"{server.url}/rooms/{room}/messages", timeout=10).json()["messages"]
    assert len(kept) == len(published)


def test_each_user_has_messages_of_its_own_from_whatever_address() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", REALTIME_PUBLISH_RATE=0.001)
    Realtime(app)

    @app.post("/login/<name>")
    def login(name: str) -> str:
        session["user"] = name
        return name

    def publish(client: FlaskClient, address: str = "192.0.2.1") -> int:
        answer = client.post("/rooms/lobby/messages", json={"data": 1}, environ_base={"REMOTE_ADDR": address})
        return answer.status_code

    nobody, ada, again, bob = (app.test_client() for _ in range(4))
    for client, name in ((ada, "ada"), (again, "ada"), (bob, "bob")):
        client.post(f"/login/{name}")
    assert [publish(nobody), publish(nobody), publish(nobody, "192.0.2.2")] == [201, 429, 201]
    assert [publish(ada), publish(again, "192.0.2.3"), publish(bob)] == [201, 429, 201]


def test_an_ipv6_subscriber_has_one_share_whatever_addresses_it_makes_up() -> None:
    assert asker(None, "2001:db8::1") == asker(None, "2001:db8::2") != asker(None, "2001:db8:0:1::1")
    assert asker(None, "::ffff:192.0.2.1") == asker(None, "192.0.2.1") != asker(None, "192.0.2.2")


def test_nobody_has_the_share_of_a_user_who_is_called_like_an_address() -> None:
    assert asker("192.0.2.1", None) != asker(None, "192.0.2.1")


def test_whoever_goes_on_over_the_rate_is_told_to_wait_ever_longer() -> None:
    app = Flask(__name__)
    app.config.update(REALTIME_PUBLISH_RATE=1)
    Realtime(app)
    client = app.test_client()

    def told(address: str = "192.0.2.1") -> int:
        answer = client.post("/rooms/lobby/messages", json={"data": 1}, environ_base={"REMOTE_ADDR": address})
        wait = int(answer.headers.get("Retry-After", 0))
        assert wait == (answer.json["error"]["retry_after"] if answer.status_code == 429 else 0)
        return wait

    assert [told(), told(), told()] == [0, 1, 1]
    eventually(lambda: told() == 2, within=5, every=0.05)
    assert [told("192.0.2.2"), told("192.0.2.2")] == [0, 1]
