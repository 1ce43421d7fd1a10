"""``/events`` as other people's programs meet it: an independent reader, and clients that hang up without a word."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests
import sseclient
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import Server, eventually
from tests.support.publishing import publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

from .conftest import Starter


def test_an_independent_client_reads_the_stream(every_server: Server, room: str) -> None:
    said = [{"text": "a\u2028b\u2029\x85"}, "\N{GRINNING FACE}", ["é", None], "two\nlines"]
    cursor = publish(every_server.url, room)
    ids = [publish(every_server.url, room, one, event="said") for one in said]
    target = events_target(room, after=cursor, padding="true")
    with requests.get(every_server.url + target, stream=True, timeout=10) as response:
        events = sseclient.SSEClient(response).events()
        ready = next(events)
        assert (ready.event, json.loads(ready.data)["recovered"]) == ("realtime.ready", True)
        for id_, one in zip(ids, said, strict=True):
            event = next(events)
            assert (event.id, event.event, json.loads(event.data)) == (id_, "said", one)


def test_an_http_1_0_client_gets_the_stream_without_chunks(gevent_server: Server, room: str) -> None:
    # nginx asks like this. (Flask's development server sends chunks to everybody.)
    with RawRequest(gevent_server.url, events_target(room), version="1.0") as stream:
        assert "transfer-encoding" not in stream.read_head().lower()
        assert "X-Accel-Buffering: no" in stream.head
        id_ = publish(gevent_server.url, room, "hi")
        assert stream.read_until(f'id: {id_}\nevent: message\ndata: "hi"\n\n'.encode())


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_subscribers_that_hang_up_are_forgotten(start: Starter, room: str, kind: str) -> None:
    server = start(kind, REALTIME_HEARTBEAT="0.2")
    streams = [EventReader(server.url, room, f"{room}-{number}") for number in range(10)]
    for stream in streams:
        stream.ready()
    assert _metrics(server)["realtime_connections", "sse"] == 10
    assert _metrics(server)["realtime_rooms", ""] == 11
    for stream in streams:
        stream.close()
    eventually(_nobody(server), what="nobody is connected any more")
    assert _metrics(server)["realtime_rooms", ""] == 0


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_that_they_hang_up_is_noticed_without_anything_to_write(start: Starter, room: str, kind: str) -> None:
    server = start(kind, REALTIME_HEARTBEAT="60")
    streams = [RawRequest(server.url, events_target(room, **query)) for query in ({}, {"wait": "25"})]
    eventually(lambda: _metrics(server)["realtime_connections", "sse"] == len(streams), what="all being connected")
    for stream in streams:
        stream.close()
    eventually(_nobody(server), what="nobody is connected any more")


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_a_subscriber_that_resets_the_connection_in_mid_flood_is_forgotten(
    start: Starter, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_HEARTBEAT="0.2", REALTIME_MAX_PENDING_BYTES="1024")
    with RawRequest(server.url, events_target(room), receive_buffer=4096) as reader:
        reader.read_head()
        for _ in range(150):
            publish(server.url, room, "x" * 40_000)
    # Closed with unread data: the server's next write meets a reset.
    eventually(_nobody(server), what="nobody is connected any more")
    assert "Traceback" not in server.output


def test_a_client_that_goes_before_its_stream_begins_leaves_nothing(start: Starter, room: str) -> None:
    server = start(REALTIME_HEARTBEAT="0.2")
    for _ in range(20):
        RawRequest(server.url, events_target(room)).close()
    with EventReader(server.url, room) as stream:
        stream.ready()
    eventually(_nobody(server), what="nobody is connected any more")
    assert "Traceback" not in server.output


def _nobody(server: Server) -> Callable[[], bool]:
    return lambda: _metrics(server)["realtime_connections", "sse"] == 0


def _metrics(server: Server) -> dict[tuple[str, str], float]:
    text = requests.get(server.url + "/metrics", timeout=10).text
    return {
        (sample.name, sample.labels.get("transport", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
