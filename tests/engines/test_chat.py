"""The chat in browsers that Playwright does not drive: an old one, one without EventSource or a layout, and Firefox."""

from __future__ import annotations

import pytest

from tests.support.processes import Server, eventually
from tests.support.proxy import Proxy
from tests.support.publishing import history, publish

from .conftest import Open
from .driving import FIREFOX_SAYS, Engine

WITHOUT = {
    "websocket": "",
    "sse": "delete window.WebSocket;",
    "polyfill": "delete window.WebSocket; delete window.EventSource;",
}

SHOWN = """Array.prototype.map.call(document.querySelectorAll('#messages .message'), function (item) {
  return [item.getAttribute('data-id'), item.querySelector('.text').textContent];
})"""

EXPECTED = (
    # Not known to QtWebKit: the policy's older words say the same to it.
    "Unrecognized Content-Security-Policy directive",
    FIREFOX_SAYS,
    # Said of a connection that the test cuts.
    "WebSocket connection to",
    "WebSocket network error",
    "Failed to load resource",
    "can’t establish a connection",
    "was interrupted while the page was loading",
    "Cross-Origin Request Blocked",
    "Error: connect ECONN",
    "socket hang up",
    "ECONNRESET",
    "aborted",
)


def complaints(page: Engine) -> list[str]:
    return [one for one in page.complaints if not any(part in one for part in EXPECTED)]


def connected(page: Engine) -> str | None:
    """Over what the page says to be connected."""
    status = page.js(
        "[document.getElementById('status').getAttribute('data-' + 'state'),"
        " document.getElementById('status').getAttribute('data-transport')]"
    )
    return str(status[1]) if status[0] == "connected" else None


def must_show_the_log(page: Engine, server: Server, room: str) -> None:
    """Wait until the page shows each message of the log once, in its order."""
    kept = [[one["id"], one["data"]["text"]] for one in history(server.url, room)]
    last: list[object] = []

    def shows() -> bool:
        last[:] = page.js(SHOWN)
        return last == kept

    try:
        eventually(shows, within=20, every=0.1)
    except AssertionError:
        assert last == kept


@pytest.mark.parametrize(
    ("engine", "way"),
    [
        ("qtwebkit", "websocket"),
        ("qtwebkit", "sse"),
        ("qtwebkit", "polyfill"),
        ("jsdom", "websocket"),
        ("jsdom", "polyfill"),
        ("firefox", "websocket"),
        ("firefox", "sse"),
        ("firefox", "polyfill"),
    ],
)
def test_the_chat_shows_what_is_said_sends_what_is_typed_and_comes_back_after_a_cut(
    gevent_server: Server, open_page: Open, room: str, engine: str, way: str
) -> None:
    server = gevent_server
    publish(server.url, room, {"user": "Bob", "text": "before"})
    with Proxy(server.port) as proxy:
        page = open_page(engine, f"{proxy.url}/?room={room}", before=WITHOUT[way])
        over = "websocket" if way == "websocket" else "sse"
        eventually(lambda: connected(page) == over, within=20, every=0.1, what=f"{over} in {engine}")
        must_show_the_log(page, server, room)
        page.js("document.getElementById('text').focus()")
        page.keys("hi bob\n")
        eventually(lambda: len(history(server.url, room)) == 2, what="what was typed")
        publish(server.url, room, {"user": "Bob", "text": "hi you, \N{GRINNING FACE} http://example.com/"})
        must_show_the_log(page, server, room)
        assert [one["data"]["text"] for one in history(server.url, room)][:2] == ["before", "hi bob"]
        proxy.cut()
        for number in range(5):
            publish(server.url, room, {"user": "Bob", "text": f"meanwhile {number}"})
        must_show_the_log(page, server, room)
        page.keys("back again\n")
        eventually(lambda: len(history(server.url, room)) == 9, within=20, what="what was typed after the cut")
        must_show_the_log(page, server, room)
        assert complaints(page) == []
