"""The chat under a finger, on the screen of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.processes import Server

WORD = "getComputedStyle(document.getElementById('status'), '::after').content"
LEAST = 40
"""Pixels that a finger needs."""


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A page on a phone."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def test_whatever_a_finger_presses_is_large_enough_for_it(gevent_server: Server, phone: Page, room: str) -> None:
    phone.goto(f"{gevent_server.url}/?room={room}")
    expect(phone.locator("#empty")).to_have_text("No messages yet. Say hello.")
    phone.tap("#menu")
    for part in ("#menu", "#rooms a", "#room", "#enter button", "#private", "#name", "#send"):
        box: Any = phone.locator(part).first.bounding_box()
        assert box["height"] >= LEAST, part
        assert box["width"] >= LEAST, part


def test_a_room_that_is_chosen_is_shown_and_no_keyboard_over_it(gevent_server: Server, phone: Page, room: str) -> None:
    for one in (f"{room}-b", room):
        phone.goto(f"{gevent_server.url}/?room={one}")
        expect(phone.locator("#empty")).to_have_text("No messages yet. Say hello.")
    phone.tap("#menu")
    phone.tap(f"#rooms a:has-text('{room}-b')")
    expect(phone.locator("#title-room")).to_have_text(f"{room}-b")
    assert phone.evaluate("document.activeElement.id") == "scroll"


def test_a_connection_that_is_away_is_said_in_a_word_and_not_by_a_colour_alone(
    gevent_server: Server, phone: Page, room: str
) -> None:
    phone.goto(f"{gevent_server.url}/?room={room}")
    expect(phone.locator("#status")).to_have_text("Connected over WebSocket")
    assert phone.evaluate(WORD) == "none"
    phone.context.set_offline(True)
    expect(phone.locator("#status")).to_have_text("Reconnecting…")
    assert phone.evaluate(WORD) != "none"
