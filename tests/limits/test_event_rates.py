"""A Socket.IO connection may send so many events a second, and no more: told in the acknowledgement, and counted."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from realtime.config import Settings
from realtime.web.rates import Bucket
from tests.support.clients import SocketClient
from tests.support.processes import Server, eventually, running, start_gevent, start_threads

BURST = 5


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, with few events."""
    server: Server = request.param(REALTIME_EVENT_RATE="1", REALTIME_EVENT_BURST=str(BURST))
    with running(server):
        yield server


def refused(server: Server) -> float:
    """How many events the metrics say were refused."""
    text = requests.get(server.url + "/metrics", timeout=10).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next(
        one.value for one in samples if (one.name, one.labels) == ("realtime_refused_total", {"limit": "events"})
    )


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


def test_the_default_is_above_what_an_honest_client_sends() -> None:
    settings = Settings.load({}, {})
    bucket = Bucket(settings.event_rate, settings.event_burst, clock=lambda: 0.0)
    assert math.fsum(bucket.take() for _ in range(100_000)) == 0
