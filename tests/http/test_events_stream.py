"""The bytes of ``/events``: headers at once, one block a message, control events, heartbeats, retry, padding.

Everything here is what other people's clients parse, so it is compared byte for byte.
"""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise

import pytest
import requests

from tests.support.processes import Server
from tests.support.publishing import publish
from tests.support.raw import RawRequest, events_target

from .conftest import Starter

# What servers add by themselves; everything else is ours.
SERVERS_OWN = {"date", "server", "connection", "transfer-encoding"}


def test_headers_come_at_once_and_exactly_before_any_message(any_server: Server, room: str) -> None:
    started = time.monotonic()
    with RawRequest(any_server.url, events_target(room)) as stream:
        lines = stream.read_head().split("\r\n")
        took = time.monotonic() - started
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {name: value for name, value in headers.items() if name.lower() not in SERVERS_OWN} == {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
    }
    assert took < 1


def test_the_ready_event_comes_before_any_message_too(any_server: Server, room: str) -> None:
    with RawRequest(any_server.url, events_target(room)) as stream:
        stream.read_head()
        assert re.fullmatch(rb"retry: \d+\n\n", stream.read_block())
        ready = stream.read_block().decode()
    match = re.fullmatch(r"event: realtime\.ready\ndata: (\{.*\})\n\n", ready)
    assert match, ready
    said = json.loads(match[1])
    assert said == {"recovered": True, "cursor": said["cursor"], "rooms": [room]}
    assert re.fullmatch(r"\d+-\d+", said["cursor"])


def test_a_message_is_one_write_of_exactly_these_bytes(any_server: Server, room: str) -> None:
    with RawRequest(any_server.url, events_target(room)) as stream:
        stream.read_opening()
        id_ = publish(any_server.url, room, {"user": "ann", "text": "hi"}, event="said")
        assert stream.read_piece() == f'id: {id_}\nevent: said\ndata: {{"user":"ann","text":"hi"}}\n\n'.encode()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (None, "null"),
        ("", '""'),
        (0, "0"),
        ([1, [2.5, True]], "[1,[2.5,true]]"),
        ("two\nlines\r\n", '"two\\nlines\\r\\n"'),
        ("a\u2028b\u2029c\x85d", '"a\u2028b\u2029c\x85d"'),
        ("\N{GRINNING FACE} \N{LATIN SMALL LETTER E WITH ACUTE}", '"\N{GRINNING FACE} é"'),
        ("\0 \x1f \ufeff", '"\\u0000 \\u001f \ufeff"'),
        (": id: event: data:", '": id: event: data:"'),
    ],
)
def test_any_data_stands_on_one_line_unescaped(any_server: Server, room: str, data: object, line: str) -> None:
    with RawRequest(any_server.url, events_target(room)) as stream:
        stream.read_opening()
        id_ = publish(any_server.url, room, data)
        assert stream.read_piece().decode() == f"id: {id_}\nevent: message\ndata: {line}\n\n"


def test_a_large_message_is_one_block_too(any_server: Server, room: str) -> None:
    text = "x" * 60_000
    with RawRequest(any_server.url, events_target(room)) as stream:
        stream.read_opening()
        id_ = publish(any_server.url, room, text)
        assert stream.read_block().decode() == f'id: {id_}\nevent: message\ndata: "{text}"\n\n'


def test_retry_is_in_a_block_of_its_own_and_differs_from_stream_to_stream(start: Starter, room: str) -> None:
    server = start(REALTIME_RETRY="4")
    seen = []
    for _ in range(8):
        with RawRequest(server.url, events_target(room)) as stream:
            stream.read_head()
            block = re.fullmatch(rb"retry: (\d+)\n\n", stream.read_block())
            assert block
            seen.append(int(block[1]))
    assert all(4000 <= retry <= 6000 for retry in seen)
    assert len(set(seen)) > 1


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_a_comment_comes_every_heartbeat_and_is_no_event(start: Starter, room: str, kind: str) -> None:
    server = start(kind, REALTIME_HEARTBEAT="0.2")
    with RawRequest(server.url, events_target(room)) as stream:
        stream.read_opening()
        times = [time.monotonic()]
        while len(times) < 6:
            assert stream.read_block() == b":\n\n"
            times.append(time.monotonic())
    # Never silent for longer; an early one does no harm.
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.6
    assert times[-1] - times[0] > 0.5


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_heartbeats_are_events_for_who_asks_and_come_whatever_else_is_written(
    start: Starter, room: str, kind: str
) -> None:
    server = start(kind, REALTIME_HEARTBEAT="0.2")
    with RawRequest(server.url, events_target(room, heartbeat="event")) as stream:
        stream.read_opening()
        beats: list[float] = []
        while len(beats) < 6:
            publish(server.url, room, len(beats))
            block = stream.read_block()
            if not block.startswith(b"id: "):
                assert re.fullmatch(rb'event: realtime.heartbeat\ndata: {"every":200,"retry":1\d{3}}\n\n', block)
                beats.append(time.monotonic())
    # The first comes with the opening; then one each interval, also on a stream that is never silent.
    gaps = [later - earlier for earlier, later in pairwise(beats[1:])]
    assert all(0.1 < gap < 0.6 for gap in gaps), gaps


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ({"padding": "true"}, 2048),
        ({"padding": "300"}, 300),
        ({"padding": "0"}, 0),
        ({"evs_preamble": "2056"}, 2056),
        ({"padding": "true", "evs_preamble": "100"}, 2048),
        ({"padding": "1e9"}, 16 * 1024),
        ({"evs_preamble": "99999999"}, 16 * 1024),
    ],
)
def test_padding_is_a_comment_of_the_size_asked_for_and_capped(
    any_server: Server, room: str, query: dict[str, str], size: int
) -> None:
    with RawRequest(any_server.url, events_target(room, **query)) as stream:
        stream.read_head()
        comment = stream.read_block() if size else b""
        assert stream.read_block().startswith(b"retry: ")
    assert comment == (b":" + b" " * (size - 1) + b"\n\n" if size else b"")


@pytest.mark.parametrize(
    "query", [{"padding": "lots"}, {"evs_preamble": "-1"}, {"history": "nan"}, {"history": "-5"}, {"heartbeat": "1"}]
)
def test_what_a_query_cannot_mean_is_refused(any_server: Server, room: str, query: dict[str, str]) -> None:
    answer = requests.get(any_server.url + events_target(room, **query), timeout=10)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_value"


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_head_answers_with_the_headers_and_does_not_subscribe(start: Starter, room: str, kind: str) -> None:
    server = start(kind)
    answer = requests.head(server.url + events_target(room), timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.content == b""
    assert _gauge(server, "realtime_rooms") == 0


def _gauge(server: Server, name: str) -> float:
    text = requests.get(server.url + "/metrics", timeout=10).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))
