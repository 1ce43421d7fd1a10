"""What is new in the rooms that are not shown: on the list of rooms, and on narrow screens on the button to it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.processes import Server
from tests.support.publishing import publish

from .conftest import Visit


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_rooms_that_are_not_shown_say_how_much_is_new_in_them(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    chat = visit(gevent_server.url, room, transport=transport)
    page, other = chat.page, f"{room}-b"
    chat.send("mine")
    chat.wait_until_nothing_waits()
    chat.go_to(other)
    expect(page.locator("#empty")).to_have_text("No messages yet. Say hello.")
    for number in range(2):
        publish(gevent_server.url, room, {"user": "Cy", "text": f"cy {number}"})
    page.reload()
    expect(page.get_by_role("link", name=f"# {room} 2 new", exact=True)).to_be_visible()
    for number in range(10):
        publish(gevent_server.url, other, {"user": "Cy", "text": f"cy {number}"})
    expect(page.locator("#messages .message")).to_have_count(10)
    expect(page.get_by_role("link", name=f"# {other}", exact=True), "what is shown is not counted").to_be_visible()
    page.get_by_role("link", name=f"# {room} 2 new").click()
    expect(page.locator("#messages .new + .message .text")).to_have_text("cy 0")
    expect(page.get_by_role("link", name=f"# {room}", exact=True)).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name=f"# {other}", exact=True).click()
    left = page.get_by_role("link", name=f"# {room}", exact=True)
    expect(left, "it was read").not_to_have_attribute("aria-current", "page")


def test_on_a_phone_the_button_to_the_rooms_says_it(gevent_server: Server, visit: Visit, room: str) -> None:
    chat = visit(gevent_server.url, room, width=390)
    expect(chat.page.locator("#empty"), "the room was entered").to_have_text("No messages yet. Say hello.")
    expect(chat.page.get_by_role("button", name="Rooms and name", exact=True)).to_be_visible()
    chat.page.goto(f"{gevent_server.url}/?room={room}-b")
    publish(gevent_server.url, room, {"user": "Cy", "text": "cy"})
    chat.page.reload()
    expect(chat.page.get_by_role("button", name="Rooms and name; there are new messages")).to_be_visible()
