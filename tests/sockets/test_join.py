"""``join`` and ``leave``: the acknowledgement, what comes before it, what comes after it, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.clients import ACK, SocketClient
from tests.support.processes import Server

Connect = Callable[..., SocketClient]

pytestmark = pytest.mark.parametrize("transport", ["websocket", "polling"])


def test_a_joined_client_gets_events_with_the_id_as_the_last_argument(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    answer = client.ask("join", {"room": room})
    assert answer == {"ok": True, "recovered": True, "cursor": answer["cursor"]}
    first = client.publish(room, {"text": "hi"})
    second = client.publish(room, None, event="typing")
    assert [(one.event, one.args) for one in client.wait(2)] == [
        ("message", [{"text": "hi"}, first]),
        ("typing", [None, second]),
    ]
    assert answer["cursor"] < first < second


def test_what_was_missed_comes_before_the_acknowledgement_and_what_is_new_after_it(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    publisher, client = connect(any_server.url), connect(any_server.url, transport)
    ids = [publisher.publish(room, number) for number in range(100)]
    answer = client.join(room, after=ids[9])
    assert answer == {"ok": True, "recovered": True, "cursor": ids[-1]}
    assert [one.event for one in client.got] == ["message"] * 90 + [ACK]
    assert client.ids == ids[10:]
    ids.append(publisher.publish(room, 100))
    client.wait(91)
    assert client.ids == ids[10:]


def test_nothing_missed_is_a_recovered_join_with_nothing_before_it(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    publisher, client = connect(any_server.url), connect(any_server.url, transport)
    last = publisher.publish(room, 1)
    assert client.join(room, after=last) == {"ok": True, "recovered": True, "cursor": last}
    assert client.events == []


def test_history_is_the_newest_messages_oldest_first(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    publisher = connect(any_server.url)
    ids = [publisher.publish(room, number) for number in range(5)]
    for asked, given in ((0, 0), (3, 3), (12, 5), (10**9, 5)):
        client = connect(any_server.url, transport)
        assert client.join(room, history=asked) == {"ok": True, "recovered": True, "cursor": ids[-1]}
        assert client.ids == ids[5 - given :]
        assert [one.event for one in client.got] == ["message"] * given + [ACK]


def test_a_cursor_wins_over_history(any_server: Server, connect: Connect, transport: str, room: str) -> None:
    publisher, client = connect(any_server.url), connect(any_server.url, transport)
    ids = [publisher.publish(room, number) for number in range(5)]
    client.join(room, after=ids[2], history=1)
    assert client.ids == ids[3:]


def test_a_cursor_that_is_not_of_this_log_is_not_recovered_but_joined(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    client.publish(room, "old")
    future, past = "99999999999999-0", "1-0"
    for number, cursor in enumerate((past, "1790000000000-77", future, "18446744073709551615-18446744073709551615")):
        answer = client.join(room, after=cursor)
        assert answer["recovered"] is False, cursor
        client.publish(room, number)
        client.wait_for_data("message", number)


def test_the_start_of_the_log_is_a_cursor_for_everything(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    ids = [client.publish(room, number) for number in range(3)]
    assert client.join(room, after="0-0")["recovered"] is True
    assert client.ids == ids


def test_joining_again_with_a_cursor_repeats_what_came_after_it(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    client.join(room)
    ids = [client.publish(room, number) for number in range(3)]
    client.wait(3)
    client.join(room, after=ids[0])
    assert client.ids == [*ids, *ids[1:]]
    ids.append(client.publish(room, 3))
    client.wait(6)
    assert client.ids[-1] == ids[3]
    assert len(client.events) == 6


def test_leaving_stops_the_rooms_events_and_no_others(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    client.join(room)
    client.join(f"{room}-2")
    client.publish(room, 1)
    assert client.ask("leave", {"room": room}) == {"ok": True}
    assert client.ask("leave", {"room": room}) == {"ok": True}
    client.publish(room, 2)
    client.publish(f"{room}-2", 3)
    assert [one.data for one in client.wait(2)] == [1, 3]


def refused(client: SocketClient, event: str, *arguments: Any) -> str:
    """The message with which an event was refused as an invalid value."""
    answer = client.ask(event, *arguments)
    assert answer["ok"] is False, (event, arguments)
    assert answer["error"]["code"] == "invalid_value", (event, arguments)
    return str(answer["error"]["message"])


def test_a_bad_room_name_is_refused_with_the_rule(any_server: Server, connect: Connect, transport: str) -> None:
    client = connect(any_server.url, transport)
    for name in (None, "", "a b", "x" * 129, "a\n", "*", 5, ["a"], {"a": 1}, True, "\ud800"):
        for event in ("join", "leave", "publish"):
            assert "1-128 letters and digits" in refused(client, event, {"room": name, "data": 1})


def test_anything_but_one_object_is_refused(any_server: Server, connect: Connect, transport: str) -> None:
    client = connect(any_server.url, transport)
    for arguments in ([], ["lobby"], [None], [1], [["lobby"]], [{"room": "lobby"}, "extra"], [b"\0"]):
        for event in ("join", "leave", "publish"):
            assert refused(client, event, *arguments) == f"{event} takes one object"


def test_a_bad_cursor_or_history_is_refused_and_nothing_is_joined(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    for after in ("", "x", "1", "1-", "-1-0", "01-0", 5, True, [], "18446744073709551616-0", "1-0 ", b"1-0"):
        assert "not an id" in refused(client, "join", {"room": room, "after": after})
    for history in (-1, 1.5, "3", True, [], math.inf, b"3"):
        assert "history is a whole number" in refused(client, "join", {"room": room, "history": history})
    client.publish(room, "not for it")
    client.join(f"{room}-2")
    client.publish(f"{room}-2", "for it")
    assert [one.data for one in client.wait(1)] == ["for it"]


def test_another_clients_session_is_no_room(any_server: Server, connect: Connect, transport: str) -> None:
    victim, thief = connect(any_server.url), connect(any_server.url, transport)
    for event in ("join", "publish", "leave"):
        for name in (victim.sid, victim.wire.opening["sid"]):
            assert thief.ask(event, {"room": name, "data": 1})["error"]["code"] == "invalid_value"
    assert victim.events == []


def test_a_join_that_asks_for_no_acknowledgement_is_a_join(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    ids = [client.publish(room, number) for number in range(3)]
    client.emit("join", {"room": room, "after": ids[0]})
    client.wait(2)
    ids.append(client.publish(room, 3))
    client.wait(3)
    assert client.ids == ids[1:]


def test_many_joins_at_once_are_each_answered_after_their_own_history(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(any_server.url, transport)
    rooms = [f"{room}-{number}" for number in range(12)]
    for name in rooms:
        client.publish(name, name)
    client.got.clear()
    for number, name in enumerate(rooms):
        client.emit("join", {"room": name, "history": 1}, number=1000 + number)
    client.wait(12)
    for name in rooms:
        client.publish(name, f"{name} live")
    client.wait(24)
    for number, name in enumerate(rooms):
        story = [one for one in client.got if one.number == 1000 + number or (one.event != ACK and one.data == name)]
        assert [one.event for one in story] == ["message", ACK], story
    assert sorted(one.data for one in client.events[12:]) == sorted(f"{name} live" for name in rooms)
