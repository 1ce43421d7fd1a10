"""``GET /rooms/<room>/messages``: the log as pages, forwards and backwards, and cursors that are good elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.processes import Server
from tests.support.publishing import Flood, path, publish
from tests.support.streams import EventReader

from .conftest import Starter


def read(server: Server, room: str, **query: object) -> dict[str, Any]:
    """One page."""
    answer = requests.get(server.url + path(room), params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert sorted(page) == ["cursor", "messages", "recovered"]
    return page


def ids_of(page: dict[str, Any]) -> list[str]:
    """The ids on a page."""
    return [message["id"] for message in page["messages"]]


def test_messages_come_oldest_first_with_all_that_was_said(every_server: Server, room: str) -> None:
    first = publish(every_server.url, room, {"n": 1})
    second = publish(every_server.url, room, [2, "é"], event="other")
    assert read(every_server, room)["messages"] == [
        {"id": first, "room": room, "event": "message", "data": {"n": 1}},
        {"id": second, "room": room, "event": "other", "data": [2, "é"]},
    ]


def test_an_empty_room_has_a_cursor_all_the_same(every_server: Server, room: str) -> None:
    page = read(every_server, room)
    assert (page["messages"], page["recovered"]) == ([], True)
    id_ = publish(every_server.url, room)
    assert ids_of(read(every_server, room, after=page["cursor"])) == [id_]


def test_the_newest_fifty_come_unless_another_limit_is_named(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(60)]
    assert ids_of(read(every_server, room)) == ids[10:]
    assert ids_of(read(every_server, room, limit=7)) == ids[53:]
    assert ids_of(read(every_server, room, limit=100)) == ids


def test_after_reads_on_from_a_cursor_page_by_page(every_server: Server, room: str) -> None:
    begin = read(every_server, room)["cursor"]
    ids = [publish(every_server.url, room, number) for number in range(25)]
    seen, cursor = [], begin
    while page := read(every_server, room, after=cursor, limit=10):
        assert page["recovered"] is True
        seen.append(ids_of(page))
        cursor = page["cursor"]
        if not page["messages"]:
            break
    assert seen == [ids[:10], ids[10:20], ids[20:], []]


def test_before_pages_back_to_the_beginning(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(25)]
    seen, query = [], {"limit": 10}
    while True:
        page = ids_of(read(every_server, room, **query))
        seen.append(page)
        if not page:
            break
        query["before"] = page[0]  # type: ignore[assignment]
    assert seen == [ids[15:], ids[5:15], ids[:5], []]


def test_after_and_before_give_what_is_between(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(10)]
    assert ids_of(read(every_server, room, after=ids[2], before=ids[7])) == ids[3:7]
    assert ids_of(read(every_server, room, after=ids[2], before=ids[3])) == []
    assert ids_of(read(every_server, room, after=ids[2], before=ids[7], limit=2)) == ids[3:5]


@pytest.mark.parametrize("query", [{"before": "0-0"}, {"before": "0-1"}, {"before": "1-0"}])
def test_before_the_beginning_there_is_nothing(every_server: Server, room: str, query: dict[str, str]) -> None:
    publish(every_server.url, room)
    assert ids_of(read(every_server, room, **query)) == []


def test_the_very_beginning_is_a_cursor(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(3)]
    page = read(every_server, room, after="0-0")
    assert (ids_of(page), page["recovered"]) == (ids, True)


def test_a_limit_of_nothing_gives_nothing_and_the_place_where_we_are(every_server: Server, room: str) -> None:
    first, second = publish(every_server.url, room), publish(every_server.url, room)
    page = read(every_server, room, limit=0)
    assert page["messages"] == []
    assert ids_of(read(every_server, room, after=page["cursor"])) == []
    page = read(every_server, room, limit=0, after=first)
    assert page["messages"] == []
    assert ids_of(read(every_server, room, after=page["cursor"])) == [second]


def test_a_limit_is_capped_by_what_the_log_keeps(start: Starter, room: str) -> None:
    server = start(REALTIME_HISTORY_LENGTH="20")
    ids = [publish(server.url, room, number) for number in range(30)]
    assert ids_of(read(server, room, limit="1e18")) == ids[10:]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "many"),
        ("limit", "-1"),
        ("limit", "nan"),
        ("wait", "long"),
        ("wait", "-1"),
        ("after", "nonsense"),
        ("after", "1"),
        ("before", "nonsense"),
        ("before", "1-2-3"),
    ],
)
def test_nonsense_is_refused(any_server: Server, room: str, name: str, value: str) -> None:
    answer = requests.get(any_server.url + path(room), params={name: value}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("cursor", ["1-0", "9999999999999-0", "18446744073709551615-18446744073709551615"])
def test_a_cursor_that_the_log_does_not_know_is_not_recovered(every_server: Server, room: str, cursor: str) -> None:
    publish(every_server.url, room)
    assert read(every_server, room, after=cursor)["recovered"] is False


def test_a_cursor_that_the_room_has_outgrown_is_not_recovered(start: Starter, room: str) -> None:
    server = start(REALTIME_HISTORY_LENGTH="10")
    ids = [publish(server.url, room, number) for number in range(30)]
    page = read(server, room, after=ids[5])
    assert (ids_of(page), page["recovered"]) == (ids[20:], False)
    page = read(server, room, after=ids[19])
    assert (ids_of(page), page["recovered"]) == (ids[20:], True)


def test_a_page_in_the_future_does_not_lend_its_cursor(every_server: Server, room: str) -> None:
    first = publish(every_server.url, room)
    future = "9999999999999-0"
    for query in ({"before": future}, {"before": future, "after": first}, {"before": future, "limit": 0}):
        cursor = read(every_server, room, **query)["cursor"]
        later = publish(every_server.url, room)
        page = read(every_server, room, after=cursor)
        assert page["recovered"] is True
        assert later in ids_of(page)


def test_the_cursor_of_a_page_joins_a_stream_without_a_seam(every_server: Server, room: str) -> None:
    pages, streams = [], []
    with Flood(every_server.url, room) as flood:
        for _ in range(20):
            flood.wait(len(flood.ids) + 5)
            page = read(every_server, room, limit=20)
            with EventReader(every_server.url, room, after=page["cursor"]) as stream:
                stream.wait(10)
            pages.append(page)
            streams.append(stream)
    for page, stream in zip(pages, streams, strict=True):
        assert stream.ready() == {"recovered": True, "cursor": page["cursor"], "rooms": [room]}
        seen = ids_of(page) + stream.ids
        begin = flood.ids.index(seen[0])
        assert seen == flood.ids[begin : begin + len(seen)]


def test_head_and_options_answer_too(any_server: Server, room: str) -> None:
    head = requests.head(any_server.url + path(room), timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    options = requests.options(any_server.url + path(room), timeout=10)
    assert options.status_code == 200
    assert {"GET", "POST"} <= {one.strip() for one in options.headers["Allow"].split(",")}
