"""Event streams that end: for clients that show nothing of a response before it is whole, or keep all of its text.

EventSource.js and jquery.eventsource are on no registry: what stands here are the requests that their documentation
and behaviour have, and what they make of the answers.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import requests

from realtime.wire.sse import Decoder
from tests.support.processes import Server, eventually
from tests.support.publishing import publish
from tests.support.streams import EventReader, Events

REMY = {"Accept": "text/event-stream", "Cache-Control": "no-cache", "X-Requested-With": "XMLHttpRequest"}
"""EventSource.js (Remy Sharp): aborts what takes longer than 50 seconds, and comes back with Last-Event-ID."""

JQUERY = {"Accept": "*/*", "X-Requested-With": "XMLHttpRequest"}
"""jquery.eventsource: jQuery.ajax with a time-out of 50 seconds and cache: false. It sends no id."""


class Answer(Events):
    """A whole response, and how long it took."""

    def __init__(self, server: Server, room: str, headers: dict[str, str] | None = None, **query: Any) -> None:
        began = time.monotonic()
        response = requests.get(f"{server.url}/events", params={"room": room, **query}, headers=headers, timeout=60)
        self.took = time.monotonic() - began
        self.status, self.headers, self.text = response.status_code, response.headers, response.text
        decoder = Decoder()
        self.events = decoder.feed(response.content)
        self.last_id, self.retry = decoder.last_event_id, decoder.retry


def test_an_answer_that_may_wait_ends_with_its_first_news(any_server: Server, room: str) -> None:
    first = Answer(any_server, room, wait=0)
    assert (first.status, first.messages) == (200, [])
    timer = threading.Timer(0.3, publish, (any_server.url, room, "hi"))
    timer.start()
    answer = Answer(any_server, room, {"Last-Event-ID": first.last_id}, wait=20)
    timer.join()
    assert answer.data == ["hi"]
    assert 0.2 < answer.took < 5
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"


def test_an_answer_without_news_ends_when_its_time_is_over_and_says_where_to_go_on(
    any_server: Server, room: str
) -> None:
    answer = Answer(any_server, room, wait=0.4)
    assert (answer.status, answer.messages) == (200, [])
    assert 0.3 < answer.took < 3
    assert json.loads(answer.events[0].data)["cursor"] == answer.last_id
    id_ = publish(any_server.url, room, "in between")
    assert Answer(any_server, room, {"Last-Event-ID": answer.last_id}, wait=0).ids == [id_]


def test_nothing_is_lost_or_doubled_between_answers(any_server: Server, room: str) -> None:
    cursor, heard = Answer(any_server, room, wait=0).last_id, []
    ids = [publish(any_server.url, room, number) for number in range(70)]
    while len(heard) < len(ids):
        answer = Answer(any_server, room, {"Last-Event-ID": cursor}, wait=5)
        assert answer.ids
        heard += answer.ids
        cursor = answer.last_id
    assert heard == ids
    assert Answer(any_server, room, {"Last-Event-ID": cursor}, wait=0).ids == []


def test_a_cursor_that_is_not_known_is_answered_at_once(any_server: Server, room: str) -> None:
    answer = Answer(any_server, room, {"Last-Event-ID": "1-0"}, wait=20)
    assert answer.took < 5
    assert json.loads(answer.events[0].data)["recovered"] is False


def test_no_number_holds_an_answer_for_longer_than_the_setting_allows(start: Any, room: str) -> None:
    server = start(REALTIME_MAX_WAIT="0.5")
    for query in ({"wait": "1e300"}, {"wait": "50"}):
        assert Answer(server, room, **query).took < 5
    assert Answer(server, room, REMY).took < 5


@pytest.mark.parametrize("query", [{"wait": "-1"}, {"wait": "x"}, {"wait": ""}, {"evs_buffer_size_limit": "nan"}])
def test_what_is_no_number_is_refused(any_server: Server, room: str, query: dict[str, str]) -> None:
    answer = requests.get(f"{any_server.url}/events", params={"room": room, **query}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")


def test_a_response_ends_before_its_client_can_take_no_more(any_server: Server, room: str) -> None:
    text = "x" * 3000
    cursor = Answer(any_server, room, wait=0).last_id
    ids, heard = [publish(any_server.url, room, text) for _ in range(20)], []
    while len(heard) < len(ids):
        with EventReader(any_server.url, room, evs_buffer_size_limit=20_000, evs_last_event_id=cursor) as stream:
            stream.wait(min(6, len(ids) - len(heard)))
            if len(ids) - len(heard) > 6:
                eventually(lambda stream=stream: stream.ended, what="the end")
            assert len(stream.raw) <= 20_000
            heard += stream.ids
            cursor = stream.decoder.last_event_id
    assert heard == ids


@pytest.mark.parametrize("limit", ["0", "1", "1e300"])
def test_a_limit_is_neither_taken_below_nor_above_what_makes_sense(any_server: Server, room: str, limit: str) -> None:
    with EventReader(any_server.url, room, evs_buffer_size_limit=limit) as stream:
        stream.ready()
        id_ = publish(any_server.url, room, "x" * 60_000)
        stream.wait(1)
        assert stream.ids == [id_]


def test_remys_event_source_gets_whole_answers_and_goes_on_from_the_last_id(any_server: Server, room: str) -> None:
    first = Answer(any_server, room, REMY, wait=0)
    ids = [publish(any_server.url, room, number) for number in range(3)]
    # It takes an id wherever a line begins so, and has it for the next request.
    second = Answer(any_server, room, {**REMY, "Last-Event-ID": first.last_id})
    assert second.took < 5
    assert second.ids == ids
    assert second.status == 200
    assert 0 < (second.retry or 0) <= 750, "what it waits between two"


def test_jquery_eventsource_gets_nothing_but_messages(any_server: Server, room: str) -> None:
    timer = threading.Timer(0.3, publish, (any_server.url, room, {"text": "hi"}))
    timer.start()
    answer = Answer(any_server, room, JQUERY, _="1790000000000")
    timer.join()
    assert answer.status == 200
    # It splits at empty lines, and each block but that of `retry` at "data: ".
    blocks = [block for block in answer.text.split("\n\n") if block]
    assert [block.split("retry: ")[0] for block in blocks if "retry" in block] == [""]
    assert [json.loads(block.split("data: ")[1]) for block in blocks if "retry" not in block] == [{"text": "hi"}]


def test_a_browser_of_today_that_sends_the_same_header_gets_a_stream(any_server: Server, room: str) -> None:
    with EventReader(any_server.url, room, headers={**REMY, "Sec-Fetch-Mode": "cors"}) as stream:
        stream.ready()
        for count in (1, 2):
            publish(any_server.url, room, count)
            stream.wait(count)
        assert not stream.ended


def test_a_page_of_another_origin_may_send_what_the_polyfills_send(start: Any) -> None:
    server = start(REALTIME_ALLOWED_ORIGINS="http://page.example")
    asked = {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}
    answer = requests.options(f"{server.url}/events", headers=asked, timeout=10)
    allowed = {one.strip().lower() for one in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert {name.lower() for name in (*REMY, "Last-Event-ID")} - {"accept"} <= allowed


def test_a_server_that_stops_ends_an_answer_that_waits(start: Any, room: str) -> None:
    server = start()
    with EventReader(server.url, room, wait=20) as stream:
        eventually(lambda: stream.raw, what="the head")
        server.stop()
        eventually(lambda: stream.ended, within=5, what="the end")
        assert [event.event for event in stream.events][-1] == "realtime.closing"
