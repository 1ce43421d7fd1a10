"""Where a stream of ``/events`` begins: live, with history, or after a cursor in any client's dialect."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import requests

from tests.support.processes import Server, eventually
from tests.support.publishing import publish
from tests.support.raw import events_target
from tests.support.streams import EventReader

from .conftest import Starter

NONSENSE = ["nonsense", "1-2-3", "-", "1790000000000", "0x1-0", "1.5-0", "18446744073709551616-0", "\u00e9", "null"]
DIALECTS = ["Last-Event-ID", "lastEventId", "evs_last_event_id", "after"]


def opened(server: Server, *rooms: str, **dialects: str) -> EventReader:
    """A stream with cursors in the dialects named."""
    header = dialects.pop("Last-Event-ID", None)
    return EventReader(server.url, *rooms, headers={"Last-Event-ID": header} if header else {}, **dialects)


def goes_on_live(server: Server, room: str, stream: EventReader) -> None:
    """Check that the stream gets what is published now."""
    live = publish(server.url, room, "live")
    eventually(lambda: stream.ids[-1:] == [live], what="live messages all the same")


def test_without_a_cursor_only_what_is_new_comes(every_server: Server, room: str) -> None:
    old = publish(every_server.url, room, "old")
    with EventReader(every_server.url, room, after=old) as stream:
        stream.ready()  # This process has delivered the old one.
    with EventReader(every_server.url, room) as stream:
        ready = stream.ready()
        assert ready["recovered"] is True
        new = publish(every_server.url, room, "new")
        stream.wait(1)
        assert stream.ids == [new]
        assert _order(old) <= _order(ready["cursor"]) < _order(new)


def test_the_ready_cursor_can_be_resumed_from(every_server: Server, room: str) -> None:
    publish(every_server.url, room, "old")
    with EventReader(every_server.url, room) as stream:
        cursor = stream.ready()["cursor"]
    missed = [publish(every_server.url, room, number) for number in range(3)]
    with EventReader(every_server.url, room, after=cursor) as stream:
        assert stream.ready() == {"recovered": True, "cursor": cursor, "rooms": [room]}
        stream.wait(3)
        assert stream.ids == missed


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_resumes_after_its_cursor(every_server: Server, room: str, dialect: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(5)]
    with opened(every_server, room, **{dialect: ids[1]}) as stream:
        assert stream.ready() == {"recovered": True, "cursor": ids[1], "rooms": [room]}
        ids.append(publish(every_server.url, room, 5))
        stream.wait(4)
        assert stream.ids == ids[2:]


@pytest.mark.parametrize(("stronger", "weaker"), list(pairwise(DIALECTS)))
def test_of_two_cursors_the_one_found_first_counts(any_server: Server, room: str, stronger: str, weaker: str) -> None:
    ids = [publish(any_server.url, room, number) for number in range(4)]
    with opened(any_server, room, **{stronger: ids[2], weaker: ids[0]}) as stream:
        assert stream.ready()["cursor"] == ids[2]
        stream.wait(1)
        assert stream.ids == ids[3:]


def test_an_empty_header_or_query_is_no_cursor(any_server: Server, room: str) -> None:
    ids = [publish(any_server.url, room, number) for number in range(3)]
    with EventReader(any_server.url, room, headers={"Last-Event-ID": ""}, lastEventId="", after=ids[0]) as stream:
        assert stream.ready()["cursor"] == ids[0]
        stream.wait(2)
        assert stream.ids == ids[1:]


def test_a_cursor_resumes_all_rooms_of_the_stream(every_server: Server, room: str) -> None:
    rooms = [f"{room}-{name}" for name in "abc"]
    ids = [publish(every_server.url, rooms[number % 3], number) for number in range(30)]
    with EventReader(every_server.url, *rooms, after=ids[9]) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(20)
        assert stream.ids == ids[10:]


def test_a_cursor_of_another_room_is_as_good(every_server: Server, room: str) -> None:
    before = publish(every_server.url, room, "before")
    cursor = publish(every_server.url, room + "-other", "elsewhere")
    after = publish(every_server.url, room, "after")
    with EventReader(every_server.url, room, after=cursor) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(1)
        assert stream.ids == [after]
        assert before not in stream.ids


def test_a_long_backlog_comes_whole_and_in_order(every_server: Server, room: str) -> None:
    first, *ids = [publish(every_server.url, room, number) for number in range(300)]
    with EventReader(every_server.url, room, after=first) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(299)
        assert stream.ids == ids


def test_history_gives_the_newest_messages_first_and_then_live_ones(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(10)]
    with EventReader(every_server.url, room, history=4) as stream:
        ready = stream.ready()
        assert ready["recovered"] is True
        ids.append(publish(every_server.url, room, 10))
        stream.wait(5)
        assert stream.ids == ids[6:]
    # The ready cursor stands right before the history: whoever resumes from it gets the same.
    with EventReader(every_server.url, room, after=ready["cursor"]) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(5)
        assert stream.ids == ids[6:]


def test_history_of_several_rooms_is_of_all_together(every_server: Server, room: str) -> None:
    rooms = [room + "-a", room + "-b"]
    ids = [publish(every_server.url, rooms[number % 2], number) for number in range(10)]
    with EventReader(every_server.url, *rooms, history=3) as stream:
        stream.wait(3)
        assert stream.ids == ids[7:]


def test_history_of_an_empty_room_is_nothing(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room, history=5) as stream:
        assert stream.ready()["recovered"] is True
        id_ = publish(every_server.url, room)
        stream.wait(1)
        assert stream.ids == [id_]


def test_a_cursor_makes_history_mean_nothing(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, room, number) for number in range(6)]
    with EventReader(every_server.url, room, history=5, after=ids[3]) as stream:
        assert stream.ready()["cursor"] == ids[3]
        stream.wait(2)
        assert stream.ids == ids[4:]


def test_history_is_capped_by_what_the_log_keeps(start: Starter, room: str) -> None:
    server = start(REALTIME_HISTORY_LENGTH="20")
    ids = [publish(server.url, room, number) for number in range(30)]
    with EventReader(server.url, room, history="1e300") as stream:
        stream.wait(20)
        assert stream.ids == ids[10:]


@pytest.mark.parametrize("cursor", NONSENSE)
def test_nonsense_from_a_client_library_opens_a_stream_that_is_not_recovered(
    every_server: Server, room: str, cursor: str
) -> None:
    publish(every_server.url, room, "old")
    for dialect in DIALECTS[:3]:
        with opened(every_server, room, **{dialect: cursor}) as stream:
            assert stream.status == 200
            assert stream.ready()["recovered"] is False
            goes_on_live(every_server, room, stream)


@pytest.mark.parametrize("cursor", NONSENSE)
def test_nonsense_in_after_is_refused(any_server: Server, room: str, cursor: str) -> None:
    answer = requests.get(any_server.url + events_target(room, after=cursor), timeout=10)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_value"


@pytest.mark.parametrize("cursor", ["1-0", "9999999999999-0", "18446744073709551615-18446744073709551615"])
def test_a_cursor_that_the_log_does_not_know_is_not_recovered(every_server: Server, room: str, cursor: str) -> None:
    publish(every_server.url, room, "old")
    with EventReader(every_server.url, room, after=cursor) as stream:
        assert stream.ready()["recovered"] is False
        goes_on_live(every_server, room, stream)


def test_a_cursor_of_a_server_that_was_restarted_empty_is_not_recovered(start: Starter, room: str) -> None:
    cursor = publish(start().url, room, "in the first server's memory")
    with EventReader(start().url, room, headers={"Last-Event-ID": cursor}) as stream:
        assert stream.ready()["recovered"] is False


def test_a_cursor_that_the_room_has_outgrown_is_not_recovered_and_gets_what_is_left(start: Starter, room: str) -> None:
    server = start(REALTIME_HISTORY_LENGTH="10")
    ids = [publish(server.url, room, number) for number in range(30)]
    with EventReader(server.url, room, after=ids[5]) as stream:
        assert stream.ready()["recovered"] is False
        stream.wait(10)
        assert stream.ids == ids[20:]
    with EventReader(server.url, room, after=ids[19]) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(10)
        assert stream.ids == ids[20:]


def test_control_events_move_no_cursor(any_server: Server, room: str) -> None:
    with EventReader(any_server.url, room, after=publish(any_server.url, room)) as stream:
        ready = stream.ready()
        assert stream.decoder.last_event_id == ""
        assert json.loads(stream.events[0].data) == ready
        assert stream.events[0].id == ""


def _order(id_: str) -> tuple[int, ...]:
    return tuple(map(int, id_.split("-")))
