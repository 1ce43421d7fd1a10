"""The server ends, in order or not, and comes back: pages come back by themselves and have everything."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import expect

from realtime import Publisher
from tests.support.processes import Redis, Server, free_port, start_gevent

from .chat import log
from .conftest import Visit


@pytest.mark.parametrize("transport", ["websocket", "sse", None])
def test_a_page_comes_back_after_the_server_was_restarted_and_has_everything(
    shared_redis: Redis, namespace: str, visit: Visit, room: str, transport: str | None
) -> None:
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace, "PORT": str(free_port())}

    def start() -> Server:
        return start_gevent(**env, REALTIME_RETRY="0.2")

    server = start()
    try:
        with Publisher(shared_redis.url, namespace=namespace) as publisher:
            chat = visit(server.url, room, user="Ann", transport=transport, network_fails=True)
            chat.send("before")
            chat.wait_until_nothing_waits()
            for count, number in enumerate((signal.SIGTERM, signal.SIGKILL), start=2):
                server.signal(number)
                server.popen.wait(15)
                chat.wait_disconnected()
                publisher.publish(room, {"user": "Cy", "text": f"while it was away, {number.name}"})
                chat.send(f"written while it was away, {number.name}")
                server.stop()
                server = start()
                publisher.publish(room, {"user": "Cy", "text": f"after {number.name}"})
                chat.wait_for_connections(count)
                chat.wait_until_nothing_waits()
            kept = log(server.url, room)
            chat.must_show_once(kept)
            assert len(kept) == 7
            assert transport is None or chat.transport == transport
    finally:
        server.stop()


def test_a_page_whose_log_is_lost_shows_what_there_is_and_says_so(visit: Visit, room: str) -> None:
    env = {"REALTIME_BUS_URL": "memory://", "PORT": str(free_port())}
    server = start_gevent(**env)
    try:
        chat = visit(server.url, room, user="Ann", network_fails=True)
        chat.send("before")
        chat.wait_until_nothing_waits()
        server.stop()
        chat.wait_disconnected()
        chat.send("while it was away")
        server = start_gevent(**env)
        expect(chat.page.locator("#notice")).to_contain_text("gone from the server’s log", timeout=20_000)
        chat.wait_until_nothing_waits()
        chat.must_show(log(server.url, room))
        assert chat.texts == ["while it was away"]
    finally:
        server.stop()
