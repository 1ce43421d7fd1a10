"""npm's stock client over a server's restarts: it comes back, rejoins after its last id, and has everything once.

And what only it can tell: that binary data of an application arrives as bytes.
"""

from __future__ import annotations

import base64
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from realtime import Publisher
from tests.support.processes import Redis, Server, eventually, free_port, running, start_gevent

from .stock import Got, NpmClient


class Steady:
    """Publishes 0, 1, 2 … past the server, straight into Redis, while the block lasts.

    Attributes:
        ids: of what was accepted.
    """

    def __init__(self, redis: Redis, namespace: str, room: str) -> None:
        self.ids: list[str] = []
        self._over = threading.Event()
        self._publisher = Publisher(redis.url, namespace=namespace)
        self._room = room
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        # Not flat out: a whole outage has to fit into the log.
        while not self._over.wait(0.005):
            self.ids.append(self._publisher.publish(self._room, len(self.ids)))

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more were published."""
        goal = len(self.ids) + count
        eventually(lambda: len(self.ids) >= goal, within=20, what=f"{count} more messages")

    def __enter__(self) -> Steady:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._publisher.close()


@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids="+".join)
def test_a_client_that_rejoins_after_its_last_id_loses_and_doubles_nothing_over_restarts(
    shared_redis: Redis, namespace: str, npm: Callable[..., NpmClient], room: str, transports: list[str]
) -> None:
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace, "PORT": str(free_port())}
    env["REALTIME_HISTORY_LENGTH"] = "20000"
    server = start_gevent(**env)
    try:
        patience = {"reconnection": True, "reconnectionDelay": 100, "reconnectionDelayMax": 300}
        client = npm(server.url, room, transports=transports, **patience)
        with Steady(shared_redis, namespace, room) as steady:
            for count, number in enumerate((signal.SIGTERM, signal.SIGKILL), start=1):
                steady.wait_for_more(30)
                eventually(lambda: client.got, what="the first of them")
                server.signal(number)
                server.popen.wait(15)
                eventually(lambda count=count: len(client.said("disconnected")) >= count, what="the disconnection")
                steady.wait_for_more(30)
                server.stop()
                server = start_gevent(**env)
                assert client.wait_joined(count + 1)["recovered"] is True
                steady.wait_for_more(30)
        last = client.publish(room, "last")
        eventually(lambda: client.got[-1].id == last, within=20, what="the last message")
        got = [one for one in client.got[:-1] if one.event != "realtime.closing"]
        assert got == [Got("message", [number, id_]) for number, id_ in enumerate(steady.ids)]
        # The server that was told to stop has said so; the one that was killed could not.
        assert len(client.got) - 1 == len(got) + 1
    finally:
        server.stop()


@pytest.fixture(scope="module")
def application() -> Iterator[Server]:
    server = start_gevent("tests.apps.rooms_app")
    with running(server):
        yield server


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids="+".join)
def test_binary_data_that_an_application_emits_arrives_as_bytes(
    application: Server, npm: Callable[..., NpmClient], room: str, transports: list[str]
) -> None:
    client = npm(application.url, room, transports=transports)
    picture = bytes(range(256)) * 40
    encoded = {"bytes": base64.b64encode(picture).decode()}
    steps = [
        ["emit", ["picture", {"name": "a", "of": [encoded, encoded]}], {"to": room}],
        ["emit", ["after", 1], {"to": room}],
    ]
    assert requests.post(f"{application.url}/do", json=steps, timeout=10).json() == [None, None]
    eventually(lambda: [one.event for one in client.got] == ["picture", "after"], what="both events, in order")
    (got,) = client.got[0].args
    assert got == {"name": "a", "of": [{"bytes": list(picture)}] * 2}
