"""The browser client changes transports while messages flow: nothing is lost, doubled or reordered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from realtime import Publisher
from tests.support.processes import Redis, Server, eventually, running, start_gevent
from tests.support.proxy import Proxy
from tests.support.publishing import history

from .client import FOLLOW, PUBLISH, SWITCH, Steady, told
from .conftest import Visit


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


def test_what_the_page_publishes_while_it_switches_is_in_the_log_once_and_in_order(
    pair: tuple[Server, Server], visit: Visit, room: str
) -> None:
    first, second = pair
    with Proxy(first.port) as proxy:
        page = visit(proxy.url, f"{room}-other").page
        assert page.evaluate(FOLLOW, [room, {"outboxLimit": 5000}]) is None
        page.evaluate(PUBLISH, room)
        for name in ["sse", "websocket", "poll", "websocket"] * 3:
            proxy.target = second.port if proxy.target == first.port else first.port
            assert page.evaluate(SWITCH, [name]) == []
        page.evaluate("publishing.stop()")
        eventually(lambda: page.evaluate("rt.outbox().length") == 0, within=20, what="everything accepted")
        kept = history(first.url, room)
        sent = page.evaluate("publishing.count")
        assert sent > 50
        assert [one["data"] for one in kept] == list(range(sent))
        assert page.evaluate("publishing.failed") == []
        eventually(lambda: page.evaluate("heard.length") >= sent, what="every message")
        assert page.evaluate("heard") == [one["id"] for one in kept]
        page.evaluate("rt.close()")
