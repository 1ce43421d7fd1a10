"""A Socket.IO connection may send so many events a second, and no more: told in the acknowledgement, and counted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from socketio import packet
from socketio.packet import Packet

from realtime.config import Settings
from realtime.errors import RateLimited
from realtime.web.rates import Bucket, ConnectionRate
from tests.support.clients import ACK, SocketClient
from tests.support.processes import Server, eventually, running, start_gevent, start_threads

BURST = 5


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, with few events."""
    server: Server = request.param(REALTIME_EVENT_RATE="1", REALTIME_EVENT_BURST=str(BURST))
    with running(server):
        yield server


def refused(server: Server, limit: str = "events") -> float:
    """How many the metrics say were refused."""
    text = requests.get(server.url + "/metrics", timeout=10).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next(one.value for one in samples if (one.name, one.labels) == ("realtime_refused_total", {"limit": limit}))


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("event", ["join", "leave", "publish"])
def test_what_is_more_is_refused_without_effect_until_its_time_has_come(
    server: Server, transport: str, event: str
) -> None:
    room, before = f"rates-{secrets.token_hex(4)}", refused(server)
    with closing(SocketClient(server.url, transport)) as client, closing(SocketClient(server.url)) as other:
        answers = [client.ask(event, {"room": room, "data": number}) for number in range(BURST * 2)]
        refusals = [one for one in answers if not one["ok"]]
        assert all(one["ok"] for one in answers[:BURST])
        assert refusals
        for one in refusals:
            assert one["error"].pop("message")
            assert one["error"] == {"code": "rate_limited", "retry_after": 1}
        assert refused(server) == before + len(refusals)
        assert other.ask(event, {"room": room, "data": 1})["ok"], "another connection has tokens of its own"
        if event == "publish":
            kept = requests.get(f"{server.url}/rooms/{room}/messages", timeout=10).json()["messages"]
            assert len(kept) == len(answers) - len(refusals) + 1
        eventually(lambda: client.ask(event, {"room": room, "data": 1})["ok"], within=5, every=0.5)


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An application with events of its own."""
    server: Server = request.param(
        "tests.apps.handlers_app",
        REALTIME_EVENT_RATE="1",
        REALTIME_EVENT_BURST=str(BURST),
        REALTIME_JOIN_RATE="0.5",
        REALTIME_MAX_ROOMS_PER_CONNECTION="3",
    )
    with running(server):
        yield server


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(("event", "namespace"), [("whoami", "/"), ("join", "/"), ("join", "/shop"), ("nobody's", "/")])
def test_events_of_the_applications_own_count_like_any_other(
    own: Server, transport: str, event: str, namespace: str
) -> None:
    before = refused(own)
    with closing(SocketClient(own.url, transport, namespaces=("/", "/shop"))) as client:
        for number in range(BURST * 2):
            client.emit(event, "rates", namespace=namespace, number=number)
        error = eventually(lambda: [one for one in client.named(ACK, namespace) if isinstance(one.data, dict)])[0].data
        assert (error["ok"], error["error"]["code"], error["error"]["retry_after"]) == (False, "rate_limited", 1)
        assert refused(own) > before


def test_an_event_that_asks_for_no_answer_is_left_out_and_counted(own: Server) -> None:
    before = refused(own)
    with closing(SocketClient(own.url)) as client:
        for _ in range(BURST * 3):
            client.emit("shout")
        eventually(lambda: refused(own) > before)
        assert len(client.named("shouted")) < BURST * 3
        assert not client.ended


def test_joining_and_connecting_again_and_again_has_a_rate_of_its_own(own: Server) -> None:
    before = refused(own, "joins")
    with closing(SocketClient(own.url, refusable=True)) as client:
        for _ in range(5):
            client._send(Packet(packet.DISCONNECT, namespace="/"))
            client._send(Packet(packet.CONNECT, namespace="/"))
        said = eventually(lambda: client.refusals)[0]
        assert said["message"] == "a connection may join 0.5 rooms a second"
        assert said["data"]["code"] == "rate_limited"
        assert said["data"]["retry_after"] in {1, 2}
        assert refused(own, "joins") > before


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_rooms_are_joined_at_a_rate_and_all_of_them_at_once(transport: str) -> None:
    rooms = 4
    server = start_gevent(REALTIME_JOIN_RATE="1", REALTIME_MAX_ROOMS_PER_CONNECTION=str(rooms))
    with running(server), closing(SocketClient(server.url, transport)) as client:
        answers = [client.ask("join", {"room": str(number)}) for number in range(rooms)]
        assert all(one["ok"] for one in answers), "whoever comes back has all of them at once"
        answers = [client.ask("join", {"room": "0"}) for _ in range(4)]
        assert {one["error"]["code"] for one in answers if not one["ok"]} == {"rate_limited"}
        assert client.ask("publish", {"room": "0", "data": 1})["ok"], "that is no join"


def test_zero_sets_no_limit() -> None:
    server = start_gevent(REALTIME_EVENT_RATE="0", REALTIME_EVENT_BURST="1")
    with running(server), closing(SocketClient(server.url)) as client:
        assert all(client.ask("publish", {"room": "rates", "data": 1})["ok"] for _ in range(20))


def test_a_bucket_fills_at_its_rate_and_never_over_its_size() -> None:
    now = 0.0
    bucket = Bucket(4, 2, clock=lambda: now)
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.25]
    now = 0.25
    assert [bucket.take() for _ in range(2)] == [0, 0.25]
    now = 1000.0
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.25]


def test_a_connection_has_its_burst_at_once_and_then_its_rate() -> None:
    now, environ = 100.0, dict[str, Any]()
    rate = ConnectionRate("events", 4, 2, text="", clock=lambda: now)

    def taken() -> int:
        with suppress(RateLimited):
            rate.take(environ)
            return 1
        return 0

    assert [taken() for _ in range(3)] == [1, 1, 0]
    now += 0.25
    assert [taken() for _ in range(2)] == [1, 0]
    now += 1000
    assert [taken() for _ in range(3)] == [1, 1, 0]


def test_the_defaults_are_above_what_an_honest_client_sends() -> None:
    settings = Settings.load({}, {})
    most = settings.max_rooms_per_connection
    assert settings.event_rate >= 10 * 60, "ten times what a page sends that draws with the pointer"
    assert settings.event_burst >= most * 10
    assert settings.join_rate >= most, "whoever comes back joins all rooms, and may come back again a second later"
