"""A browser without EventSource and WebSocket streams and chats all the same, over XMLHttpRequest alone."""

from __future__ import annotations

from tests.support.processes import Server, eventually
from tests.support.publishing import publish

from .chat import log
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


BLIND = """
  const text = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, 'responseText').get;
  Object.defineProperty(XMLHttpRequest.prototype, 'responseText', {get: function () {
    return this.readyState === 4 ? text.call(this) : '';
  }});
"""

POLYFILL = """(room) => new Promise((done) => {
  window.heard = [];
  window.told = [];
  const source = window.source = new Realtime.EventSource('/events?room=' + room);
  source.addEventListener('realtime.ready', () => done());
  ['open', 'error'].forEach((name) => source.addEventListener(name, () => told.push(name)));
  source.onmessage = (e) => heard.push(e.lastEventId);
})"""


def test_where_no_text_is_shown_before_its_end_the_polyfill_asks_for_short_answers_and_misses_nothing(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    page = visit(gevent_server.url, f"{room}-other", before=lambda page: page.add_init_script(OLD + BLIND)).page
    page.evaluate(POLYFILL, room)
    ids: list[str] = []
    for _ in range(4):
        ids += [publish(gevent_server.url, room, number) for number in range(3)]
        page.wait_for_function("count => heard.length >= count", arg=len(ids))
    assert page.evaluate("heard") == ids
    assert page.evaluate("told") == ["open"]
    page.evaluate("source.close()")


def test_where_no_text_is_shown_before_its_end_the_chat_talks_all_the_same(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    publish(gevent_server.url, room, {"user": "Bob", "text": "before"})
    ann = visit(gevent_server.url, room, before=lambda page: page.add_init_script(OLD + BLIND))
    ann.send("hi bob")
    ann.wait_until_nothing_waits()
    publish(gevent_server.url, room, {"user": "Bob", "text": "hi you"})
    ann.must_show_once(log(gevent_server.url, room))
    assert [transport for transport, _ in ann.connections()] == ["sse"], "each answer goes on with the last one"
