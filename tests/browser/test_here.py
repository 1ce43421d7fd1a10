"""The browser client knows who is there and what is transient, over each transport, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.processes import Server, eventually, running, start_gevent

ENTER = """([room, transport, name]) => new Promise((done) => {
  const rt = window.rt = new Realtime({transports: [transport], presencePoll: 300});
  window.typing = [];
  window.here = new Map();
  const key = (one) => one.name;
  rt.on('typing', (data, id) => typing.push([data, id]));
  rt.on('realtime.presence', (now) => {
    now.left.forEach((one) => here.delete(key(one)));
    now.joined.concat(now.changed).forEach((one) => here.set(key(one), one.transports));
  });
  rt.join(room, {name}, () => rt.presence(room, (error, answer) => {
    answer.members.forEach((one) => here.set(key(one), one.transports));
    done(error);
  }));
  rt.connect();
})"""
ASK = """(room) => new Promise((done) => rt.presence(room, (error, answer) => done(error || answer)))"""
SAY = """([room, data]) => new Promise((done) =>
  rt.publish(room, data, {event: 'typing', transient: true}, (error, answer) => done(error || answer)))"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(server := start_gevent(REALTIME_PRESENCE="1")):
        yield server


def entered(chromium: Browser, server: Server, room: str, transport: str) -> Page:
    """A page that follows the room over a transport, under its name."""
    page = chromium.new_context().new_page()
    page.goto(f"{server.url}/?room={room}-other")
    assert page.evaluate(ENTER, [room, transport, transport]) is None
    return page


def test_who_is_there_and_what_is_transient(chromium: Browser, server: Server, room: str) -> None:
    names = ["poll", "sse", "websocket"]
    pages = {name: entered(chromium, server, room, name) for name in names}
    everybody = {name: [name] for name in names}
    for page in pages.values():
        eventually(lambda page=page: page.evaluate("Object.fromEntries(here)") == everybody, what="everybody heard of")
        answer = page.evaluate(ASK, room)
        assert ([one["name"] for one in answer["members"]], answer["viewers"], answer["total"]) == (names, 0, 3)
    for name, page in pages.items():
        assert page.evaluate(SAY, [room, name]) == {}
    for name in ("sse", "websocket"):
        eventually(lambda name=name: len(pages[name].evaluate("typing")) == 3, what="what is typed")
        assert pages[name].evaluate("typing") == [[name, None] for name in names]
    assert pages["poll"].evaluate("typing") == []
    pages["websocket"].context.close()
    for name in ("poll", "sse"):
        eventually(lambda name=name: not pages[name].evaluate("here.has('websocket')"), what="the leave")
        pages[name].context.close()
