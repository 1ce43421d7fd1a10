"""The bus contract: what ``bus/base.py`` promises, run over every bus."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from realtime.bus.base import Bus, Outcome, Published
from realtime.errors import InvalidValue, KeyConflict
from realtime.message import START, Message, Position
from tests.support.processes import eventually

from .conftest import MakeBus, Recorder


def put(bus: Bus, data: object, room: str | list[str] = "lobby", **options: Any) -> Position:
    """Publish and return the id."""
    return bus.publish(Message.new(room, data, **options)).id


def test_ids_rise_over_all_rooms(bus: Bus) -> None:
    ids = [put(bus, number, f"room-{number % 3}") for number in range(30)]
    assert ids == sorted(set(ids))


def test_what_is_published_is_delivered_once_in_order_with_everything_it_said(bus: Bus, recorder: Recorder) -> None:
    first = put(bus, {"a": "é🙂\u2028"}, event="news", skip=["x~"])
    second = put(bus, [1, 2], ["lobby", "hall"], spread=True)
    recorder.wait(2)
    one, two = recorder.messages
    assert (one.id, one.rooms, one.event, one.data, one.skip) == (
        first, ("lobby",), "news", {"a": "é🙂\u2028"}, frozenset(["x~"])
    )  # fmt: skip
    assert (two.id, two.rooms, two.data, two.spread) == (second, ("lobby", "hall"), [1, 2], True)


def test_publishers_in_several_threads_are_delivered_in_the_order_of_the_ids(bus: Bus, recorder: Recorder) -> None:
    def publish(who: int) -> None:
        for number in range(200):
            put(bus, [who, number], f"room-{who % 2}")

    threads = [threading.Thread(target=publish, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = recorder.wait(800)
    assert len(data) == 800
    assert recorder.order == sorted(set(recorder.order))
    for who in range(4):
        assert [number for one, number in data if one == who] == list(range(200))


def test_a_publish_from_within_a_delivery_comes_after_it(bus: Bus, recorder: Recorder) -> None:
    recorder.on_deliver = lambda message: put(bus, "echo") and None if message.data == "call" else None
    put(bus, "call")
    assert recorder.wait(2) == ["call", "echo"]
    assert recorder.order == sorted(recorder.order)


def test_a_batch_ends_with_a_flush(bus: Bus, recorder: Recorder) -> None:
    put(bus, 1)
    recorder.wait(1)
    assert eventually(lambda: recorder.flushes)


def test_a_relayed_payload_arrives_in_the_order_of_the_log_and_is_not_history(bus: Bus, recorder: Recorder) -> None:
    before = put(bus, 1)
    bus.relay({"method": "x", "arguments": [1, None, "é"]})
    after = put(bus, 2)
    recorder.wait(2)
    assert recorder.controls == [{"method": "x", "arguments": [1, None, "é"]}]
    assert recorder.order[0] == before and recorder.order[2] == after and recorder.order == sorted(recorder.order)
    assert [message.data for message in bus.replay(["lobby"], START, limit=9).messages] == [1, 2]
    with pytest.raises(InvalidValue):
        bus.relay({"not json": {1, 2}})


def test_a_transient_message_has_its_place_in_the_order_and_is_kept_nowhere(bus: Bus, recorder: Recorder) -> None:
    before = put(bus, 1)
    typing = put(bus, {"who": "é"}, ["lobby", "hall"], event="typing", skip=["x~"], transient=True)
    after = put(bus, 2)
    assert recorder.wait(3) == [1, {"who": "é"}, 2]
    assert recorder.order == [before, typing, after] and not recorder.gaps
    one = recorder.messages[1]
    assert (one.transient, one.event, one.rooms, one.skip) == (True, "typing", ("lobby", "hall"), frozenset(["x~"]))
    assert [message.transient for message in recorder.messages] == [False, True, False]
    replay = bus.replay(["lobby", "hall"], before, limit=9)
    assert [message.data for message in replay.messages] == [2] and replay.recovered
    assert bus.replay(["lobby"], typing, limit=9).recovered
    assert [message.data for message in bus.latest(["lobby"], limit=9).messages] == [1, 2]
    assert [room.name for room in bus.rooms(limit=9)] == ["lobby"]


def test_a_transient_message_has_no_key_and_is_said_to_be_transient_in_so_many_words(bus: Bus) -> None:
    with pytest.raises(InvalidValue, match="no key"):
        put(bus, 1, key="k", transient=True)
    with pytest.raises(InvalidValue, match="true or false"):
        put(bus, 1, transient="yes")


def test_the_same_key_is_the_same_message(bus: Bus, recorder: Recorder) -> None:
    first = bus.publish(Message.new("lobby", {"a": 1}, key="k"))
    again = bus.publish(Message.new("lobby", {"a": 1}, key="k"))
    assert (again.id, first.duplicate, again.duplicate) == (first.id, False, True)
    put(bus, "end")
    assert recorder.wait(2) == [{"a": 1}, "end"]


def test_the_same_key_for_other_content_is_a_conflict_and_nothing_is_published(bus: Bus) -> None:
    put(bus, 1, key="k")
    for data, event in ((2, "message"), (1, "other")):
        with pytest.raises(KeyConflict, match="a key stands for one message"):
            put(bus, data, key="k", event=event)
    assert [message.data for message in bus.replay(["lobby"], START, limit=9).messages] == [1]


def test_several_messages_are_published_in_their_order_each_with_its_own_answer(bus: Bus, recorder: Recorder) -> None:
    known = put(bus, 1, key="k")
    messages = [Message.new("lobby", number, key="k" if number in (1, 2) else None) for number in range(4)]
    first, same, conflict, last = bus.publish_many(messages)
    assert isinstance(first, Published) and isinstance(last, Published)
    assert same == Published(known, True) and isinstance(conflict, KeyConflict)
    assert known < first.id < last.id and not first.duplicate
    assert recorder.wait(3) == [1, 0, 3]
    assert bus.publish_many([]) == []


def test_what_is_published_without_waiting_gets_its_ids_in_that_order(bus: Bus, recorder: Recorder) -> None:
    told: list[Outcome] = []
    for number in range(300):
        bus.publish_soon(Message.new("lobby", number, key="k" if number in (7, 8) else None), told.append)
    assert recorder.wait(299) == [number for number in range(300) if number != 8]
    eventually(lambda: len(told) == 300, what="every answer")
    assert isinstance(told.pop(8), KeyConflict)
    assert [one.id for one in told if isinstance(one, Published)] == recorder.order


def test_a_publisher_that_fails_when_it_is_told_harms_nobody(bus: Bus, recorder: Recorder) -> None:
    told: list[Outcome] = []

    def fail(_outcome: Outcome) -> None:
        raise RuntimeError("a fault of the publisher's")

    bus.publish_soon(Message.new("lobby", 0), fail)
    bus.publish_soon(Message.new("lobby", 1), told.append)
    assert recorder.wait(2) == [0, 1]
    eventually(lambda: told)
    assert put(bus, 2) > recorder.order[1]


def test_one_message_that_cannot_be_delivered_costs_neither_its_publisher_nor_the_others(
    bus: Bus, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: Message) -> None:
        if message.data == "bad":
            raise RuntimeError("a fault of the receiver's")

    recorder.on_deliver = fail
    outcomes = bus.publish_many([Message.new("lobby", data) for data in (1, "bad", 2)])
    assert all(isinstance(one, Published) for one in outcomes)
    assert put(bus, 3) > START
    assert recorder.wait(4) == [1, "bad", 2, 3]
    eventually(lambda: recorder.flushes)
    assert "a fault of the receiver's" in caplog.text


def test_the_same_key_in_another_room_is_another_message(bus: Bus) -> None:
    assert put(bus, 1, "lobby", key="k") != put(bus, 1, "hall", key="k")


def test_a_key_is_about_what_was_said_where_another_message_stands_for_it(bus: Bus, recorder: Recorder) -> None:
    def stamped(data: object, room: str, stamp: int) -> Message:
        return Message.new("stamped", [data, stamp]).standing_for(Message.new(room, data, key="k"))

    first = bus.publish(stamped("a", "lobby", 1))
    assert bus.publish(stamped("a", "lobby", 2)) == (first.id, True)
    with pytest.raises(KeyConflict):
        bus.publish(stamped("b", "lobby", 1))
    other = bus.publish(stamped("a", "hall", 3))
    assert not other.duplicate
    assert recorder.wait(2) == [["a", 1], ["a", 3]]
    assert [one.rooms for one in bus.latest(["stamped"], limit=9).messages] == [("stamped",)] * 2


def test_a_key_is_forgotten_after_its_lifetime(make_bus: MakeBus) -> None:
    bus = make_bus(key_ttl=0.05)
    first = put(bus, 1, key="k")
    assert eventually(lambda: put(bus, 1, key="k") != first)


def test_replay_returns_what_came_after_a_cursor_in_order(bus: Bus) -> None:
    ids = [put(bus, number, f"room-{number % 2}") for number in range(10)]
    replay = bus.replay(["room-0", "room-1"], ids[3], limit=100)
    assert [message.data for message in replay.messages] == [4, 5, 6, 7, 8, 9]
    assert (replay.recovered, replay.more, replay.start, replay.cursor) == (True, False, ids[3], ids[9])
    only = bus.replay(["room-1"], ids[3], limit=100)
    assert [message.data for message in only.messages] == [5, 7, 9]
    assert only.recovered


def test_replay_stops_at_the_end_it_is_given(bus: Bus) -> None:
    ids = [put(bus, number) for number in range(5)]
    replay = bus.replay(["lobby"], ids[0], upto=ids[3], limit=9)
    assert [message.data for message in replay.messages] == [1, 2, 3]
    assert replay.cursor == ids[3]


def test_what_is_after_the_end_is_not_missing(bus: Bus) -> None:
    ids = [put(bus, number) for number in range(5)]
    behind = bus.replay(["lobby"], ids[1], upto=ids[1], limit=9)
    assert behind.recovered and behind.messages == () and behind.cursor == ids[1]


def test_a_replay_in_slices_is_the_same_as_one_in_one_piece(bus: Bus) -> None:
    start = put(bus, "start")
    for number in range(25):
        put(bus, number, f"room-{number % 3}")
    rooms = [f"room-{number}" for number in range(3)]
    cursor, found, more = start, [], True
    while more:
        replay = bus.replay(rooms, cursor, limit=7)
        assert replay.recovered
        found += [message.data for message in replay.messages]
        cursor, more = replay.cursor, replay.more
    assert found == list(range(25))


def test_a_message_of_several_rooms_is_replayed_once(bus: Bus) -> None:
    start = put(bus, 0, ["a", "b", "c"])
    put(bus, 1, ["a", "b"])
    put(bus, 2, ["b", "c"])
    assert [message.data for message in bus.replay(["a", "b", "c"], start, limit=9).messages] == [1, 2]
    assert [message.data for message in bus.replay(["c"], start, limit=9).messages] == [2]
    assert [message.data for message in bus.latest(["c", "a", "b"], limit=9).messages] == [0, 1, 2]


def test_the_latest_messages_come_oldest_first_and_one_can_page_back_to_the_beginning(bus: Bus) -> None:
    for number in range(10):
        put(bus, number, f"room-{number % 2}")
    rooms = ["room-0", "room-1"]
    page = bus.latest(rooms, limit=4)
    assert [message.data for message in page.messages] == [6, 7, 8, 9] and page.more
    page = bus.latest(rooms, before=page.messages[0].id, limit=4)
    assert [message.data for message in page.messages] == [2, 3, 4, 5] and page.more
    page = bus.latest(rooms, before=page.messages[0].id, limit=4)
    assert [message.data for message in page.messages] == [0, 1] and not page.more
    assert bus.latest(rooms, before=page.messages[0].id, limit=4).messages == ()
    assert bus.latest(rooms, limit=0).messages == ()


def test_what_follows_the_start_of_the_latest_are_the_latest(bus: Bus) -> None:
    for number in range(10):
        put(bus, number)
    latest = bus.latest(["lobby"], limit=3)
    assert bus.replay(["lobby"], latest.start, limit=9).messages == latest.messages
    assert bus.latest(["empty"], limit=3).start == latest.cursor


def test_the_cursor_of_an_empty_read_is_the_end_of_the_log(bus: Bus) -> None:
    end = put(bus, 1, "elsewhere")
    for replay in (bus.latest(["lobby"], limit=5), bus.replay(["lobby"], START, limit=5)):
        assert replay.messages == () and replay.cursor == end


def test_a_process_is_only_told_of_rooms_that_it_wants(bus: Bus, recorder: Recorder) -> None:
    recorder.wanted = lambda rooms: "lobby" in rooms
    put(bus, 1, "elsewhere")
    last = put(bus, 2, "lobby")
    eventually(lambda: recorder.order and recorder.order[-1] == last)
    assert 2 in [message.data for message in recorder.messages]


def test_nothing_is_delivered_after_stop(bus: Bus, recorder: Recorder) -> None:
    put(bus, 1)
    recorder.wait(1)
    bus.stop()
    bus.stop()
    assert len(recorder.messages) == 1


def test_starting_tells_the_receiver_where_it_starts(bus: Bus) -> None:
    put(bus, "before")
    recorder = Recorder()
    position = bus.start(recorder)
    assert recorder.skipped == [position] == [bus.latest(["lobby"], limit=1).messages[0].id]
    after = put(bus, "after")
    assert recorder.wait(1) == ["after"] and after > position


def test_a_bus_that_is_there_answers_a_ping(bus: Bus) -> None:
    assert bus.ping() is None  # type: ignore[func-returns-value]


def test_rooms_that_hold_messages_are_listed_the_most_recently_used_first(bus: Bus) -> None:
    assert bus.rooms(limit=10) == []
    put(bus, 1, "a")
    put(bus, 2, ["b", "c:d/é"])
    newest = put(bus, 3, "a")
    found = bus.rooms(limit=10)
    assert found[0] == ("a", newest, 2)
    assert {(name, messages) for name, _, messages in found[1:]} == {("b", 1), ("c:d/é", 1)}
    assert bus.rooms(limit=1) == found[:1]
    bus.relay({"kept": "for no room"})
    assert len(bus.rooms(limit=10)) == 3


def test_a_room_whose_messages_have_expired_is_not_listed(make_bus: MakeBus) -> None:
    bus = make_bus(history_ttl=0.05)
    put(bus, 1, "short")
    eventually(lambda: bus.rooms(limit=10) == [], what="the end of the room's messages")
