"""Redis goes away under connected Socket.IO clients and comes back: what is refused, and that nothing is missing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import publish

from .deployment import Deployment, inside, step

Connect = Callable[..., SocketClient]

APP = "tests.apps.rooms_app"


@pytest.fixture(params=[start_gevent, start_threads])
def start(request: pytest.FixtureRequest, own_redis: Redis) -> Iterator[Callable[[], Server]]:
    """Start servers on a Redis of the test's own."""
    servers = []
    env = {"REALTIME_BUS_URL": own_redis.url, "REALTIME_PUBLISH_TIMEOUT": "0.5"}

    def one() -> Server:
        server: Server = request.param(APP, **env, REALTIME_NAMESPACE="outage")
        servers.append(server)
        return server

    yield one
    with running(*servers):
        pass


def is_ready(server: Server) -> bool:
    """Whether the server follows its bus."""
    return requests.get(f"{server.url}/readyz", timeout=10).status_code == 200


def test_what_cannot_be_done_is_refused_in_bounded_time_and_works_again_on_the_same_connection(
    start: Callable[[], Server], own_redis: Redis, connect: Connect, room: str
) -> None:
    server = start()
    client = connect(server.url)
    client.join(room)
    ids = [client.publish(room, 0)]
    own_redis.kill()
    key = secrets.token_hex(4)
    for event, request in (
        ("publish", {"room": room, "data": 1, "key": key}),
        ("join", {"room": f"{room}-2", "after": ids[0]}),
        ("join", {"room": f"{room}-2", "history": 1}),
    ):
        started = time.monotonic()
        answer = client.ask(event, request)
        assert (answer["ok"], answer["error"]["code"]) == (False, "bus_unavailable"), answer
        assert time.monotonic() - started < 3
    own_redis.start()
    eventually(lambda: is_ready(server), what="the server to be ready again")
    ids.append(client.publish(room, 1, key=key))
    client.join(f"{room}-2", history=1)
    ids.append(publish(server.url, f"{room}-2", 2))
    assert [one.id for one in client.wait(3)] == ids


def test_an_emit_during_an_outage_raises_where_it_is_made_and_harms_no_handler(
    start: Callable[[], Server], own_redis: Redis, connect: Connect, room: str
) -> None:
    server = start()
    client = connect(server.url)
    client.join(room)
    deployment = Deployment(server)
    deployment.ok(step("emit", "n", 1, to=room))
    client.wait(1)
    own_redis.kill()
    refused = deployment.do(step("emit", "n", 2, to=room), step("emit", "n", 3))
    assert [one.split(":")[0] for one in refused] == ["BusUnavailable", "BusUnavailable"]
    # What concerns a client of this process alone needs no bus.
    started = time.monotonic()
    assert inside(client, step("emit", "private", 4), step("rooms"), step("leave_room", room))[0] is None
    assert time.monotonic() - started < 5
    assert [one.data for one in client.wait(2)] == [1, 4]


def test_clients_get_what_was_published_elsewhere_while_their_server_could_not_follow(
    start: Callable[[], Server], own_redis: Redis, connect: Connect, room: str
) -> None:
    first, second = start(), start()
    clients = [connect(first.url), connect(second.url), connect(second.url, "polling")]
    for client in clients:
        client.join(room)
    ids = [publish(first.url, room, "before")]
    for number in range(2):
        own_redis.kill()
        eventually(lambda: not is_ready(first) and not is_ready(second), what="the outage")
        own_redis.start()
        eventually(lambda: is_ready(first), what="one of them")
        ids += [publish(first.url, room, [number, more]) for more in range(20)]
    for client in clients:
        client.wait(len(ids))
        assert client.ids == ids


def test_a_server_that_starts_before_redis_serves_its_clients_once_redis_is_there(
    start: Callable[[], Server], own_redis: Redis, connect: Connect, room: str
) -> None:
    own_redis.kill()
    early = start()
    client = connect(early.url)
    # An application's own handler: it asks the bus for nothing.
    assert inside(client, step("join_room", room)) == [None]
    assert client.ask("join", {"room": room})["error"]["code"] == "bus_unavailable"
    own_redis.start()
    late = start()
    ids: list[str] = []

    def heard() -> bool:
        ids.append(publish(late.url, room, len(ids)))
        return bool(client.events)

    eventually(heard, what="the early server's client to hear")
    client.wait_for_data("message", len(ids) - 1)
    assert client.ids == ids[-len(client.ids) :]
