"""``publish``: what is acknowledged is in the log, what is wrong is said, a key makes trying again safe."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Server
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

from .deployment import Deployment

Connect = Callable[..., SocketClient]

pytestmark = pytest.mark.parametrize("transport", ["websocket", "polling"])


@pytest.fixture
def client(any_server: Server, connect: Connect, transport: str) -> SocketClient:
    """A client over the transport under test."""
    return connect(any_server.url, transport)


def error(client: SocketClient, request: Any) -> dict[str, Any]:
    """The error with which a publish was refused."""
    answer = client.ask("publish", request)
    assert answer["ok"] is False, request
    assert set(answer) == {"ok", "error"}
    result: dict[str, Any] = answer["error"]
    assert set(result) == {"code", "message"}
    return result


def history(server: Server, room: str) -> list[dict[str, Any]]:
    """What the room's log holds."""
    messages: list[dict[str, Any]] = requests.get(server.url + path(room), timeout=10).json()["messages"]
    return messages


def test_what_is_acknowledged_is_in_the_log_and_reaches_sse_with_the_same_id(
    any_server: Server, client: SocketClient, room: str
) -> None:
    values = [{"text": "hé\u2028\U0001f600"}, [1, None, [True]], "", 0, 1.5, None, False, {"_placeholder": False}]
    with EventReader(any_server.url, room) as stream:
        stream.ready()
        ids = [client.publish(room, value) for value in values]
        assert stream.wait(len(values))
        assert stream.data == values
        assert stream.ids == ids
    assert [(one["id"], one["event"], one["data"]) for one in history(any_server, room)] == [
        (id_, "message", value) for id_, value in zip(ids, values, strict=True)
    ]


def test_one_need_not_be_in_a_room_to_publish_into_it(
    any_server: Server, connect: Connect, client: SocketClient, room: str
) -> None:
    member = connect(any_server.url)
    member.join(room)
    id_ = client.publish(room, 1, event="n")
    assert [(one.event, one.args) for one in member.wait(1)] == [("n", [1, id_])]
    assert client.events == []


def test_a_publisher_gets_its_own_message_in_the_one_order(any_server: Server, client: SocketClient, room: str) -> None:
    client.join(room)
    ids = []
    for number in range(5):
        ids += [client.publish(room, number), publish(any_server.url, room, number)]
    client.wait(10)
    assert client.ids == ids == sorted(ids, key=lambda one: tuple(map(int, one.split("-"))))


def test_missing_data_is_refused_but_none_is_data(client: SocketClient, room: str) -> None:
    assert error(client, {"room": room}) == {"code": "invalid_value", "message": "publish needs data"}
    assert client.publish(room, None)


def test_a_bad_event_name_is_refused(any_server: Server, client: SocketClient, room: str) -> None:
    for name in ("", "x" * 65, "a\n", "\0", None, 5, ["a"], True, "\u2028", "realtime.ready", "realtime."):
        assert error(client, {"room": room, "data": 1, "event": name})["code"] == "invalid_value", name
    for name in ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"):
        assert error(client, {"room": room, "data": 1, "event": name})["code"] == "invalid_value", name
    client.publish(room, 1, event="x" * 64)
    client.publish(room, 1, event="join")
    assert [one["event"] for one in history(any_server, room)] == ["x" * 64, "join"]


def test_a_bad_key_is_refused(any_server: Server, client: SocketClient, room: str) -> None:
    for key in ("", "x" * 129, 5, True, [], {}, "a\n"):
        assert error(client, {"room": room, "data": 1, "key": key})["code"] == "invalid_value", key
    assert history(any_server, room) == []


def test_data_without_a_json_form_is_refused(any_server: Server, client: SocketClient, room: str) -> None:
    for value in (math.nan, [math.inf], {"a": -math.inf}, b"\0", {"a": [b"\0"]}, "\ud800"):
        assert error(client, {"room": room, "data": value})["code"] == "invalid_value", value
    # Written by hand, as no honest client would: Python's parser takes these words for numbers.
    client.emit("publish", {"room": room, "data": "placeholder"})
    for word in ("NaN", "Infinity", "-Infinity", "1e999"):
        text = json.dumps(["publish", {"room": room, "data": "@"}]).replace('"@"', word)
        client.wire.send(f"2{text}")
    last = client.publish(room, "last")
    client.join(room, history=10)
    assert [one.data for one in client.wait(2)] == ["placeholder", "last"]
    assert client.ids[-1] == last


def test_data_that_is_too_large_is_refused_and_the_connection_stands(
    any_server: Server, client: SocketClient, room: str
) -> None:
    largest = "x" * (64 * 1024 - 2)
    assert error(client, {"room": room, "data": f"{largest}x"})["code"] == "too_large"
    assert error(client, {"room": room, "data": "é" * 32_900})["code"] == "too_large"
    client.join(room)
    client.publish(room, largest)
    assert client.wait(1)[0].data == largest
    # Every character escaped on the way in: six times as long in the packet, as large as allowed in the log.
    client.publish(room, "é" * (32 * 1024 - 1))
    assert client.wait(2)[1].data == "é" * (32 * 1024 - 1)


def test_the_same_key_is_the_same_message_delivered_once(
    any_server: Server, connect: Connect, client: SocketClient, room: str
) -> None:
    client.join(room)
    other = connect(any_server.url)
    with EventReader(any_server.url, room) as stream:
        stream.ready()
        first = client.publish(room, {"n": 1}, key="k")
        assert client.publish(room, {"n": 1}, key="k") == first
        assert other.publish(room, {"n": 1}, key="k") == first
        again = requests.post(any_server.url + path(room), json={"data": {"n": 1}, "key": "k"}, timeout=10)
        assert (again.status_code, again.json()) == (200, {"id": first})
        last = client.publish(room, 2)
        assert [one.id for one in client.wait(2)] == [one.id for one in stream.wait(2)] == [first, last]


def test_a_key_with_other_content_is_a_conflict_and_in_another_room_another_key(
    any_server: Server, client: SocketClient, room: str
) -> None:
    first = client.publish(room, 1, key="k")
    for other in ({"data": 2}, {"data": 1, "event": "other"}, {"data": "1"}):
        assert error(client, {"room": room, "key": "k", **other})["code"] == "key_conflict"
    assert client.publish(f"{room}-2", 2, key="k") != first
    assert [one["data"] for one in history(any_server, room)] == [1]


def test_a_publish_that_asks_for_no_acknowledgement_is_published(
    any_server: Server, connect: Connect, client: SocketClient, room: str
) -> None:
    member = connect(any_server.url)
    member.join(room)
    client.emit("publish", {"room": room, "data": 1})
    assert [one.data for one in member.wait(1)] == [1]


def test_what_a_client_published_right_before_it_left_is_published(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    member, client = connect(deployment.there), connect(deployment.here, transport)
    member.join(room)
    for number in range(20):
        client.emit("publish", {"room": room, "data": number})
    client.disconnect()
    assert [one.data for one in member.wait(20)] == list(range(20))


def test_unknown_members_of_a_request_are_ignored(client: SocketClient, room: str) -> None:
    assert client.publish(room, 1, id="1-1", rooms=["other"], skip=["x"])
    assert client.join(room, whatever=1)["ok"]
