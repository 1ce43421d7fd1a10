"""The roster's contract: what ``bus/roster.py`` promises, run over every bus."""

from __future__ import annotations

import pytest

from realtime.bus.base import Bus
from realtime.bus.roster import Page, Roster
from tests.support.processes import eventually

LONG = 60.0
SHORT = 0.2


@pytest.fixture
def roster(bus: Bus) -> Roster:
    return bus.roster


def pages(roster: Roster, room: str, *, most: int = 100) -> dict[str, Page]:
    return roster.read([room], most=most)[room]


def test_all_read_what_each_process_wrote_of_a_room(roster: Roster) -> None:
    assert roster.renew("one", LONG) is False and roster.renew("two", LONG) is False
    roster.write("one", {"lobby": {"é:\n": "1", "b": "2"}, "a:b/c": {"x": "3"}})
    roster.write("two", {"lobby": {"b": "4"}})
    assert pages(roster, "lobby") == {"one": Page({"é:\n": "1", "b": "2"}, 2), "two": Page({"b": "4"}, 1)}
    assert roster.read(["a:b/c", "none"], most=9) == {"a:b/c": {"one": Page({"x": "3"}, 1)}, "none": {}}
    roster.write("one", {"lobby": {"b": None, "c": "5"}, "a:b/c": None})
    assert pages(roster, "lobby")["one"] == Page({"é:\n": "1", "c": "5"}, 2)
    assert pages(roster, "a:b/c") == {}
    roster.write("two", {"lobby": {"b": None, "never": None}})
    assert set(pages(roster, "lobby")) == {"one"}


def test_what_is_written_anew_replaces_what_was_there(roster: Roster) -> None:
    roster.renew("one", LONG)
    roster.write("one", {"lobby": {"a": "1"}, "hall": {"a": "1"}, "yard": {"a": "1"}})
    roster.rewrite("one", {"lobby": {"b": "2"}, "hall": {}})
    found = roster.read(["lobby", "hall", "yard"], most=9)
    assert found == {"lobby": {"one": Page({"b": "2"}, 1)}, "hall": {}, "yard": {"one": Page({"a": "1"}, 1)}}


def test_of_a_full_room_only_a_part_is_read_and_its_size(roster: Roster) -> None:
    roster.renew("one", LONG)
    roster.write("one", {"lobby": {f"{number}" + "x" * 80: "1" for number in range(2000)}})
    page = pages(roster, "lobby", most=50)["one"]
    assert page.size == 2000 and 50 <= len(page.fields) < 500


def test_whose_lease_is_over_is_read_no_more_and_buried_once(roster: Roster) -> None:
    roster.renew("gone", SHORT)
    roster.renew("here", LONG)
    roster.write("gone", {"lobby": {"a": "1"}, "hall": {"a": "1"}})
    roster.write("here", {"lobby": {"b": "1"}})
    assert roster.over() == {} and roster.bury("gone", ["lobby"]) is False
    eventually(lambda: set(pages(roster, "lobby")) == {"here"}, what="the lease being over")
    (found,) = roster.over().items()
    assert (found[0], sorted(found[1])) == ("gone", ["hall", "lobby"])
    assert roster.bury("gone", found[1]) is True and roster.bury("gone", found[1]) is False
    assert roster.over() == {} and roster.renew("gone", LONG) is False
    assert pages(roster, "hall") == {} and set(pages(roster, "lobby")) == {"here"}


def test_a_lease_is_held_by_renewing_it_also_where_that_is_late(roster: Roster) -> None:
    roster.renew("one", SHORT)
    roster.write("one", {"lobby": {"a": "1"}})
    eventually(roster.over, what="the lease being over")
    assert roster.renew("one", LONG) is True
    assert roster.over() == {} and roster.bury("one", ["lobby"]) is False
    assert pages(roster, "lobby") == {"one": Page({"a": "1"}, 1)}


def test_the_roster_is_no_room_and_no_message(bus: Bus, roster: Roster) -> None:
    roster.renew("one", LONG)
    roster.write("one", {"lobby": {"a": "1"}})
    assert bus.rooms(limit=9) == []
