"""Who is in a room, as values: put together, told, and read from a place that is not trusted."""

from __future__ import annotations

from typing import Any, cast

import pytest

from realtime.concurrency import Threads
from realtime.hub.attendance import LINGER, POLL_LINGER, Attendance
from realtime.hub.connection import Connection
from realtime.presence import EMPTY, MOST_LISTED, MOST_TOLD, NOBODY, About, Who, difference, merged, read, written

ANN, BEN = Who(None, "Ann"), Who("ben", None)


class Reader:
    """What attendance looks at of a connection."""

    counts, passing, grant = True, False, None

    def __init__(self, name: str | None = None, carrier: str = "sse") -> None:
        self.about = {"lobby": About(name, True)}
        self.carrier = carrier


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attendance(clock: Clock) -> Attendance:
    return Attendance(concurrency=Threads(), woken=lambda: None, clock=clock)


def move(attendance: Attendance, reader: Reader, *, here: bool) -> None:
    attendance.moved(cast(Connection, reader), "lobby", here)


def test_sheets_of_several_processes_add_up_but_for_long_polls() -> None:
    one = {ANN: {"sse": 1, "poll": 1}, NOBODY: {"websocket": 2}}
    two = {ANN: {"sse": 2, "poll": 1}, BEN: {"polling": 1}, NOBODY: {"sse": 1}}
    assert merged([one, two]).as_dict("lobby") == {
        "room": "lobby",
        "members": [
            {"user": "ben", "name": None, "connections": 1, "transports": ["polling"]},
            {"user": None, "name": "Ann", "connections": 4, "transports": ["poll", "sse"]},
        ],
        "viewers": 3,
        "total": 2,
    }


def test_of_very_many_some_are_listed_and_the_others_counted() -> None:
    crowd = {Who(None, f"n{number}"): {"sse": 1} for number in range(MOST_LISTED + 5)}
    answer = merged([crowd], unread=3).as_dict("lobby")
    assert (len(answer["members"]), answer["more"], answer["total"]) == (MOST_LISTED, 8, MOST_LISTED + 8)


def test_what_changed_is_told_once_and_numbers_only_where_it_is_full() -> None:
    before, after = merged([{ANN: {"sse": 1}}]), merged([{ANN: {"sse": 2}, BEN: {"sse": 1}}])
    told = difference("lobby", before, after)
    assert told is not None
    assert ([m["user"] for m in told["joined"]], [m["name"] for m in told["changed"]]) == (["ben"], ["Ann"])
    back = difference("lobby", after, before)
    assert back is not None and [m["user"] for m in back["left"]] == ["ben"]
    assert difference("lobby", after, after) is None
    full = merged([{NOBODY: {"sse": MOST_TOLD}, ANN: {"sse": 1}}])
    crowded = difference("lobby", EMPTY, full)
    assert crowded is not None and crowded["joined"] == [] and crowded["counted"] is True
    emptied = difference("lobby", full, before)
    assert emptied is not None and len(emptied["joined"]) == 1 and "counted" not in emptied


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("x", '{"sse":1}'),
        ('["ann"]', '{"sse":1}'),
        ('["", null]', '{"sse":1}'),
        ("[1, null]", '{"sse":1}'),
        ('[null, "a\\nb"]', '{"sse":1}'),
        ('[null, "Ann"]', '{"telepathy":1}'),
        ('[null, "Ann"]', '{"sse":-1}'),
        ('[null, "Ann"]', '{"sse":true}'),
        ('[null, "Ann"]', "[" * 5000),
        ('[null, "Ann"]', "{}"),
    ],
)
def test_what_others_wrote_into_the_roster_is_left_out(field: str, text: str) -> None:
    sheet: Any = {BEN: {"poll": 2}, NOBODY: {"websocket": 3}}
    assert read({**written(sheet), field: text}) == sheet


def test_who_goes_counts_a_moment_longer_and_who_comes_takes_that_place(attendance: Attendance, clock: Clock) -> None:
    first, second = Reader("Ann", "websocket"), Reader("Ann", "sse")
    move(attendance, first, here=True)
    assert attendance.take() == {"lobby"} and attendance.take() == set()
    move(attendance, first, here=False)
    assert attendance.sheet("lobby") == {ANN: {"websocket": 1}}
    move(attendance, second, here=True)
    assert attendance.sheet("lobby") == {ANN: {"sse": 1}}
    clock.now += LINGER
    attendance.take()
    assert attendance.sheet("lobby") == {ANN: {"sse": 1}}
    move(attendance, second, here=False)
    assert attendance.due() == pytest.approx(LINGER) and attendance.rooms == {"lobby"}
    clock.now += LINGER
    assert attendance.take() == {"lobby"}
    assert (attendance.sheet("lobby"), attendance.rooms, attendance.due()) == ({}, set(), None)


def test_two_pollers_behind_one_address_are_two(attendance: Attendance, clock: Clock) -> None:
    for here in (True, True, False, False, True, True):
        attendance.polling("lobby", NOBODY, "address", here)
    assert attendance.sheet("lobby") == {NOBODY: {"poll": 2}}
    attendance.polling("lobby", NOBODY, "address", False)
    clock.now += POLL_LINGER
    attendance.take()
    assert attendance.sheet("lobby") == {NOBODY: {"poll": 1}}


def test_another_name_or_transport_is_noticed(attendance: Attendance) -> None:
    reader = Reader(None, "polling")
    move(attendance, reader, here=True)
    assert attendance.sheet("lobby") == {NOBODY: {"polling": 1}}
    reader.about, reader.carrier = {"lobby": About("Ann", True)}, "websocket"
    attendance.look_again()
    assert attendance.sheet("lobby") == {ANN: {"websocket": 1}} and attendance.size("lobby") == 1
