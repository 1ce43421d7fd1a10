"""Notes on every bus: small values that all processes see, for a while or for good."""

from __future__ import annotations

import threading

from realtime.bus.base import Bus
from tests.support.processes import eventually


def test_a_note_is_kept_until_it_is_replaced(bus: Bus) -> None:
    assert bus.noted(["a", "b"]) == [None, None]
    assert bus.note("a", "1")
    assert bus.note("a", "é2")
    assert bus.noted(["b", "a"]) == [None, "é2"]


def test_a_note_ends_with_its_time(bus: Bus) -> None:
    assert bus.note("a", "1", ttl=0.2)
    assert bus.noted(["a"]) == ["1"]
    eventually(lambda: bus.noted(["a"]) == [None], within=2)
    assert bus.note("a", "2", once=True)


def test_a_note_is_removed_once(bus: Bus) -> None:
    assert not bus.unnote("a")
    bus.note("a", "1")
    assert bus.unnote("a")
    assert not bus.unnote("a")
    assert bus.noted(["a"]) == [None]


def test_of_several_that_note_once_one_does(bus: Bus) -> None:
    did: list[bool] = []
    tries = [threading.Thread(target=lambda: did.append(bus.note("a", "1", ttl=60, once=True))) for _ in range(8)]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert sorted(did) == [False] * 7 + [True]


def test_several_notes_are_kept_at_once_and_replace_what_was_there(bus: Bus) -> None:
    bus.note("a", "before")
    bus.note_all({"a": "1", "b": "é2"}, ttl=60)
    assert bus.noted(["a", "b", "c"]) == ["1", "é2", None]
    assert bus.unnote("b")
    bus.note_all({}, ttl=60)
    assert bus.noted(["a", "b"]) == ["1", None]


def test_several_notes_end_with_their_time_and_not_before(bus: Bus) -> None:
    bus.note("kept", "0")
    bus.note_all({"a": "1", "b": "2"}, ttl=0.2)
    assert bus.noted(["a", "b"]) == ["1", "2"]
    eventually(lambda: bus.noted(["a", "b"]) == [None, None], within=2)
    assert bus.noted(["kept"]) == ["0"]


def test_many_notes_are_kept_at_once(bus: Bus) -> None:
    notes = {f"n{number}": str(number) for number in range(2000)}
    bus.note_all(notes, ttl=60)
    assert bus.noted(list(notes)) == list(notes.values())
