"""The browser client changes transports while messages flow: nothing is lost, doubled or reordered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from realtime import Publisher
from tests.support.processes import Redis, Server, eventually, running, start_gevent
from tests.support.proxy import Proxy

from .conftest import Visit

PER_SECOND = 200

FOLLOW = """([room, options]) => new Promise((done) => {
  const rt = window.rt = new Realtime(options);
  window.heard = [];
  window.told = [];
  rt.on('message', (data, id) => heard.push(id));
  ['state', 'transport', 'reset', 'recovered', 'error', 'outbox', 'degraded', 'restored', 'closing'].forEach((name) =>
    rt.on('realtime.' + name, (now) => told.push([name, now, performance.now()])));
  rt.join(room, (error) => done(error));
  rt.connect();
})"""

SWITCH = """(names) => names.reduce((before, name) => before.then((errors) => new Promise((done) =>
  rt.switchTo(name, (error) => setTimeout(() => done(error ? errors.concat([[name, error.code]]) : errors), 40)))),
  Promise.resolve([]))"""


class Steady:
    """Publishes straight into the bus at a fixed rate while the block lasts. ``ids``: what was accepted."""

    def __init__(self, publisher: Publisher, room: str) -> None:
        self.ids: list[str] = []
        self._publisher, self._room = publisher, room
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            self.ids.append(str(self._publisher.publish(self._room, len(self.ids))))
            self._stopping.wait(max(0.0, began + len(self.ids) / PER_SECOND - time.monotonic()))

    def __enter__(self) -> Steady:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join(10)


def told(page: Page, name: str) -> list[Any]:
    """What the client has told under one name, oldest first."""
    return [now for what, now, _ in page.evaluate("told") if what == name]


@pytest.fixture(scope="module")
def pair(shared_redis: Redis) -> Iterator[tuple[Server, Server]]:
    """Two processes on one Redis."""
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": "switching", "REALTIME_HISTORY_LENGTH": "20000"}
    servers = start_gevent(**env), start_gevent(**env)
    with running(*servers):
        yield servers


@pytest.mark.parametrize(
    "names",
    [["sse", "websocket"] * 10, ["sse", "poll", "websocket", "poll", "sse", "websocket"] * 2],
    ids=["websocket-sse", "with-long-poll"],
)
def test_switches_at_200_messages_a_second_between_two_processes_lose_double_and_reorder_nothing(
    pair: tuple[Server, Server], shared_redis: Redis, visit: Visit, room: str, names: list[str]
) -> None:
    first, second = pair
    with Proxy(first.port) as proxy, Publisher(shared_redis.url, namespace="switching") as publisher:
        page = visit(proxy.url, f"{room}-other").page
        assert page.evaluate(FOLLOW, [room, {}]) is None
        with Steady(publisher, room) as steady:
            for name in names:
                proxy.target = second.port if proxy.target == first.port else first.port
                assert page.evaluate(SWITCH, [name]) == []
            ids = steady.ids
        eventually(lambda: page.evaluate("heard.length") >= len(ids), within=10, what="every message")
        assert page.evaluate("heard") == ids
        assert len(ids) > 100
        assert [one["transport"] for one in told(page, "transport")] == ["websocket", *names]
        assert all(one["seamless"] for one in told(page, "transport")[1:])
        assert [one["state"] for one in told(page, "state")] == ["connecting"] + ["connected"] * (len(names) + 1)
        assert told(page, "reset") == told(page, "error") == []
        page.evaluate("rt.close()")
