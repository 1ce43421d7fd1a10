"""One person's chat in a browser: what the page shows, and the hands that use it.

The page is read as a person sees it, and watched by an observer of the document that remembers every message that
was ever put into it and every state of the connection. Nothing here looks into the page's own JavaScript.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.support.processes import eventually
from tests.support.publishing import history

CONNECTED = "#status[data-state=connected]"

WATCH = """(() => {
  const watched = window.watched = {messages: [], states: []};
  const state = (status) => watched.states.push([status.dataset.state, status.dataset.transport, performance.now()]);
  new MutationObserver((changes) => changes.forEach((change) => {
    if (change.target.id === 'status' && change.attributeName === 'data-transport') { state(change.target); }
    change.addedNodes.forEach((node) => {
      if (node.className && String(node.className).includes('message') && node.dataset.id) {
        watched.messages.push(node.dataset.id);
      }
    });
  })).observe(document, {subtree: true, childList: true, attributes: true});
})()"""

SHOWN = """() => [...document.querySelectorAll('#messages .message')].map((item) =>
  [item.dataset.id, item.querySelector('.author').textContent, item.querySelector('.text').textContent])"""


class Said(NamedTuple):
    """One message; ``id`` is None while it waits to be accepted."""

    id: str | None
    user: str
    text: str


def log(base: str, room: str) -> list[Said]:
    """What the server has kept of a room: the truth that pages are compared with."""
    return [Said(one["id"], one["data"]["user"], one["data"]["text"]) for one in history(base, room)]


class Chat:
    """A page of its own with the chat.

    Args:
        page: in a fresh context.
        url: the server, or something in front of it.
        room: to enter.
        user: the person's name; default: the one that the page makes up.
        transport: what the page is told to use; default: its own choice.
        before: called with the page before anything is loaded.
        network_fails: the test breaks the network, or asks for what is refused. The browser itself then reports that
            on the console, and may.
        wait: until the page says that it is connected.
    """

    def __init__(
        self,
        page: Page,
        url: str,
        room: str,
        *,
        user: str | None = None,
        transport: str | None = None,
        before: Callable[[Page], Any] | None = None,
        network_fails: bool = False,
        wait: bool = True,
    ) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._address = f"{url}/?" + urlencode({"room": room} | ({"transport": transport} if transport else {}))
        self._user = user
        self._network_fails = network_fails
        self._wait = wait
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.add_init_script(WATCH)
        if before is not None:
            before(page)

    def enter(self) -> None:
        """Open the page."""
        self.page.goto(self._address)
        if self._user is not None:
            self.page.fill("#name", self._user)
            self.page.keyboard.press("Tab")
        if self._wait:
            self.wait_connected()

    # ---- hands ----

    def send(self, *texts: str) -> None:
        """Write messages and send each with Enter."""
        for text in texts:
            self.page.fill("#text", text)
            self.page.press("#text", "Enter")

    def go_to(self, room: str) -> None:
        """Enter another room by its name."""
        self.page.fill("#room", room)
        self.page.press("#room", "Enter")

    # ---- eyes ----

    def shown(self) -> list[Said]:
        """Every message on the page, from top to bottom."""
        return [Said(*one) for one in self.page.evaluate(SHOWN)]

    @property
    def texts(self) -> list[str]:
        """The texts on the page."""
        return [one.text for one in self.shown()]

    @property
    def transport(self) -> str | None:
        """What the page says it is connected over."""
        return self.page.get_attribute("#status", "data-transport")

    @property
    def waiting(self) -> list[str]:
        """The texts that the page marks as not sent yet."""
        return self.page.locator("#messages .message[data-state=waiting] .text").all_text_contents()

    def wait_until_nothing_waits(self) -> None:
        """Wait until everything that was sent here has been accepted."""
        expect(self.page.locator("#messages .message:not([data-id])")).to_have_count(0, timeout=20_000)

    def wait_connected(self, transport: str | None = None) -> None:
        """Wait until the page says that it is connected (over ``transport``)."""
        over = f'[data-transport="{transport}"]' if transport else ""
        expect(self.page.locator(CONNECTED + over)).to_be_visible(timeout=15_000)

    def wait_disconnected(self) -> None:
        """Wait until the page has noticed that its connection is gone."""
        expect(self.page.locator(CONNECTED)).to_have_count(0, timeout=15_000)

    def must_show(self, expected: list[Said], *, within: float = 20) -> None:
        """Wait until the page shows exactly this."""
        with contextlib.suppress(AssertionError):
            eventually(lambda: self.shown() == expected, within=within)
        assert self.shown() == expected

    def must_show_once(self, expected: list[Said]) -> None:
        """Wait until the page shows exactly this, and nothing was ever on it twice, even for a moment."""
        self.must_show(expected)
        assert Counter(self.watched()) == Counter(one.id for one in expected)

    # ---- memory ----

    def watched(self) -> list[str]:
        """The ids of all messages that were ever put on the page, in that order, double ones twice."""
        ids: list[str] = self.page.evaluate("watched.messages")
        return ids

    def must_have_watched(self, expected: list[str], *, within: float = 30) -> None:
        """Wait until the last of these was put on the page: by then it must have been exactly these."""
        last = "id => watched.messages.includes(id)"
        eventually(lambda: self.page.evaluate(last, expected[-1]), within=within, what="the last message on the page")
        assert self.watched() == expected

    def connections(self) -> list[tuple[str, float]]:
        """Over what the page said to be connected, each time, and when, in milliseconds since the page was opened."""
        return [(over, at) for state, over, at in self.page.evaluate("watched.states") if state == "connected"]

    def wait_for_connections(self, count: int) -> None:
        """Wait until the page has been connected so many times."""
        eventually(lambda: len(self.connections()) >= count, within=20, what=f"{count} connections")

    def _hear(self, said: ConsoleMessage) -> None:
        expected = self._network_fails and said.text.startswith(
            (
                "Failed to load resource: net::ERR_",
                "Failed to load resource: the server responded with",
                "WebSocket connection to",
            )
        )
        if said.type in {"error", "warning"} and not expected:
            self.complaints.append(f"console: {said.text} ({said.location})")
