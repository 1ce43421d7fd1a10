"""The browser's own EventSource on ``/events``, without any of our JavaScript: it gets everything, also after a cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from tests.support.processes import ROOT, Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.proxy import Proxy
from tests.support.publishing import Flood, publish
from tests.support.raw import events_target

from .conftest import Visit

LISTEN = """([address, events]) => {
  window.heard = [];
  window.opened = 0;
  const source = window.source = new EventSource(address);
  // Not at onopen: the headers come before the server has subscribed.
  source.addEventListener('realtime.ready', () => { opened += 1; });
  events.forEach((event) => source.addEventListener(event, (e) => heard.push([e.lastEventId, e.type, e.data])));
}"""


@pytest.fixture(scope="module", params=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """It keeps enough for whoever is away while others post flat out, and calls streams back soon."""
    start = start_gevent if request.param == "gevent" else start_threads
    server = start(REALTIME_HISTORY_LENGTH="50000", REALTIME_LOG_LENGTH="50000", REALTIME_RETRY="0.2")
    with running(server):
        yield server


class NativeStream:
    """A native EventSource in a page, on the page's own origin and under its policy."""

    def __init__(self, page: Page, room: str, *events: str, **query: str) -> None:
        self._page = page
        page.evaluate(LISTEN, [events_target(room, **query), events])
        self.wait_opened(1)

    def wait_opened(self, count: int) -> None:
        """Wait until it has been opened so many times."""
        eventually(lambda: self._page.evaluate("opened") >= count, within=20, what=f"{count} times open")

    def wait(self, id_: str) -> list[list[Any]]:
        """Wait for the message with this id; return id, event and data of everything that came."""
        here = "id => heard.some((one) => one[0] === id)"
        eventually(lambda: self._page.evaluate(here, id_), within=20, what="the last message")
        return [[one[0], one[1], json.loads(one[2])] for one in self._page.evaluate("heard")]

    def close(self) -> None:
        """Stop listening."""
        self._page.evaluate("source.close()")


def test_a_native_event_source_gets_id_event_and_data(server: Server, visit: Visit, room: str) -> None:
    page = visit(server.url, f"{room}-other").page
    said = [
        ("message", {"text": "a\u2028b \N{GRINNING FACE}"}),
        ("shipped", 7),
        ("message", None),
        ("error", ["no error"]),
    ]
    stream = NativeStream(page, room, "realtime.ready", "message", "shipped", "error")
    ids = [publish(server.url, room, data, event=event) for event, data in said]
    ready, *heard = stream.wait(ids[-1])
    assert ready[:2] == ["", "realtime.ready"], "a control event moves no cursor"
    assert heard == [[id_, event, data] for id_, (event, data) in zip(ids, said, strict=True)]
    stream.close()
    resumed = NativeStream(page, room, "message", "shipped", after=ids[1])
    assert [one[0] for one in resumed.wait(ids[2])] == [ids[2]]
    resumed.close()


def test_a_native_event_source_that_is_cut_resumes_without_loss_or_double(
    server: Server, visit: Visit, room: str
) -> None:
    with Proxy(server.port) as proxy:
        page = visit(proxy.url, f"{room}-other", network_fails=True).page
        stream = NativeStream(page, room, "message")
        with Flood(server.url, room) as flood:
            for count, end in enumerate((proxy.cut, proxy.tear, proxy.tear, proxy.cut), start=2):
                flood.wait(len(flood.ids) + 30)
                assert end() > 0
                stream.wait_opened(count)
            flood.wait(len(flood.ids) + 30)
        heard = stream.wait(flood.ids[-1])
        stream.close()
        # (Of each connection only the first request is seen here.)
        assert any(f"/events?room={room} " in head and "\r\nLast-Event-ID: " in head for head in proxy.heads)
    assert heard == [[id_, "message", number] for number, id_ in enumerate(flood.ids)]


def test_a_page_that_makes_its_event_source_anew_outlives_a_first_refusal(
    chromium: Browser, own_redis: Redis, room: str
) -> None:
    """The program of docs/troubleshooting.md, where Redis is away as the page is loaded."""
    document = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    (program,) = re.findall(r"```javascript\n(.*?)```", document, re.DOTALL)
    own_redis.kill()
    server = start_gevent(REALTIME_BUS_URL=own_redis.url)
    with running(server):
        page = chromium.new_page()
        page.goto(f"{server.url}/healthz")
        page.add_script_tag(content=program)
        page.evaluate(
            "room => { window.heard = [];"
            " follow('/events?room=' + room, ['message'], (event) => heard.push(event.data)); }",
            room,
        )
        server.until("whatever needs the bus is refused with 503")
        own_redis.start()
        eventually(lambda: '{transport="sse"} 1.0' in requests.get(f"{server.url}/metrics", timeout=10).text, within=30)
        publish(server.url, room, "at last")
        eventually(lambda: page.evaluate("heard") == ['"at last"'], what="the message")
        page.close()
