"""Several tabs of one browser share one event stream: six connections are enough for eight of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page
from prometheus_client.parser import text_string_to_metric_families

from realtime.web.assets import CLIENT
from tests.support.processes import Server, eventually, running, start_gevent
from tests.support.publishing import Flood, publish

FOLLOW = """([rooms, options]) => {
  const rt = window.rt = new Realtime({transports: ['sse'], ...options});
  window.heard = [];
  window.told = [];
  rt.on('message', (data, id) => heard.push([id, data]));
  ['reset', 'error', 'state'].forEach((name) => rt.on('realtime.' + name, (now) => told.push([name, now])));
  const joins = rooms.map((room) => new Promise((done) => rt.join(room, (error) => done(error))));
  rt.connect();
  return Promise.all(joins);
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(server := start_gevent(REALTIME_HEARTBEAT="1", REALTIME_RETRY="0.2")):
        yield server


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser's window; its tabs share connections, locks and channels."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


Follow = Callable[..., Page]


@pytest.fixture
def follow(context: BrowserContext, server: Server) -> Follow:
    """Open another tab that follows these rooms."""

    def follow(*rooms: str, **options: object) -> Page:
        page = context.new_page()
        page.goto(f"{server.url}/healthz")
        for part in CLIENT:
            page.add_script_tag(url=f"{server.url}/realtime/static/js/{part}.js")
        assert [one for one in page.evaluate(FOLLOW, [rooms, options]) if one] == []
        return page

    return follow


def streams(server: Server) -> int:
    """How many event streams the server has."""
    text = requests.get(server.url + "/metrics", timeout=10).text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name == "realtime_connections" and sample.labels.get("transport") == "sse"
    )


def heard(page: Page) -> list[str]:
    """The ids of what a page heard."""
    return [id for id, _ in page.evaluate("heard")]


def test_eight_tabs_get_everything_over_one_stream_and_pages_still_load(
    server: Server, context: BrowserContext, follow: Follow, room: str
) -> None:
    pages = [follow(room, f"{room}/{number}") for number in range(8)]
    eventually(lambda: streams(server) == 1, what="one stream")
    own = [publish(server.url, f"{room}/{number}", number) for number in range(8)]
    with Flood(server.url, room, most=100) as flood:
        flood.wait(100)
    for number, page in enumerate(pages):
        eventually(lambda page=page: len(heard(page)) >= 101, what="every message")
        assert heard(page) == [own[number], *flood.ids]
        assert [told for told in page.evaluate("told") if told[0] != "state"] == []
    another = context.new_page()
    another.goto(f"{server.url}/?room={room}-other")
    assert another.locator("body").is_visible()
    assert pages[7].evaluate(
        "(room) => new Promise((done) => rt.publish(room, 'mine', (error, answer) => done(error || answer.id)))", room
    )
    eventually(lambda: all(len(heard(page)) == 102 for page in pages), what="what a follower published")


def test_when_the_leader_is_closed_another_leads_without_a_hole(server: Server, follow: Follow, room: str) -> None:
    pages = [follow(room) for _ in range(4)]
    with Flood(server.url, room, pause=0.05) as flood:
        for _ in range(3):
            flood.wait(len(flood.ids) + 40)
            pages.pop(0).close()
            flood.wait(len(flood.ids) + 40)
        ids = flood.ids
    (last,) = pages
    eventually(lambda: len(heard(last)) >= len(flood.ids), what="every message")
    assert heard(last) == ids and streams(server) == 1
    assert [told for told in last.evaluate("told") if told[0] != "state"] == []


def test_a_leader_that_is_frozen_is_replaced(server: Server, follow: Follow, room: str) -> None:
    leader, follower = follow(room), follow(room)
    first = publish(server.url, room, 1)
    for page in (leader, follower):
        eventually(lambda page=page: heard(page) == [first], what="the first message")
    leader.evaluate("() => void setTimeout(() => { const end = Date.now() + 9000; while (Date.now() < end); }, 0)")
    second = publish(server.url, room, 2)
    eventually(lambda: heard(follower) == [first, second], within=8, what="what came meanwhile")
    third = publish(server.url, room, 3)
    for page in (follower, leader):
        eventually(lambda page=page: heard(page) == [first, second, third], within=20, what="what comes now")
    eventually(lambda: streams(server) == 1, what="one stream again")
