"""Where WebSocket is blocked, the page is on SSE within five seconds, says so in words, and everything works."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.nginx import PLAIN, nginx
from tests.support.processes import Server, free_port
from tests.support.proxy import Proxy
from tests.support.publishing import Flood, publish

from .chat import log
from .conftest import Visit


def mute(page: Page) -> None:
    """WebSockets open, and then nobody says anything."""
    page.route_web_socket("**/*", lambda _socket: None)


def remove(page: Page) -> None:
    """A browser that knows no WebSocket."""
    page.add_init_script("delete window.WebSocket")


@pytest.fixture
def network() -> Iterator[contextlib.ExitStack]:
    """Keeps what stands between page and server until the page has gone."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("block", ["refuse", "swallow", "nginx", mute, remove])
def test_a_page_whose_websocket_is_blocked_is_on_sse_within_5_seconds_and_chats(
    gevent_server: Server,
    network: contextlib.ExitStack,
    visit: Visit,
    tmp_path: Path,
    room: str,
    block: str | Callable[[Page], Any],
) -> None:
    url = gevent_server.url
    publish(url, room, {"user": "Cy", "text": "before"})
    bob = visit(url, room, user="Bob")
    if block == "nginx":
        # As it comes: it does not pass the headers of an upgrade on.
        port = free_port()
        behind = network.enter_context(nginx(tmp_path, PLAIN % {"port": port, "upstream": url}, port))
        ann = visit(behind, room, user="Ann", network_fails=True)
    elif isinstance(block, str):
        proxy = network.enter_context(Proxy(gevent_server.port, upgrades=block))
        ann = visit(proxy.url, room, user="Ann", network_fails=True)
        assert proxy.stopped == 1
    else:
        ann = visit(url, room, user="Ann", before=block)
    ((transport, at),) = ann.connections()
    assert transport == "sse"
    assert at < 5000
    expect(ann.page.locator('#status[data-transport="sse"]')).to_have_text("Connected over Server-Sent Events")
    assert bob.transport == "websocket"
    ann.send("hi bob")
    ann.wait_until_nothing_waits()
    bob.send("hi ann")
    bob.wait_until_nothing_waits()
    publish(url, room, {"user": "Cy", "text": "hi both"})
    kept = log(url, room)
    assert [one.text for one in kept] == ["before", "hi bob", "hi ann", "hi both"]
    for chat in (ann, bob):
        chat.must_show_once(kept)


def test_a_page_whose_websocket_is_blocked_in_mid_flow_loses_and_doubles_nothing(
    any_server: Server, network: contextlib.ExitStack, visit: Visit, room: str
) -> None:
    proxy = network.enter_context(Proxy(any_server.port))
    chat = visit(proxy.url, room, network_fails=True)
    with Flood(any_server.url, room, most=500) as flood:
        flood.wait(50)
        proxy.upgrades = "refuse"
        proxy.cut()
        assert not flood.over
        chat.wait_for_connections(2)
        flood.wait(500)
    assert [transport for transport, _ in chat.connections()] == ["websocket", "sse"]
    chat.must_have_watched(flood.ids)
