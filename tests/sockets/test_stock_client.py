"""python-socketio's own client, as anybody would use it, over each way to connect that it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest
import socketio

from tests.support.processes import Server, eventually
from tests.support.publishing import publish
from tests.support.streams import EventReader

Dial = Callable[[], socketio.Client]

WAYS = {"upgrade": None, "websocket": ["websocket"], "polling": ["polling"]}


@pytest.fixture(params=WAYS)
def dial(request: pytest.FixtureRequest, any_server: Server) -> Iterator[Dial]:
    """Connect clients in one of the ways; they are disconnected at the end."""
    clients = []

    def connect() -> socketio.Client:
        client = socketio.Client(reconnection=False)
        clients.append(client)
        client.connect(any_server.url, transports=WAYS[request.param], wait_timeout=10)
        return client

    def leave(client: socketio.Client) -> None:
        client.disconnect()
        if client.eio.http is not None:
            client.eio.http.close()

    yield connect
    # Over WebSocket its own close takes up to three seconds: two of its threads read the server's answer, and the one
    # that waits for it may not be the one that gets it.
    with ThreadPoolExecutor() as pool:
        list(pool.map(leave, clients))


def kept(client: socketio.Client) -> list[tuple[Any, ...]]:
    """Every message from now on."""
    got: list[tuple[Any, ...]] = []
    client.on("message", lambda *arguments: got.append(arguments))
    return got


def test_it_gets_the_same_event_data_and_id_as_a_stream(any_server: Server, dial: Dial, room: str) -> None:
    first, second = dial(), dial()
    of_first, of_second = kept(first), kept(second)
    with EventReader(any_server.url, room) as stream:
        stream.ready()
        for client in (first, second):
            assert client.call("join", {"room": room}, timeout=10)["ok"]
        ids = [publish(any_server.url, room, {"text": "hé"})]
        eventually(lambda: len(of_first) == len(of_second) == 1, what="the first message")
        ids.append(first.call("publish", {"room": room, "data": [1, None]}, timeout=10)["id"])
        eventually(lambda: len(of_first) == len(of_second) == 2, what="the second message")
        assert of_first == of_second == [({"text": "hé"}, ids[0]), ([1, None], ids[1])]
        assert [one.id for one in stream.wait(2)] == ids
    refused = first.call("join", {"room": "no room"}, timeout=10)
    assert (refused["ok"], refused["error"]["code"]) == (False, "invalid_value")


def test_it_comes_back_to_what_it_missed(any_server: Server, dial: Dial, room: str) -> None:
    client = dial()
    got = kept(client)
    client.call("join", {"room": room}, timeout=10)
    last = publish(any_server.url, room, 0)
    eventually(lambda: got, what="the first message")
    client.disconnect()
    missed = [publish(any_server.url, room, number) for number in range(1, 5)]
    again = dial()
    got = kept(again)
    # One packet each, so that its one thread per packet cannot mix them up before the answer.
    answer = again.call("join", {"room": room, "after": last}, timeout=10)
    assert answer == {"ok": True, "recovered": True, "cursor": missed[-1]}
    eventually(lambda: len(got) == 4, what="what was missed")
    assert sorted(got) == list(zip(range(1, 5), missed, strict=True))


def test_many_of_them_publishing_at_once_are_all_answered(any_server: Server, dial: Dial, room: str) -> None:
    clients = [dial() for _ in range(4)]
    ids: list[list[str]] = [[] for _ in clients]

    def work(client: socketio.Client, mine: list[str]) -> None:
        mine += (client.call("publish", {"room": room, "data": number}, timeout=20)["id"] for number in range(25))

    with EventReader(any_server.url, room) as stream:
        stream.ready()
        threads = [threading.Thread(target=work, args=pair) for pair in zip(clients, ids, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream.wait(100)
        assert sorted(stream.ids) == sorted(chain.from_iterable(ids))
        for mine in ids:
            assert [one for one in stream.ids if one in set(mine)] == mine
