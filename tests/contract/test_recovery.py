"""What ``recovered`` says, on every bus: false exactly when something is gone or the cursor is not of this log."""

from __future__ import annotations

import pytest

from realtime.bus.base import Bus
from realtime.bus.replay import LogState, RoomSlice
from realtime.message import START, Position
from tests.support.processes import eventually

from .conftest import MakeBus
from .test_bus import put


def recovered(bus: Bus, after: Position, *rooms: str) -> bool:
    return bus.replay(rooms or ("lobby",), after, limit=100_000).recovered


def test_every_cursor_of_the_log_is_known_whichever_room_it_is_of(bus: Bus) -> None:
    ids = [put(bus, number, f"room-{number % 3}") for number in range(12)]
    for cursor in ids:
        assert recovered(bus, cursor, "room-0") and recovered(bus, cursor, "room-1", "room-2")


def test_the_beginning_of_an_untrimmed_log_is_known(bus: Bus) -> None:
    put(bus, 1)
    assert recovered(bus, START)


def test_the_end_that_an_empty_bus_gives_is_known(bus: Bus) -> None:
    end = bus.latest(["lobby"], limit=1).cursor
    assert end > START or recovered(bus, end)
    put(bus, 1)
    replay = bus.replay(["lobby"], end, limit=9)
    assert replay.recovered and len(replay.messages) == 1


@pytest.mark.parametrize("offset", [(1, 0), (10**6, 0), (0, 1), (0, 10**6)])
def test_a_cursor_from_the_future_is_not_known(bus: Bus, offset: tuple[int, int]) -> None:
    last = put(bus, 1)
    replay = bus.replay(["lobby"], Position(last.ms + offset[0], last.n + offset[1]), limit=9)
    assert not replay.recovered
    assert replay.messages == () and replay.cursor == last


def test_a_cursor_from_before_the_log_was_born_is_not_known(bus: Bus) -> None:
    last = put(bus, 1)
    assert not recovered(bus, Position(last.ms - 10**6, 0))


def test_a_cursor_between_two_messages_that_no_message_had_is_not_known(bus: Bus) -> None:
    first = put(bus, 1)
    eventually(lambda: put(bus, 2).ms > first.ms + 1)
    assert not recovered(bus, Position(first.ms, first.n + 500))


def test_a_room_trimmed_past_the_cursor_says_so_and_returns_what_is_left(make_bus: MakeBus) -> None:
    bus = make_bus(history_length=100)
    start = put(bus, "start", "elsewhere")
    ids = [put(bus, number) for number in range(1000)]
    replay = bus.replay(["lobby"], start, limit=1000)
    assert not replay.recovered
    data = [message.data for message in replay.messages]
    assert data == list(range(data[0], 1000)) and 100 <= len(data) < 1000
    kept = ids[data[0]]
    assert recovered(bus, kept)
    assert recovered(bus, ids[data[0] - 1]), "nothing after this one is gone"
    assert not recovered(bus, ids[data[0] - 2])


def test_a_quiet_room_is_complete_however_much_other_rooms_were_trimmed(make_bus: MakeBus) -> None:
    bus = make_bus(history_length=100, log_length=100)
    start = put(bus, "start", "quiet")
    for number in range(1000):
        put(bus, number, "busy")
    assert recovered(bus, start, "quiet")
    assert not recovered(bus, start, "busy") and not recovered(bus, start, "quiet", "busy")


def test_a_cursor_that_the_whole_log_has_trimmed_is_judged_by_the_rooms(make_bus: MakeBus) -> None:
    bus = make_bus(log_length=100)
    ids = [put(bus, number) for number in range(600)]
    replay = bus.replay(["lobby"], ids[5], limit=1000)
    assert replay.recovered and [message.data for message in replay.messages] == list(range(6, 600))


def test_an_idle_rooms_messages_expire_and_a_cursor_from_before_says_so(make_bus: MakeBus) -> None:
    bus = make_bus(history_ttl=0.2)
    first = put(bus, 1)
    last = put(bus, 2)
    eventually(lambda: not bus.latest(["lobby"], limit=9).messages)
    assert not recovered(bus, first), "the second message is gone"
    assert recovered(bus, last), "nothing was published after it"
    put(bus, 3)
    assert not recovered(bus, first) and recovered(bus, last)


def test_a_room_that_never_had_a_message_is_complete(bus: Bus) -> None:
    cursor = put(bus, 1)
    assert recovered(bus, cursor, "never")


def test_a_room_that_was_forgotten_altogether_is_judged_by_time() -> None:
    state = LogState(Position(1000, 0), Position(9000, 0), Position(5000, 0), False, 6000)
    forgotten = RoomSlice((), None)
    assert state.complete(forgotten, Position(7000, 0)), "it had nothing after 6000, or it would be known"
    assert not state.complete(forgotten, Position(5500, 0)), "nobody can tell: so it is told"
    young = LogState(Position(7000, 0), Position(9000, 0), Position(7000, 0), False, 6000)
    assert young.complete(forgotten, Position(5000, 0)), "a log younger than that has forgotten no room"
