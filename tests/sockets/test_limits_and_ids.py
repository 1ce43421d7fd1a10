"""What one connection may have, and whether its events carry ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.clients import SocketClient
from tests.support.processes import Server, running, start_gevent, start_threads
from tests.support.publishing import publish
from tests.support.streams import EventReader

Connect = Callable[..., SocketClient]


@pytest.fixture(scope="module", params=[start_gevent, start_threads])
def strict(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with narrow limits."""
    server: Server = request.param(REALTIME_MAX_ROOMS_PER_CONNECTION="3", REALTIME_MAX_MESSAGE_BYTES="64")
    with running(server):
        yield server


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """Either transport."""
    return str(request.param)


def test_a_connection_may_be_in_so_many_rooms_and_no_more(
    strict: Server, connect: Connect, transport: str, room: str
) -> None:
    client, other = connect(strict.url, transport), connect(strict.url)
    for number in range(3):
        client.join(f"{room}-{number}")
    for more in ({}, {"history": 5}, {"after": "0-0"}):
        answer = client.ask("join", {"room": f"{room}-3", **more})
        assert answer["ok"] is False
        assert answer["error"]["code"] == "invalid_value"
        assert "3 rooms" in answer["error"]["message"]
    publish(strict.url, f"{room}-3", "not for it")
    client.join(f"{room}-1")
    other.join(f"{room}-3")
    assert client.ask("leave", {"room": f"{room}-0"})["ok"]
    client.join(f"{room}-3", history=1)
    assert [one.data for one in client.wait(1)] == ["not for it"]


def test_the_largest_message_is_a_setting(strict: Server, connect: Connect, transport: str, room: str) -> None:
    client = connect(strict.url, transport)
    client.publish(room, "x" * 62)
    answer = client.ask("publish", {"room": room, "data": "x" * 63})
    assert answer["error"] == {
        "code": "too_large",
        "message": "the data is 65 bytes as JSON; at most 64 are allowed",
    }


def test_a_connection_that_asks_for_it_gets_events_without_ids(
    any_server: Server, connect: Connect, transport: str, room: str
) -> None:
    plain = connect(any_server.url, transport, auth={"ids": False})
    usual = connect(any_server.url, transport, auth={"ids": True})
    start = publish(any_server.url, room, 0)
    with EventReader(any_server.url, room, after=start) as stream:
        plain.join(room, history=1)
        usual.join(room, history=1)
        ids = [start, publish(any_server.url, room, {"n": 1}), plain.publish(room, 2, event="n")]
        assert [one.args for one in plain.wait(3)] == [[0], [{"n": 1}], [2]]
        assert [one.args for one in usual.wait(3)] == [[0, ids[0]], [{"n": 1}, ids[1]], [2, ids[2]]]
        stream.wait(2)
        assert stream.ids == ids[1:]


@pytest.mark.parametrize("auth", [None, {}, {"ids": None}, {"ids": 0}, {"ids": "false"}])
def test_any_other_auth_leaves_ids_in(any_server: Server, connect: Connect, room: str, auth: object) -> None:
    client = connect(any_server.url, auth=auth)
    client.join(room)
    id_ = client.publish(room, 1)
    assert client.wait(1)[0].args == [1, id_]


def test_a_server_can_leave_ids_out_for_everybody(connect: Connect, transport: str, room: str) -> None:
    server = start_gevent(REALTIME_EVENT_IDS="no")
    with running(server), EventReader(server.url, room) as stream:
        stream.ready()
        client = connect(server.url, transport, auth={"ids": True})
        client.join(room)
        id_ = client.publish(room, 1)
        assert client.wait(1)[0].args == [1]
        assert [one.id for one in stream.wait(1)] == [id_]
        client.close()
