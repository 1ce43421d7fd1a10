"""Networks that hold back, swallow or go away: the browser client notices by itself, and loses and doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime import Publisher
from tests.support.nginx import PLAIN, nginx
from tests.support.processes import Server, eventually, free_port
from tests.support.proxy import Proxy
from tests.support.publishing import history, publish

from .client import FOLLOW, Steady, told
from .conftest import HEARTBEAT, Visit

BUFFERING = PLAIN.replace("location / {", "location / { proxy_ignore_headers X-Accel-Buffering;")


def test_behind_a_proxy_that_buffers_the_client_ends_with_long_poll_and_gets_everything(
    server: Server, tmp_path: Path, visit: Visit, room: str
) -> None:
    port = free_port()
    with nginx(tmp_path, BUFFERING % {"port": port, "upstream": server.url}, port) as url:
        page = visit(url, f"{room}-other", wait=False, network_fails=True).page
        assert page.evaluate(FOLLOW, [room, {"streamTimeout": 1500}]) is None
        assert page.evaluate("rt.transport") == "poll"
        ids = [publish(server.url, room, number) for number in range(20)]
        eventually(lambda: page.evaluate("heard.length") >= 20, within=5, what="every message")
        assert page.evaluate("heard") == ids
        page.evaluate("rt.close()")


@pytest.mark.parametrize(("transport", "code"), [("websocket", "connection_lost"), ("sse", "silent")])
def test_a_connection_that_is_open_but_dead_is_noticed_and_nothing_is_missing(
    server: Server, publisher: Publisher, visit: Visit, room: str, transport: str, code: str
) -> None:
    with Proxy(server.port) as proxy:
        page = visit(server.url, f"{room}-other").page
        page.goto(f"{proxy.url}/?room={room}-other")
        page.evaluate(FOLLOW, [room, {"transports": [transport], "reconnectSchedule": [50]}])
        with Steady(publisher, room) as steady:
            eventually(lambda: page.evaluate("heard.length") > 20, what="messages")
            assert proxy.freeze() > 0
            eventually(lambda: told(page, "recovered"), within=3 * HEARTBEAT + 2, what="a connection again")
        ids = steady.ids
        eventually(lambda: page.evaluate("heard.length") >= len(ids), within=10, what="every message")
        assert page.evaluate("heard") == ids
        assert [error["code"] for error in told(page, "error")] == [code]
        assert told(page, "reset") == []
        page.evaluate("rt.close()")


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_what_is_published_offline_is_accepted_once_and_in_order_when_the_network_is_back(
    server: Server, visit: Visit, room: str, transport: str
) -> None:
    page = visit(server.url, f"{room}-other", network_fails=True).page
    page.evaluate(FOLLOW, [room, {"transports": [transport], "reconnectSchedule": [30000]}])
    page.context.set_offline(True)
    eventually(lambda: page.evaluate("rt.state") == "reconnecting", what="offline")
    page.evaluate("room => [0, 1, 2, 3, 4].forEach((number) => rt.publish(room, number))", room)
    assert [one["state"] for one in page.evaluate("rt.outbox()")] == ["waiting"] * 5
    page.context.set_offline(False)
    eventually(lambda: page.evaluate("rt.outbox().length") == 0, within=5, what="everything accepted")
    kept = history(server.url, room)
    assert [one["data"] for one in kept] == [0, 1, 2, 3, 4]
    eventually(lambda: page.evaluate("heard") == [one["id"] for one in kept], within=5, what="every message")
    page.evaluate("rt.close()")


def test_where_websocket_works_again_the_client_goes_back_up_to_it_while_messages_flow(
    server: Server, publisher: Publisher, visit: Visit, room: str
) -> None:
    with Proxy(server.port, upgrades="refuse") as proxy:
        page = visit(proxy.url, f"{room}-other", network_fails=True).page
        page.evaluate(FOLLOW, [room, {"stableAfter": 200, "probeSchedule": [300]}])
        assert page.evaluate("rt.transport") == "sse"
        with Steady(publisher, room) as steady:
            eventually(lambda: proxy.stopped >= 3, what="WebSocket was tried again")
            assert page.evaluate("rt.transport") == "sse"
            proxy.upgrades = "pass"
            eventually(lambda: page.evaluate("rt.transport") == "websocket", within=5, what="WebSocket")
        ids = steady.ids
        eventually(lambda: page.evaluate("heard.length") >= len(ids), within=10, what="every message")
        assert page.evaluate("heard") == ids
        assert [one["seamless"] for one in told(page, "transport")] == [False, True]
        page.evaluate("rt.close()")
