"""A page that stood still for a while: its machine slept, or the browser kept it aside and its reader went back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright

from realtime import Publisher
from tests.support.browser import launched
from tests.support.processes import Server, eventually
from tests.support.proxy import Proxy
from tests.support.publishing import publish

from .client import FOLLOW, Steady, told

ASLEEP = 3.5


@pytest.fixture(scope="module")
def keeping(playwright: Playwright) -> Iterator[Browser]:
    """A browser that keeps pages aside, as people's do and Playwright's does not."""
    with launched(leave_out=["--disable-back-forward-cache"], playwright=playwright) as browser:
        yield browser


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """A page of the chat that holds no connection which would keep it from being kept aside."""
    context = browser.new_context()
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(url)
    yield page
    context.close()


def renderers(browser: Browser) -> list[int]:
    """The processes in which this browser's pages run."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return [one["id"] for one in found if one["type"] == "renderer"]


def kept(page: Page) -> bool:
    """Whether the page is shown again as it was."""
    try:
        return page.evaluate("window.kept === true")
    except Error:
        return False  # The browser is on its way.


def all_signalled(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_page_whose_machine_slept_misses_nothing(
    server: Server, publisher: Publisher, keeping: Browser, room: str, transport: str
) -> None:
    with Proxy(server.port) as proxy, opened(keeping, f"{proxy.url}/?room={room}-other&transport=poll") as page:
        assert page.evaluate(FOLLOW, [room, {"transports": [transport], "reconnectSchedule": [50]}]) is None
        with Steady(publisher, room) as steady:
            eventually(lambda: page.evaluate("heard.length") > 20, what="messages")
            sleeping = renderers(keeping)
            all_signalled(sleeping, signal.SIGSTOP)
            # What was open is dead when it wakes, and nobody says so.
            proxy.freeze()
            waking = Timer(ASLEEP, all_signalled, [sleeping, signal.SIGCONT])
            waking.start()
            waking.join()
            began = len(steady.ids)
            eventually(lambda: page.evaluate("heard.length") > began, within=10, what="what is live again")
        eventually(lambda: page.evaluate("heard.length") >= len(steady.ids), within=10, what="every message")
        assert page.evaluate("heard") == steady.ids
        assert told(page, "reset") == []


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_page_to_which_the_reader_goes_back_has_what_it_missed(
    server: Server, keeping: Browser, room: str, transport: str
) -> None:
    with opened(keeping, f"{server.url}/?room={room}-other&transport={transport}") as page:
        assert page.evaluate(FOLLOW, [room, {"transports": [transport], "reconnectSchedule": [50]}]) is None
        page.evaluate("addEventListener('pageshow', (e) => { window.kept = e.persisted; })")
        ids = [publish(server.url, room, "before")]
        eventually(lambda: page.evaluate("heard.length") == 1, what="the first message")
        page.goto(f"{server.url}/healthz")
        ids += [publish(server.url, room, number) for number in range(30)]
        page.evaluate("void setTimeout(() => history.back())")
        eventually(lambda: kept(page), what="the page as it was")
        eventually(lambda: page.evaluate("heard.length") >= len(ids), what="what it missed")
        ids.append(publish(server.url, room, "after"))
        eventually(lambda: page.evaluate("heard.length") >= len(ids), what="what is live")
        assert page.evaluate("heard") == ids
        assert told(page, "reset") == []
