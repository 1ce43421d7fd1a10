"""Clients that nobody here wrote get the whole contract: ids, named events, one order, and nothing lost or doubled.

What an application has to do for it is in ``clients.py``, in a line or two for each.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from realtime import Publisher
from tests.support.processes import Redis, Server, eventually, free_port, running, start_gevent, start_threads
from tests.support.proxy import Proxy
from tests.support.publishing import Flood, publish

from .clients import READY, Client, Heard, PythonSocket
from .conftest import NAMES, Start

SAYS = {
    "native": ["\r\nLast-Event-ID: "],
    "event-source-polyfill": ["&lastEventId="],
    "eventsource-polyfill": ["&evs_buffer_size_limit=262144", "\r\nX-Requested-With: XMLHttpRequest"],
}
"""In which words a client asks for what it has missed, or for what else it needs."""


@pytest.fixture(scope="module", params=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    start = start_gevent if request.param == "gevent" else start_threads
    settings = {"REALTIME_HISTORY_LENGTH": "20000", "REALTIME_LOG_LENGTH": "20000"}
    server = start(REALTIME_RETRY="0.1", REALTIME_HEARTBEAT="1", **settings)
    with running(server):
        yield server


def messages(client: Client) -> list[Heard]:
    return [one for one in client.heard() if not one.event.startswith("realtime.")]


def greetings(client: Client) -> list[Heard]:
    return [one for one in client.heard() if one.event == READY]


def wait_for(client: Client, count: int, *, name: str = "") -> None:
    eventually(lambda: len(messages(client)) >= count, within=40, what=f"{count} messages {name}")


@pytest.mark.parametrize("name", NAMES)
def test_it_gets_what_is_published_under_its_name_with_its_id_in_one_order(
    server: Server, start: Start, room: str, name: str
) -> None:
    client = start(name, server.url, room)
    eventually(lambda: greetings(client), within=20, what="the first word")
    assert greetings(client)[0].data["recovered"] is True
    said = [("message", {"text": "a\u2028b \N{GRINNING FACE}"}), ("shipped", 7), ("message", [None]), ("shipped", "x")]
    ids = [publish(server.url, room, data, event=event) for event, data in said]
    wait_for(client, len(said))
    assert messages(client) == [Heard(event, id_, data) for id_, (event, data) in zip(ids, said, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_cut_and_comes_back_with_nothing_lost_or_doubled(
    server: Server, start: Start, room: str, name: str
) -> None:
    with Proxy(server.port) as proxy:
        client = start(name, proxy.url, room)
        eventually(lambda: greetings(client), within=20, what="the first word")
        with Flood(server.url, room, pause=0.05) as flood:
            wait_for(client, 10)
            for count in (2, 3):
                # A client that polls may have no request under way for a moment, or lose one that said nothing yet.
                eventually(proxy.cut, what="a connection to cut")
                if "polling" not in name:
                    eventually(lambda count=count: len(greetings(client)) >= count, within=20, what="back again")
                wait_for(client, len(flood.ids) + 20)
        wait_for(client, len(flood.ids))
        heard = messages(client)
        assert all(any(word in head for head in proxy.heads) for word in SAYS.get(name, ()))
    assert [one.id for one in heard] == flood.ids
    assert [one.data for one in heard] == list(range(len(heard)))
    assert all(one.data["recovered"] for one in greetings(client))


def test_a_python_client_that_polls_takes_any_number_of_missed_messages(server: Server, room: str) -> None:
    # Its library refuses an answer with more than 16.
    ids = [publish(server.url, room, number) for number in range(60)]
    client = PythonSocket(server.url, room, ["polling"], after=ids[0])
    try:
        wait_for(client, 59)
        assert [one.id for one in messages(client)] == ids[1:]
        eventually(lambda: greetings(client), what="the answer to join, which a thread of its own hands on")
        assert len(greetings(client)) == 1, "over one connection"
    finally:
        client.end()


def test_amvteks_polyfill_reads_more_than_its_buffer_may_hold(server: Server, start: Start, room: str) -> None:
    client = start("eventsource-polyfill", server.url, room)
    eventually(lambda: greetings(client), within=20, what="the first word")
    ids = [publish(server.url, room, "x" * 50_000) for _ in range(12)]
    wait_for(client, len(ids))
    assert [one.id for one in messages(client)] == ids
    assert len(greetings(client)) >= 3, "each response ended before it was too large"


def test_all_of_them_come_back_to_a_server_that_was_stopped_and_to_one_that_was_killed(
    shared_redis: Redis, namespace: str, start: Start, room: str
) -> None:
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace, "PORT": str(free_port())}
    env["REALTIME_HEARTBEAT"] = "1"
    server = start_gevent(**env, REALTIME_RETRY="0.1", REALTIME_RESTART_WINDOW="0.2")
    try:
        clients = {name: start(name, server.url, room) for name in NAMES}
        with Publisher(shared_redis.url, namespace=namespace) as publisher:
            ids = []
            for times, number in enumerate((signal.SIGTERM, signal.SIGKILL), start=1):
                for name, client in clients.items():
                    eventually(lambda client=client, times=times: len(greetings(client)) >= times, within=20, what=name)
                ids += [publisher.publish(room, "before") for _ in range(3)]
                for name, client in clients.items():
                    wait_for(client, len(ids), name=name)
                server.signal(number)
                server.popen.wait(15)
                ids += [publisher.publish(room, "away") for _ in range(3)]
                server.stop()
                server = start_gevent(**env)
                ids += [publisher.publish(room, "back") for _ in range(3)]
        for name, client in clients.items():
            wait_for(client, len(ids), name=name)
        assert {name: [one.id for one in messages(client)] for name, client in clients.items()} == dict.fromkeys(
            NAMES, ids
        )
    finally:
        server.stop()
