"""Accessibility: axe-core finds nothing on our pages; colours, sizes and motion are what people ask for.

To have another page looked at, add it to ``PAGES``. axe-core is given to the page by the debugger, not by a script
element, so that the Content-Security-Policy stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.processes import Server, eventually, running, start_gevent
from tests.support.publishing import publish

AXE = (Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js").read_text("utf-8")
LOOK = """() => axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((one) =>
  [one.id, one.impact, one.nodes.map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary)]))"""


def _ready(page: Page) -> None:
    expect(page.locator("#status[data-state=connected]")).to_be_visible()
    expect(page.locator("#messages .message")).to_have_count(5)
    expect(page.locator("#people-count")).not_to_be_empty()


def _side(page: Page) -> None:
    _ready(page)
    if page.locator("#menu").is_visible():
        page.click("#menu")


def _people(page: Page) -> None:
    _ready(page)
    if page.locator("#people").is_hidden():
        page.click("#people-toggle")


def _inviting(page: Page) -> None:
    _side(page)
    page.click("#private")
    expect(page.locator("#enter-private")).to_be_visible()


def _trouble(page: Page) -> None:
    _ready(page)
    page.route("**/messages", lambda route: route.fulfill(status=422, json={"error": {"code": "x", "message": "no"}}))
    page.fill("#text", "refused")
    page.press("#text", "Enter")
    expect(page.locator("#queue-all")).to_be_visible()
    page.click("#queue-toggle")
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_be_visible()


def _told(page: Page) -> None:
    expect(page.get_by_role("heading", name="This link does not open anything")).to_be_visible()


def _measuring(page: Page) -> None:
    expect(page.locator("#lane-websocket [data-do=freeze]")).to_be_enabled(timeout=15_000)
    page.click("#lane-websocket [data-do=freeze]")
    expect(page.locator("#lane-poll [data-show=p50]")).not_to_have_text("–")


def _measured(page: Page) -> None:
    expect(page.locator("#table")).to_be_visible(timeout=30_000)


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "chat": ("/?room={room}&transport=sse", _ready),
    "chat, rooms": ("/?room={room}", _side),
    "chat, people": ("/?room={room}", _people),
    "chat, inviting": ("/?room={room}", _inviting),
    "chat, nothing works": ("/?room={room}&transport=sse", _trouble),
    "invitation": ("/invitations#x", _told),
    "lab": ("/lab", lambda page: expect(page.get_by_role("heading", level=1)).to_be_visible()),
    "lab, running": ("/lab?rate=20&size=64&seconds=60&run=1", _measuring),
    "lab, verdict": ("/lab?rate=20&size=64&seconds=1&run=1", _measured),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """With everything that a page may show."""
    with running(one := start_gevent(REALTIME_PRESENCE="1", REALTIME_LAB="1")):
        yield one


@pytest.fixture
def talk(server: Server, room: str) -> str:
    """A room in which something was said."""
    for user, text in (
        ("Ann", "hello"),
        ("Ann", "again"),
        ("Bob", "see https://example.org"),
        ("עדי", "שלום"),
        ("Cy", "long " * 400),
    ):
        publish(server.url, room, {"user": user, "text": text})
    return room


# Each width and each scheme once: colours do not depend on the width.
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1440, "light")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(chromium: Browser, server: Server, talk: str, name: str, width: int, scheme: Any) -> None:
    address, ready = PAGES[name]
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en-GB")
    try:
        page = context.new_page()
        page.goto(server.url + address.format(room=talk))
        ready(page)
        page.evaluate(AXE)
        assert page.evaluate(LOOK) == []
    finally:
        context.close()


def test_history_is_not_read_out_and_what_comes_then_is(chromium: Browser, server: Server, talk: str) -> None:
    page = chromium.new_page()
    page.add_init_script(
        """new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
          if (node.className === 'message' || node.className === 'message follow') {
            (window.said = window.said || []).push(node.parentNode.getAttribute('aria-live'));
          }
        }))).observe(document, {subtree: true, childList: true})"""
    )
    try:
        page.goto(f"{server.url}/?room={talk}")
        _ready(page)
        log = page.get_by_role("log", name="Messages")
        expect(log).to_have_attribute("aria-live", "polite")
        assert page.evaluate("window.said") == ["off"] * 5
        publish(server.url, talk, {"user": "Ann", "text": "now"})
        eventually(lambda: page.evaluate("window.said.length") == 6, what="the message on the page")
        assert page.evaluate("window.said").pop() == "polite"
    finally:
        page.close()


def test_what_one_has_written_oneself_is_not_read_out_again_when_the_server_has_it(
    chromium: Browser, server: Server, talk: str
) -> None:
    page = chromium.new_page()
    try:
        page.goto(f"{server.url}/?room={talk}")
        _ready(page)
        page.fill("#text", "mine")
        page.press("#text", "Enter")
        # It goes to the place that its id has, and a screen reader takes it for another one there.
        expect(page.locator("#messages .message[data-id].own")).to_have_attribute("aria-live", "off")
    finally:
        page.close()


def test_nothing_moves_for_whom_motion_is_too_much(chromium: Browser, server: Server, talk: str) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(f"{server.url}/?room={talk}")
        _ready(page)
        moving = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none')"
        assert page.evaluate(f"{moving}.length") == 0
    finally:
        context.close()


def test_the_focus_goes_through_the_page_in_the_order_in_which_it_is_read(
    chromium: Browser, server: Server, talk: str
) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    try:
        page.goto(f"{server.url}/?room={talk}")
        _ready(page)
        page.evaluate("document.activeElement.blur()")
        order: list[str] = []
        while "people-close" not in order:
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
            assert len(order) < 40, order
            box: Any = page.evaluate("document.activeElement.getBoundingClientRect().toJSON()")
            assert box["width"] > 0
            assert box["height"] > 0
    finally:
        page.close()
    wanted = ["room", "private", "name", "people-toggle", "scroll", "text", "send", "people-close"]
    assert [one for one in order if one in wanted] == wanted
    assert order[0] == "Skip to the message field"
    assert any(re.match("https://example.org", one) for one in order), "links in messages can be reached"
