"""The promise of the whole: several processes, several publishers by several doors, clients of every transport
everywhere, and one order without a double or a hole.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from realtime import Publisher
from tests.support.clients import ACK, SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent
from tests.support.publishing import Flood
from tests.support.streams import EventReader

EACH = 2500


@pytest.fixture
def servers(shared_redis: Redis, namespace: str) -> Iterator[tuple[Server, Server]]:
    """Two processes that share nothing but a Redis."""
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    env["REALTIME_EVENT_RATE"] = "0"  # Each emitter sends as fast as it can.
    first, second = start_gevent(**env), start_gevent(**env)
    with running(first, second):
        yield first, second


class Emitter(threading.Thread):
    """Publishes numbers over one Socket.IO connection, without waiting for one before it sends the next."""

    def __init__(self, base: str, room: str) -> None:
        super().__init__(daemon=True)
        self._room = room
        self.client = SocketClient(base)

    def run(self) -> None:
        for number in range(EACH):
            self.client.emit("publish", {"room": self._room, "data": ["emitter", number]}, number=number)
        eventually(lambda: len(self.client.got) == EACH, within=150, what="every acknowledgement")

    @property
    def ids(self) -> list[str]:
        """In the order in which it published."""
        acks = {one.number: one.args[0] for one in self.client.got if one.event == ACK}
        return [acks[number]["id"] for number in range(EACH)]


class Script(threading.Thread):
    """Publishes numbers from outside of any server."""

    def __init__(self, url: str, namespace: str, room: str) -> None:
        super().__init__(daemon=True)
        self._room = room
        self._publisher = Publisher(url, namespace=namespace)
        self.ids: list[str] = []

    def run(self) -> None:
        with self._publisher:
            for number in range(EACH):
                self.ids.append(self._publisher.publish(self._room, ["script", number]))


@pytest.mark.timeout(180)  # 15 seconds on two idle cores; other tests may run beside it
def test_ten_thousand_messages_of_four_publishers_arrive_everywhere_once_in_one_order(
    servers: tuple[Server, Server], shared_redis: Redis, namespace: str, room: str
) -> None:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(EventReader(server.url, room)) for server in servers]
        clients = [stack.enter_context(SocketClient(server.url)) for server in servers]
        clients.append(stack.enter_context(SocketClient(servers[1].url, "polling")))
        for stream in streams:
            stream.ready()
        for client in clients:
            client.join(room)
            client.got.clear()
        emitters = [Emitter(server.url, room) for server in servers]
        for emitter in emitters:
            stack.callback(emitter.client.close)
        threads = [*emitters, Script(shared_redis.url, namespace, room)]
        flood = stack.enter_context(Flood(servers[0].url, room, most=EACH))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(150)
        flood.wait(EACH)
        kept = [*(stream.events for stream in streams), *(client.got for client in clients)]
        eventually(lambda: min(map(len, kept)) >= 4 * EACH, within=60, what="every message at every reader")
        # The ready event is the first of each stream's.
        eventually(lambda: min(len(stream.events) for stream in streams) > 4 * EACH, what="the last one at the streams")
    readers = [*streams, *clients]
    first = readers[0].ids
    assert len(set(first)) == len(first) == 4 * EACH
    assert first == sorted(first, key=lambda one: tuple(map(int, one.split("-"))))
    for reader in readers[1:]:
        assert reader.ids == first
    positions = {id_: position for position, id_ in enumerate(first)}
    for publisher in (flood, *threads):
        places = [positions[id_] for id_ in publisher.ids]
        assert len(places) == EACH
        assert places == sorted(places)
    data = streams[0].data
    for client in clients:
        assert [one.data for one in client.events] == data
