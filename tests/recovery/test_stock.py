"""The stock client comes back: ``socket.recovered``, its id, its rooms, what it missed. On every server and bus."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.processes import eventually

from .client import StockClient
from .deployment import Deployment

KINDS = ["gevent-memory", "threads-memory", "gevent-redis", "threads-redis"]

Stock = Callable[..., StockClient]


@pytest.fixture(params=KINDS)
def deployment(deployed: Callable[..., Deployment], request: pytest.FixtureRequest) -> Deployment:
    return deployed(request.param)


def test_a_client_that_comes_back_has_its_id_its_rooms_and_what_it_missed(
    deployment: Deployment, stock: Stock, room: str
) -> None:
    client = stock(deployment.url)
    client.join(room)
    client.tell(["emit", "enter", f"{room}/by-the-application"])
    deployment.publish(room, 1)
    client.wait_data([1])
    deployment.cut()
    deployment.publish(room, 2)
    deployment.publish(f"{room}/by-the-application", 3)
    deployment.publish(room, 4)
    assert client.wait_connected(2) == (client.connections[0].sid, True)
    client.wait_data([1, 2, 3, 4])
    deployment.publish(f"{room}/by-the-application", 5)
    deployment.publish(room, 6)
    client.wait_data([1, 2, 3, 4, 5, 6])


def test_it_also_does_when_it_has_received_nothing_yet(deployment: Deployment, stock: Stock, room: str) -> None:
    deployment.publish(room, "before its time")
    client = stock(deployment.url)
    client.join(room)
    deployment.cut()
    deployment.publish(room, 1, 2)
    assert client.wait_connected(2).recovered
    client.wait_data([1, 2])


def test_it_does_so_again_and_again(deployment: Deployment, stock: Stock, room: str) -> None:
    client = stock(deployment.url)
    client.join(room)
    for turn in range(4):
        deployment.cut()
        if turn != 2:  # Once with nothing missed at all.
            deployment.publish(room, turn)
        assert client.wait_connected(turn + 2) == (client.connections[0].sid, True)
    client.wait_data([0, 1, 3])


def test_what_handlers_kept_of_it_is_there_again(deployment: Deployment, stock: Stock) -> None:
    client = stock(deployment.url)
    client.call("remember", "colour", {"of": ["the", "sky"]})
    deployment.cut()
    assert client.wait_connected(2).recovered
    found = client.call("recall")
    assert found["sid"] == client.connections[0].sid
    assert found["session"]["colour"] == found["kept"]["colour"] == {"of": ["the", "sky"]}
    client.call("remember", "colour", None)
    deployment.cut()
    assert client.wait_connected(3).recovered
    assert client.call("recall")["session"]["colour"] is None


def test_handlers_are_told_that_it_came_back(deployment: Deployment, stock: Stock) -> None:
    client = stock(deployment.url)
    eventually(lambda: client.got("hello"), what="its greeting")
    deployment.cut()
    sid = client.wait_connected(2).sid
    eventually(lambda: len(client.got("hello")) == 2, what="its second greeting")
    assert client.got("hello") == [[{"recovered": False, "sid": sid}], [{"recovered": True, "sid": sid}]]


def test_what_a_room_got_after_it_was_left_is_not_sent(deployment: Deployment, stock: Stock, room: str) -> None:
    client = stock(deployment.url)
    client.join(f"{room}/left")
    client.join(room)
    deployment.publish(f"{room}/left", "while it was in")
    client.wait_data(["while it was in"])
    assert client.call("leave", {"room": f"{room}/left"}) == {"ok": True}
    deployment.cut()
    deployment.publish(f"{room}/left", "stale")
    deployment.publish(room, "wanted")
    assert client.wait_connected(2).recovered
    client.wait_data(["while it was in", "wanted"])
    deployment.publish(f"{room}/left", "stale, too")
    deployment.publish(room, "last")
    client.wait_data(["while it was in", "wanted", "last"])


def test_what_a_room_got_before_it_was_joined_is_not_sent(deployment: Deployment, stock: Stock, room: str) -> None:
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, "seen")
    client.wait_data(["seen"])
    deployment.publish(f"{room}/later", "before it came")
    client.join(f"{room}/later")
    deployment.cut()
    deployment.publish(f"{room}/later", "missed")
    assert client.wait_connected(2).recovered
    client.wait_data(["seen", "missed"])


def test_older_messages_of_a_room_do_not_send_the_clients_place_back(
    deployment: Deployment, stock: Stock, room: str
) -> None:
    deployment.publish(f"{room}/old", "a", "b", "c")
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, 1, 2)
    client.wait_data([1, 2])
    client.join(f"{room}/old", history=2)
    client.wait_data([1, 2, "b", "c"])  # Its offset is now an id from before 1 and 2.
    deployment.cut()
    deployment.publish(room, 3)
    assert client.wait_connected(2).recovered
    client.wait_data([1, 2, "b", "c", 3])


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"]], ids="+".join)
def test_clients_that_poll_come_back_too(
    deployment: Deployment, stock: Stock, room: str, transports: list[str]
) -> None:
    client = stock(deployment.url, transports=transports)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    client.tell(["drop"])
    assert client.wait_connected(2) == (client.connections[0].sid, True)
    deployment.publish(room, 2)
    client.wait_data([1, 2])


def test_who_takes_its_leave_is_forgotten(deployment: Deployment, stock: Stock, room: str) -> None:
    client = stock(deployment.url)
    client.join(room)
    client.tell(["leave"])
    # The next connection is another one: it could overtake the goodbye.
    eventually(lambda: deployment.get(f"/left/{client.connections[0].sid}").ok, what="that it is gone")
    client.tell(["connect"])
    second = client.wait_connected(2)
    assert not second.recovered
    assert second.sid != client.connections[0].sid


def test_what_was_transient_moves_no_offset(deployment: Deployment, stock: Stock, room: str) -> None:
    client = stock(deployment.url)
    client.join(room)
    deployment.publish(room, 1)
    client.wait_data([1])
    typing = {"room": room, "event": "typing", "data": "1790000000000-0", "transient": True}
    assert client.call("publish", typing) == {"ok": True}
    eventually(lambda: client.got("typing"), what="the transient message")
    deployment.cut()
    deployment.publish(room, 2)
    assert client.wait_connected(2).recovered
    client.wait_data([1, 2])
    assert client.got("typing") == [["1790000000000-0", None]]
