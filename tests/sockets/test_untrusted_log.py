"""What one process asks of the others travels through a shared place. Whatever else lies there is left out, with a
word in the log, and delivery goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime.bus.open import open_bus
from realtime.concurrency import Threads
from realtime.config import Settings
from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import publish

Connect = Callable[..., SocketClient]

EMIT: dict[str, Any] = {
    "method": "emit",
    "event": "bad",
    "namespace": "/",
    "room": None,
    "skip": [],
    "callback": None,
    "data": [],
    "attachments": [],
}

WRONG: list[dict[str, Any]] = [
    {},
    {"method": None},
    {"method": ["emit"]},
    {"method": "eval", "code": "1"},
    {"method": "_leave"},
    *({key: value for key, value in EMIT.items() if key != left_out} for left_out in EMIT if left_out != "method"),
    EMIT | {"room": {"a": 1}},
    EMIT | {"room": [["nested"]]},
    EMIT | {"room": []},
    EMIT | {"data": 5},
    EMIT | {"skip": 5},
    EMIT | {"attachments": 5},
    EMIT | {"attachments": ["!"]},
    EMIT | {"attachments": ["AAAA"], "data": [{"_placeholder": True, "num": 7}]},
    EMIT | {"attachments": ["AAAA"], "data": [{"_placeholder": True, "num": "x"}]},
    EMIT | {"callback": 5, "room": "x"},
    EMIT | {"callback": ["a", "b"], "room": "x"},
    EMIT | {"callback": ["a", 1, 2], "room": "x"},
    {"method": "disconnect"},
    {"method": "disconnect", "sid": ["x"], "namespace": {}},
    {"method": "enter_room", "sid": None, "namespace": "/", "room": "x"},
    {"method": "enter_room", "sid": "nobody~", "namespace": "/"},
    {"method": "leave_room", "sid": "nobody~", "namespace": "/", "room": {}},
    {"method": "close_room", "namespace": "/"},
    {"method": "close_room", "namespace": "/", "room": {"a": 1}},
    {"method": "close_room", "namespace": "/", "room": None},
    {"method": "answer", "owner": 5},
    {"method": "answer", "owner": "x", "room": [], "number": "x", "data": 5, "attachments": []},
]


@pytest.fixture(params=[start_gevent, start_threads])
def server(request: pytest.FixtureRequest, shared_redis: Redis, namespace: str) -> Iterator[Server]:
    """A server on the shared Redis."""
    server: Server = request.param(
        "tests.apps.rooms_app", REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace
    )
    with running(server):
        yield server


def test_wrong_requests_in_the_log_are_left_out_and_delivery_goes_on(
    server: Server, shared_redis: Redis, namespace: str, connect: Connect, room: str
) -> None:
    bus = open_bus(Settings(bus_url=shared_redis.url, namespace=namespace), Threads())
    client = connect(server.url)
    client.join(room)
    for number, payload in enumerate(WRONG):
        bus.relay(payload)
        publish(server.url, room, number)
    # Requests about this client that are well formed but ask for what nobody may.
    private = {"namespace": "/", "sid": client.sid, "room": client.sid}
    bus.relay({"method": "close_room"} | private)
    bus.relay({"method": "enter_room", "namespace": "/", "sid": client.sid, "room": {}})
    bus.relay({"method": "leave_room", "namespace": "/", "sid": client.sid, "room": None})
    bus.relay(EMIT | {"room": client.sid, "event": "good", "data": [1]})
    eventually(lambda: client.named("good"), what="the last request, which is right")
    bus.stop()
    assert [one.data for one in client.named("message")] == list(range(len(WRONG)))
    assert client.named("bad") == []
    assert "Traceback" not in server.output
    assert "left out" in server.output
