"""Private rooms in the browser: one opens a room, sends the link, and whoever opens it is in; nobody else is."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import Server, eventually

from .chat import Chat
from .conftest import Visit


def open_room(chat: Chat) -> str:
    """Open a private room and go there; return the link that leads there."""
    page = chat.page
    page.get_by_role("button", name="New private room").click()
    expect(page.get_by_role("dialog", name="A private room")).to_be_visible()
    expect(page.locator("#link")).not_to_have_value("")
    link = page.input_value("#link")
    page.get_by_role("link", name="Go to the room").click()
    page.wait_for_url("**room=private/room-*")
    chat.wait_connected()
    return link


def follow(chat: Chat, link: str) -> Page:
    chat.page.goto(link)
    return chat.page


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_two_people_chat_in_a_room_of_their_own(gevent_server: Server, visit: Visit, room: str, transport: str) -> None:
    ann, bob, eve = (
        visit(gevent_server.url, room, user=user, transport=transport, network_fails=user == "Eve")
        for user in ("Ann", "Bob", "Eve")
    )
    link = open_room(ann)
    assert f"transport={transport}" in ann.page.url, "the chosen transport is kept"
    expect(ann.page.locator("#title-room")).to_contain_text("Private ")
    page = follow(bob, link)
    page.wait_for_url("**room=private/room-*")
    bob.wait_connected()
    ann.send("just us")
    ann.wait_until_nothing_waits()
    bob.send("yes")
    bob.wait_until_nothing_waits()
    for chat in (ann, bob):
        eventually(lambda chat=chat: chat.texts == ["just us", "yes"], what="both messages")  # type: ignore[misc]
    secret = link.split("#")[1]
    assert secret not in page.url
    page.go_back()
    assert secret not in page.url, "nor does the history keep it"
    eve.page.goto(ann.page.url)
    expect(eve.page.locator("#notice")).to_have_text(
        "This room is private. Ask somebody who is in it for an invitation."
    )
    assert eve.texts == []
    expect(eve.page.locator("#invite"), "who is not in it cannot invite to it").to_be_hidden()


def test_who_is_in_the_room_makes_another_link_from_it(gevent_server: Server, visit: Visit, room: str) -> None:
    ann, bob = (visit(gevent_server.url, room, user=user) for user in ("Ann", "Bob"))
    expect(ann.page.get_by_role("button", name="Invite")).to_be_hidden()
    open_room(ann)
    page = ann.page
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog", name="Invite to this room")
    expect(dialog).to_be_visible()
    expect(page.locator("#link")).not_to_have_value("")
    first = page.input_value("#link")
    page.select_option("#lasts", label="one hour")
    expect(page.locator("#link")).not_to_have_value(first)
    expect(page.locator("#link")).not_to_have_value("")
    follow(bob, page.input_value("#link"))
    bob.page.wait_for_url("**room=private/room-*")
    assert bob.page.url.split("room=")[1] == page.url.split("room=")[1]


def test_the_dialog_keeps_the_focus_and_gives_it_back(gevent_server: Server, visit: Visit, room: str) -> None:
    page = visit(gevent_server.url, room).page
    page.focus("#private")
    page.keyboard.press("Enter")
    expect(page.locator("#link")).not_to_have_value("")
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert seen == {"link", "copy", "lasts", "cancel", "enter-private"}
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert seen == {"link", "copy", "lasts", "cancel", "enter-private"}
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "private"


def test_the_link_is_copied(gevent_server: Server, visit: Visit, room: str) -> None:
    page = visit(gevent_server.url, room).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#private")
    expect(page.locator("#link")).not_to_have_value("")
    page.click("#copy")
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#link")


@pytest.mark.parametrize("wrong", ["", "#", "#nonsense", "#%E0%A4%A"])
def test_a_link_that_opens_nothing_says_so(gevent_server: Server, visit: Visit, room: str, wrong: str) -> None:
    chat = visit(gevent_server.url, room, network_fails=True)
    page = follow(chat, f"{gevent_server.url}/invitations{wrong}")
    expect(page.get_by_role("heading", name="This link does not open anything")).to_be_visible()
    page.get_by_role("link", name="Go to the public rooms").click()
    chat.wait_connected()


def test_an_expired_link_says_so_and_one_that_could_not_be_opened_now_can_be_tried_again(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room, network_fails=True)
    made = chat.page.request.post(f"{gevent_server.url}/invitations", data={"expires": 0.2}).json()
    time.sleep(max(0.0, made["expires"] - time.time()) + 0.05)
    page = follow(chat, gevent_server.url + made["link"])
    expect(page.locator("#words")).to_contain_text("It has expired")
    made = chat.page.request.post(f"{gevent_server.url}/invitations", data={}).json()
    page.route("**/invitations/accept", lambda route: route.abort())
    page = follow(chat, gevent_server.url + made["link"])
    expect(page.get_by_role("heading", name="The invitation could not be opened")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**room=private/room-*")
