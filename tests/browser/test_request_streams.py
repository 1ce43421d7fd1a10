"""The browser's own EventSource on ``realtime.stream``, where nobody closes it: at the end it stops by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.processes import Server, eventually, running, start_gevent
from tests.support.proxy import Proxy

LISTEN = """(address) => {
  window.heard = [];
  window.opened = 0;
  const source = window.source = new EventSource(address);
  source.onopen = () => { opened += 1; };
  ["message", "realtime.error", "realtime.end"].forEach(
    (event) => source.addEventListener(event, (e) => heard.push(e.type + " " + e.data)));
}"""


FAILED = 'realtime.error {"code":"internal","message":"the server failed; it was logged"}'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = start_gevent("tests.apps.streams_app", REALTIME_RETRY="0.1")
    with running(server):
        yield server


@pytest.fixture
def page(server: Server, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.url + "/ends")
    yield page
    context.close()


@pytest.mark.parametrize(
    ("target", "heard"),
    [
        ("/count?to=2", ["message 1", "message 2", 'realtime.end {"failed":false}']),
        ("/count?to=2&fail=2", ["message 1", FAILED, 'realtime.end {"failed":true}']),
    ],
)
def test_it_hears_everything_once_and_stops(page: Page, target: str, heard: list[str]) -> None:
    page.evaluate(LISTEN, target)
    eventually(lambda: page.evaluate("source.readyState") == 2, what="CLOSED")
    assert page.evaluate("heard") == heard
    assert page.evaluate("opened") == 1


def test_after_a_cut_it_goes_on_with_the_next(server: Server, chromium: Browser) -> None:
    with Proxy(server.port) as proxy:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(proxy.url + "/ends")
        page.evaluate(LISTEN, "/count?to=12&pause=0.1")
        eventually(lambda: len(page.evaluate("heard")) >= 3, what="the first few")
        proxy.cut()
        eventually(lambda: page.evaluate("source.readyState") == 2, what="CLOSED")
        assert page.evaluate("heard") == [f"message {n}" for n in range(1, 13)] + ['realtime.end {"failed":false}']
        assert page.evaluate("opened") == 2
        context.close()
