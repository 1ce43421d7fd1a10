"""A browser without EventSource and WebSocket streams and chats all the same, over XMLHttpRequest alone."""

from __future__ import annotations

from tests.support.processes import Server, eventually
from tests.support.publishing import publish

from .client import FOLLOW
from .conftest import Visit

OLD = """
  delete window.WebSocket;
  delete window.EventSource;
  window.opened = [];
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, address) {
    opened.push(address);
    return open.apply(this, arguments);
  };
"""


def test_a_page_without_event_source_and_websocket_streams_all_the_same(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, f"{room}-other", before=lambda page: page.add_init_script(OLD))
    assert chat.transport == "sse"
    page = chat.page
    assert page.evaluate(FOLLOW, [room, {}]) is None
    # More than one request's text may hold: the stream is renewed on the way, and nobody notices.
    text = "x" * 60_000
    ids = [publish(gevent_server.url, room, text) for _ in range(30)]
    eventually(lambda: page.evaluate("heard.length") >= len(ids), within=15, what="every message")
    assert page.evaluate("heard") == ids
    assert page.evaluate("told.filter((one) => one[0] === 'error' || one[0] === 'reset')") == []
    streams = page.evaluate("room => opened.filter((one) => one.includes(`/events?room=${room}&`)).length", room)
    assert 2 <= streams <= 6
    page.evaluate("rt.close()")
