"""A browser repeats a poll by itself when its connection is reset: the stock client over polling loses nothing by that.

Nothing tells the page, so that nothing but the server can mend it.
"""

from __future__ import annotations

import re
from collections import Counter

from playwright.sync_api import Browser, Page

from tests.support.processes import eventually, running, start_gevent
from tests.support.proxy import Proxy
from tests.support.publishing import Flood

LISTEN = """(room) => {
  window.ids = [];
  window.joined = 0;
  const socket = io({transports: ["polling"], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 50});
  socket.on("message", (data, id) => ids.push(id));
  socket.on("connect", () => {
    const after = ids.length ? ids[ids.length - 1] : undefined;
    socket.emit("join", {room: room, after: after}, (answer) => { joined += answer.ok ? 1 : 0; });
  });
}"""

WANTED = 3
"""Repetitions that must be seen. Whether the browser repeats a request is its own choice: many cuts bring some."""


def repeated(lines: list[str]) -> int:
    """How many polls came twice, by the server's access log."""
    stamps = Counter(found[1] for line in lines if (found := re.search(r'"GET \S*[?&]t=(\w+)\S*sid=', line)))
    return sum(count - 1 for count in stamps.values())


def test_what_a_dead_poll_carried_is_not_lost(chromium: Browser, room: str) -> None:
    server = start_gevent(REALTIME_HISTORY_LENGTH="20000", ACCESS_LOG="1")
    with running(server), Proxy(server.port) as proxy:
        context = chromium.new_context()
        page: Page = context.new_page()
        page.goto(proxy.url + "/healthz")
        page.add_script_tag(url="/static/js/vendor/socket.io.min.js")
        page.evaluate(LISTEN, room)
        page.wait_for_function("joined === 1")
        with Flood(server.url, room, pause=0.005) as flood:
            for _ in range(400):
                flood.wait(len(flood.ids) + 5)
                proxy.cut()
                if repeated(list(server.lines)) >= WANTED:
                    break
            flood.wait(len(flood.ids) + 50)
        eventually(lambda: page.evaluate("ids.length") >= len(flood.ids), within=20, what="every message")
        assert page.evaluate("ids") == flood.ids
        assert repeated(list(server.lines)) >= WANTED
        context.close()
