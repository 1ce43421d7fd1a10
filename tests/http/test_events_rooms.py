"""Which rooms a stream of ``/events`` may name, and what a stream of several rooms looks like."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import requests

from tests.support.processes import Server
from tests.support.publishing import publish
from tests.support.raw import events_target
from tests.support.streams import EventReader

MARKS = ["team/alpha", "a//b", "/", "//a/", "user@example.org", "urn:room:7", "a.b_c-d", "..", "a/../b", "@41"]
SCRIPTS = ["Grüße", "комната", "部屋", "غرفة", "कमरा", "room٣"]
GOOD = ["a", "x" * 128, *MARKS, *SCRIPTS]

OTHER_MARKS = [" ", "a b", "a?b", "a#b", "a&b", "a+b", "a~", "*", "{a}", "½", "\N{GRINNING FACE}"]
INVISIBLE = ["a\nb", "a\0", "a\u2028", "\ufeffa", "a\u200b"]
BAD = ["", "x" * 129, *OTHER_MARKS, *INVISIBLE]


def test_several_rooms_come_in_one_order_that_every_subscriber_sees(every_server: Server, room: str) -> None:
    rooms = [f"{room}-{name}" for name in "abc"]
    with EventReader(every_server.url, *rooms) as one, EventReader(every_server.url, *reversed(rooms)) as other:
        assert one.ready()["rooms"] == rooms
        assert other.ready()["rooms"] == rooms[::-1]
        ids = [publish(every_server.url, rooms[number % 3], number) for number in range(60)]
        one.wait(60), other.wait(60)
        assert one.ids == other.ids == ids
        assert one.data == other.data == list(range(60))


def test_a_stream_gets_nothing_of_other_rooms(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room) as stream:
        stream.ready()
        for other in (room + "-", room[:-1], room.upper(), "/" + room):
            publish(every_server.url, other, "not for you")
        last = publish(every_server.url, room, "for you")
        stream.wait(1)
        assert stream.ids == [last]


def test_a_room_named_twice_is_read_once(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room, room) as stream:
        assert stream.ready()["rooms"] == [room]
        ids = [publish(every_server.url, room) for _ in range(3)]
        stream.wait(3)
        assert stream.ids == ids


@pytest.mark.parametrize("name", GOOD)
def test_names_of_any_script_and_the_allowed_marks_work(any_server: Server, name: str) -> None:
    with EventReader(any_server.url, name) as stream:
        assert stream.ready()["rooms"] == [name]
        id_ = publish(any_server.url, name, name)
        stream.wait(1)
        assert (stream.ids, stream.data) == ([id_], [name])


@pytest.mark.parametrize("name", BAD)
def test_other_names_are_refused_before_the_stream_begins(any_server: Server, room: str, name: str) -> None:
    answer = requests.get(any_server.url + events_target(room, name), timeout=10)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_value"
    assert "room" in error["message"]


def test_a_name_that_is_no_utf8_is_refused(any_server: Server) -> None:
    answer = requests.get(any_server.url + "/events?room=%ff%fe", timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")


def test_a_stream_needs_a_room(any_server: Server) -> None:
    answer = requests.get(any_server.url + "/events", timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")
    assert "?room=" in answer.json()["error"]["message"]


def test_as_many_rooms_as_allowed_work_and_one_more_is_refused(any_server: Server, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(64)]
    with EventReader(any_server.url, *rooms, *rooms) as stream:
        assert stream.ready()["rooms"] == rooms
        id_ = publish(any_server.url, rooms[63])
        stream.wait(1)
        assert stream.ids == [id_]
    answer = requests.get(any_server.url + events_target(*rooms, room), timeout=10)
    assert answer.status_code == 422
    assert "64" in answer.json()["error"]["message"]


def test_only_get_is_allowed(any_server: Server, room: str) -> None:
    answer = requests.post(any_server.url + "/events?room=" + quote(room), json={}, timeout=10)
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]
