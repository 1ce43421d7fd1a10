"""A real Chromium, and visits to the chat in it: each a person of its own, whose page must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from realtime import Publisher
from tests.support.browser import launched
from tests.support.processes import Redis, Server, running, start_gevent

from .chat import Chat
from .site import Site

Visit = Callable[..., Chat]
HEARTBEAT = 1
"""Seconds between two of ``server``'s."""


# Not for the whole session: while Playwright runs, no other test of this process could run an event loop.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What starts the browsers of this folder's tests."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of this folder."""
    with launched(playwright=playwright) as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Open the chat as another person, ``visit(url, room)``; see ``Chat``. At the end no page may have complained."""
    chats: list[Chat] = []

    def visit(url: str, room: str, **more: Any) -> Chat:
        size = {"width": more.pop("width", 1024), "height": 720}
        context = chromium.new_context(viewport=size, locale="en-GB", timezone_id="UTC")
        context.set_default_timeout(15_000)
        chat = Chat(context.new_page(), url, room, **more)
        chats.append(chat)
        chat.enter()
        return chat

    yield visit
    complaints = [complaint for chat in chats for complaint in chat.complaints]
    for chat in chats:
        chat.page.context.close()
    assert not complaints


@contextmanager
def _serving() -> Iterator[Site]:
    site = Site()
    Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of event streams."""
    with _serving() as site:
        yield site


@pytest.fixture(scope="module")
def other() -> Iterator[Site]:
    """Another origin of the same host."""
    with _serving() as site:
        yield site


@pytest.fixture(scope="module")
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A page of the site with the browser client, which does nothing by itself."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.url)
    yield page
    context.close()


@pytest.fixture(scope="module")
def server(shared_redis: Redis, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose heart beats fast, on Redis. Files that need another have a ``server`` of their own."""
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": request.module.__name__}
    server = start_gevent(**env, REALTIME_HISTORY_LENGTH="20000", REALTIME_HEARTBEAT=str(HEARTBEAT))
    with running(server):
        yield server


@pytest.fixture
def publisher(shared_redis: Redis, request: pytest.FixtureRequest) -> Iterator[Publisher]:
    """Publishes where that ``server`` is."""
    with Publisher(shared_redis.url, namespace=request.module.__name__) as publisher:
        yield publisher
