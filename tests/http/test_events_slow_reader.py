"""A subscriber that reads slowly: the server keeps its cursor instead of a queue, and tells it when the log is gone.

The reader's socket is left unread while more is published than the kernel's buffers take.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from realtime.wire.sse import Decoder, Event
from tests.support.processes import Server, eventually
from tests.support.publishing import publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

from .conftest import Starter

TEXT = "x" * 40_000
MESSAGES = 250
"""Ten megabytes: Linux takes about four for a connection that does not read."""


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_a_slow_reader_gets_everything_when_the_log_still_has_it(start: Starter, room: str, kind: str) -> None:
    server = start(kind, REALTIME_MAX_PENDING_BYTES="1024")
    with RawRequest(server.url, events_target(room), receive_buffer=4096) as reader:
        reader.read_opening()
        ids = [publish(server.url, room, TEXT) for _ in range(MESSAGES)]
        ids.append(publish(server.url, room, "last"))
        events = list(_until_last(reader))
        assert [event.id for event in events if event.event == "message"] == ids
        assert "realtime.reset" not in [event.event for event in events]
        assert _metric(server, "realtime_spills_total") >= 1
        live = publish(server.url, room, "live again")
        assert f"id: {live}\n".encode() in reader.read_block()


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_a_reader_that_the_log_has_left_behind_is_told_so(start: Starter, room: str, kind: str) -> None:
    server = start(kind, REALTIME_MAX_PENDING_BYTES="1024", REALTIME_HISTORY_LENGTH="10")
    with RawRequest(server.url, events_target(room), receive_buffer=4096) as reader:
        reader.read_opening()
        ids = [publish(server.url, room, TEXT) for _ in range(MESSAGES)]
        ids.append(publish(server.url, room, "last"))
        events = list(_until_last(reader))
        kinds = [event.event for event in events]
        assert kinds.count("realtime.reset") == 1
        reset = kinds.index("realtime.reset")
        before = [event.id for event in events[:reset] if event.event == "message"]
        after = [event.id for event in events[reset:] if event.event == "message"]
        assert before == ids[: len(before)]
        assert after == ids[-10:]
        assert _metric(server, "realtime_resets_total") == 1
        live = publish(server.url, room, "live again")
        assert f"id: {live}\n".encode() in reader.read_block()


def test_a_slow_reader_holds_up_nobody_else(start: Starter, room: str) -> None:
    server = start()
    with RawRequest(server.url, events_target(room), receive_buffer=4096) as slow:
        slow.read_head()
        with RawRequest(server.url, events_target(room)) as quick:
            quick.read_opening()
            for _ in range(MESSAGES):
                id_ = publish(server.url, room, TEXT)
                assert quick.read_block().startswith(f"id: {id_}\n".encode())


def _until_last(reader: RawRequest) -> Iterator[Event]:
    decoder = Decoder()
    while True:
        for event in decoder.feed(reader.read_block()):
            yield event
            if event.data == '"last"':
                return


def _metric(server: Server, name: str) -> float:
    text = requests.get(server.url + "/metrics", timeout=10).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next(sample.value for sample in samples if sample.name == name)


def test_a_reader_that_does_not_read_for_many_heartbeats_is_waited_for(start: Starter, room: str) -> None:
    """Its machine still answers: it is slow, not gone."""
    server = start("gevent", REALTIME_MAX_PENDING_BYTES="1024", REALTIME_HEARTBEAT="1")
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(RawRequest(server.url, events_target(room), receive_buffer=4096))
        other = stack.enter_context(EventReader(server.url, f"{room}-other"))
        reader.read_opening()
        ids = [publish(server.url, room, TEXT) for _ in range(MESSAGES)]
        ids.append(publish(server.url, room, "last"))
        # Heartbeats of the other, which reads, tell how long that is.
        eventually(lambda: other.raw.count(b":\n\n") >= 6, within=20, what="six heartbeats")
        assert [event.id for event in _until_last(reader) if event.event == "message"] == ids
