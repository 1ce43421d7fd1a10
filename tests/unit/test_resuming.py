"""What is left of a connection's line: checked against a line that is written out message by message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.hub.resuming import Join, Stretch, rest
from realtime.message import Position

Log = list[tuple[int, str]]
ROOMS = ("a", "b", "c")
LAST = 12


def at(number: int) -> Position:
    return Position(number, 0)


def join(start: int, upto: int) -> Join:
    return Join(at(start), at(upto), True)


def line(log: Log, joins: Mapping[str, Join]) -> Iterator[tuple[int, str]]:
    """What a connection gets, in this order: live, but for the past of a room where it asked for that."""
    rooms: set[str] = set()
    reached = 0
    for room, one in sorted(joins.items(), key=lambda item: item[1].upto):
        yield from [(number, name) for number, name in log if name in rooms and reached < number <= one.upto.ms]
        yield from [(number, name) for number, name in log if name == room and one.start.ms < number <= one.upto.ms]
        rooms.add(room)
        reached = one.upto.ms
    yield from [(number, name) for number, name in log if name in rooms and number > reached]


def read(log: Log, stretches: list[Stretch]) -> Log:
    """What the log has in these stretches."""
    found: Log = []
    for rooms, after, upto in stretches:
        end = LAST + 1 if upto is None else upto.ms
        found += [(number, room) for number, room in log if room in rooms and after.ms < number <= end]
    return found


def left(log: Log, joins: Mapping[str, Join], offset: int | None) -> Log:
    seen = None if offset is None else at(offset)
    return read(log, rest(joins, seen, holds=lambda room, one: (one.ms, room) in log))


@st.composite
def connections(draw: st.DrawFn) -> tuple[Log, dict[str, Join]]:
    """A log, each of whose messages is in one room, and how a connection came into some of the rooms."""
    rooms = draw(st.lists(st.sampled_from(ROOMS), min_size=LAST, max_size=LAST))
    log = [(number + 1, room) for number, room in enumerate(rooms)]
    uptos = st.lists(st.integers(0, LAST), min_size=1, max_size=3)
    joins = {}
    for room, upto in zip(ROOMS, draw(uptos), strict=False):
        joins[room] = join(draw(st.integers(0, upto)), upto)
    return log, joins


@given(connections())
def test_after_any_message_of_the_line_the_rest_lacks_nothing_and_repeats_nothing(
    connection: tuple[Log, dict[str, Join]],
) -> None:
    log, joins = connection
    whole = list(line(log, joins))
    assert left(log, joins, None) == whole
    for place, (number, _) in enumerate(whole):
        assert left(log, joins, number) == whole[place + 1 :], number


@given(connections())
def test_the_last_stretch_is_all_rooms_without_an_end(connection: tuple[Log, dict[str, Join]]) -> None:
    log, joins = connection
    for offset in (None, *range(1, LAST + 1)):
        seen = None if offset is None else at(offset)
        *others, last = rest(joins, seen, holds=lambda room, one: (one.ms, room) in log)
        assert set(last.rooms) == set(joins) and last.upto is None
        assert all(one.upto is not None and one.after < one.upto for one in others)


def test_who_is_in_no_room_misses_nothing() -> None:
    assert rest({}, None, holds=lambda _room, _at: False) == []
    assert rest({}, at(3), holds=lambda _room, _at: False) == []


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (None, [(3, "b"), (1, "a"), (2, "a"), (4, "a"), (5, "b")]),
        (3, [(1, "a"), (2, "a"), (4, "a"), (5, "b")]),
        (1, [(2, "a"), (4, "a"), (5, "b")]),
        (2, [(4, "a"), (5, "b")]),
        (5, []),
    ],
)
def test_the_past_of_a_room_comes_behind_what_was_live_before_it(offset: int | None, expected: Log) -> None:
    # In room b from 2 on; then, at 3, in room a with all of its past: an offset of 1 is further along than one of 3.
    log = [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")]
    joins = {"b": join(2, 2), "a": join(0, 3)}
    assert left(log, joins, offset) == expected
