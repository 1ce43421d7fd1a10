"""Redis dies and comes back: pages stay connected, say so, and what they publish meanwhile is read once, in order."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.processes import Redis, eventually, running, start_gevent
from tests.support.publishing import history

from .client import FOLLOW, told
from .conftest import Visit


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_page_stays_connected_through_an_outage_and_its_outbox_waits_it_out(
    own_redis: Redis, visit: Visit, room: str, transport: str
) -> None:
    server = start_gevent(REALTIME_BUS_URL=own_redis.url, REALTIME_PUBLISH_TIMEOUT="0.5")
    with running(server):
        page = visit(server.url, f"{room}-other", network_fails=True).page
        page.evaluate(FOLLOW, [room, {"transports": [transport]}])
        page.evaluate("room => rt.publish(room, 0)", room)
        eventually(lambda: page.evaluate("heard.length") == 1, what="a message")
        own_redis.kill()
        eventually(lambda: page.evaluate("rt.degraded"), what="the outage is told")
        page.evaluate("room => [1, 2, 3].forEach((number) => rt.publish(room, number))", room)
        eventually(lambda: page.evaluate("rt.outbox()[0].state") == "retrying", what="a refused publish")
        assert page.evaluate("rt.outbox()[0].error.code") == "bus_unavailable"
        assert page.evaluate("rt.outbox().map((one) => one.state)")[1:] == ["waiting", "waiting"]
        expect(page.locator("#status")).to_have_text("Connected, but the server cannot deliver. Messages wait.")
        expect(page.locator("#banner-words")).to_have_text(
            "The server cannot deliver just now. What you write is kept, and sent when it can."
        )
        own_redis.start()
        eventually(lambda: not page.evaluate("rt.degraded"), what="the end of the outage is told")
        expect(page.locator("#status")).to_have_text("Connected over WebSocket")
        expect(page.locator("#banner")).to_be_hidden()
        eventually(lambda: page.evaluate("rt.outbox().length") == 0, what="everything accepted")
        kept = history(server.url, room)
        assert [one["data"] for one in kept] == [0, 1, 2, 3]
        eventually(lambda: page.evaluate("heard") == [one["id"] for one in kept], what="every message")
        assert [one["state"] for one in told(page, "state")][1:] == ["connected"] * 3, "never away"
        assert told(page, "reset") == []
        page.evaluate("rt.close()")
