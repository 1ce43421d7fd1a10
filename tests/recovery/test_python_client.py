"""PyPI's client does not know connection state recovery: it comes back as a newcomer and joins after its last id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import socketio

from tests.support.processes import eventually
from tests.support.stock import end

from .deployment import Deployment

MESSAGES = 300
FAULTS = 4


class Resuming:
    """What an application with this client does: it remembers the last id, and joins after it whenever it connects."""

    def __init__(self, url: str, room: str) -> None:
        self.got: list[Any] = []
        self.sids: list[str] = []
        self.joined: list[dict[str, Any]] = []
        self._room = room
        self._last: str | None = None
        self._client = socketio.Client(
            reconnection_delay=0.1, reconnection_delay_max=0.2, randomization_factor=0, handle_sigint=False
        )
        self._client.on("connect", self._connected)
        self._client.on("message", self._message)
        self._client.on("disconnect", self._lost)
        self._client.connect(url, transports=["websocket"], auth={}, wait_timeout=10)

    def _connected(self) -> None:
        self.sids.append(str(self._client.get_sid()))
        request = {"room": self._room} if self._last is None else {"room": self._room, "after": self._last}
        self._client.emit("join", request, callback=self.joined.append)

    def _message(self, data: Any, id_: str) -> None:
        self.got.append(data)
        self._last = id_

    def _lost(self, reason: str) -> None:
        # The client leaves the socket of a connection that broke to the garbage collector, which complains.
        if reason == self._client.reason.TRANSPORT_ERROR:
            self._client.eio.ws.shutdown()

    def close(self) -> None:
        end(self._client)


@pytest.fixture
def resuming() -> Iterator[Callable[[str, str], Resuming]]:
    clients: list[Resuming] = []

    def start(url: str, room: str) -> Resuming:
        clients.append(Resuming(url, room))
        eventually(lambda: clients[-1].joined, what="a join")
        return clients[-1]

    yield start
    for one in clients:
        one.close()


@pytest.mark.parametrize("kind", ["gevent-redis", "gevent-memory"])
def test_it_gets_everything_once_and_in_order_over_cuts(
    own_deployment: Callable[..., Deployment], resuming: Callable[[str, str], Resuming], room: str, kind: str
) -> None:
    deployment = own_deployment(kind)
    client = resuming(deployment.url, room)
    sending = threading.Thread(target=lambda: deployment.publish(room, *range(MESSAGES)))
    sending.start()
    for number in range(FAULTS):
        eventually(lambda number=number: len(client.joined) > number and len(client.got) > 20 * number, what="messages")
        deployment.cut()
    sending.join()
    eventually(lambda: len(client.got) >= MESSAGES and len(client.joined) > FAULTS, within=20, what="all messages")
    assert client.got == list(range(MESSAGES))
    assert len(set(client.sids)) == FAULTS + 1, "each time it is a client like any other"
    assert all(answer["ok"] and answer["recovered"] for answer in client.joined)


def test_it_also_does_after_kill_9_of_its_process(
    own_deployment: Callable[..., Deployment], resuming: Callable[[str, str], Resuming], room: str
) -> None:
    deployment = own_deployment("gevent-redis")
    client = resuming(deployment.url, room)
    deployment.publish(room, 1)
    eventually(lambda: client.got == [1], what="the first message")
    deployment.kill()
    deployment.publish(room, 2, 3)
    eventually(lambda: len(client.got) >= 3, within=20, what="what it missed")
    deployment.publish(room, 4)
    eventually(lambda: len(client.got) >= 4, what="what is live")
    assert client.got == [1, 2, 3, 4]
