"""Connections are cut, torn in the middle of a message, and away for a while: pages lose nothing and double nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.processes import Server, eventually, running, start_gevent
from tests.support.proxy import Proxy
from tests.support.publishing import Flood, publish

from .chat import log
from .conftest import Visit


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """It keeps enough for whoever is away while others post, and calls streams back soon."""
    server = start_gevent(REALTIME_HISTORY_LENGTH="20000", REALTIME_RETRY="0.2")
    with running(server):
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_nothing_is_lost_doubled_or_out_of_order_when_connections_are_cut_in_mid_flow(
    server: Server, proxy: Proxy, visit: Visit, room: str, transport: str
) -> None:
    chat = visit(proxy.url, room, transport=transport, network_fails=True)
    with Flood(server.url, room, pause=0.1) as flood:
        for count, end in enumerate((proxy.cut, proxy.tear, proxy.tear, proxy.cut), start=2):
            flood.wait(len(flood.ids) + 30)
            assert end() > 0
            chat.wait_for_connections(count)
        flood.wait(len(flood.ids) + 30)
    chat.must_have_watched(flood.ids)
    shown = [one.id for one in chat.shown()]
    assert len(shown) >= min(len(flood.ids), 400)
    assert shown == flood.ids[-len(shown) :]


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_what_is_sent_while_the_connection_is_away_appears_once_on_everybodys_page(
    server: Server, proxy: Proxy, visit: Visit, room: str, transport: str
) -> None:
    ann = visit(proxy.url, room, user="Ann", transport=transport, network_fails=True)
    bob = visit(server.url, room, user="Bob", transport=transport)
    cut_off = [f"ann {number}" for number in range(5)]
    with proxy.down():
        ann.wait_disconnected()
        ann.send(*cut_off)
        bob.send("bob 0", "bob 1")
        bob.wait_until_nothing_waits()
        publish(server.url, room, {"user": "Cy", "text": "cy"})
        assert ann.waiting == cut_off
        eventually(lambda: bob.texts == ["bob 0", "bob 1", "cy"], what="Cy's message")
    ann.wait_connected(transport)
    ann.wait_until_nothing_waits()
    kept = log(server.url, room)
    assert [one.text for one in kept] == ["bob 0", "bob 1", "cy", *cut_off]
    for chat in (ann, bob):
        chat.must_show_once(kept)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_who_goes_on_writing_while_connections_break_is_read_once_and_in_order(
    server: Server, proxy: Proxy, visit: Visit, room: str, transport: str
) -> None:
    ann = visit(proxy.url, room, user="Ann", transport=transport, network_fails=True)
    bob = visit(server.url, room, user="Bob", transport=transport)
    texts = [f"ann {number}" for number in range(40)]
    for number, text in enumerate(texts):
        ann.send(text)
        # Sent and cut at once: the message, its confirmation and its echo may each be what is lost.
        if number % 10 == 3:
            proxy.cut()
        elif number % 10 == 8:
            proxy.tear()
    ann.wait_until_nothing_waits()
    kept = log(server.url, room)
    assert [one.text for one in kept] == texts
    for chat in (ann, bob):
        chat.must_show_once(kept)
    assert len(ann.connections()) > 1
