"""What was said before: older messages page by page, days, and what is new since somebody was away."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import Server, eventually
from tests.support.publishing import history, publish

from .chat import Chat
from .conftest import Visit

TRANSPORTS = ("websocket", "sse")
HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def say(server: Server, room: str, *numbers: int, user: str = "Cy") -> list[str]:
    return [publish(server.url, room, {"user": user, "text": f"cy {number}"}) for number in numbers]


def numbers(first: int, last: int) -> list[str]:
    return [f"cy {number}" for number in range(first, last)]


def top_of(page: Page, text: str) -> float:
    place: Any = page.locator(f".message:has-text('{text}')").first.bounding_box()
    return float(place["y"])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_older_messages_come_page_by_page_without_moving_what_is_read_until_the_log_begins(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    say(gevent_server, room, *range(120))
    chat = visit(gevent_server.url, room, transport=transport)
    page, older = chat.page, chat.page.locator("#older")
    eventually(lambda: chat.texts == numbers(70, 120), what="the newest fifty")
    page.evaluate("document.querySelector('#scroll').scrollTop = 200")  # not so near the top that more is asked for
    before = top_of(page, "cy 75")
    older.evaluate("(button) => button.click()")
    eventually(lambda: chat.texts == numbers(20, 120), what="fifty more")
    assert top_of(page, "cy 75") == pytest.approx(before, abs=2), "what is read stays where it is"
    page.evaluate("document.querySelector('#scroll').scrollTop = 0")
    eventually(lambda: chat.texts == numbers(0, 120), what="all of it, asked for by scrolling to the top")
    expect(page.locator("#begin")).to_have_text(f"This is where #{room} begins.")
    expect(older).to_be_hidden()
    say(gevent_server, room, 120)
    eventually(lambda: chat.texts == numbers(0, 121), what="what is said meanwhile")
    assert chat.watched().count(history(gevent_server.url, room)[-1]["id"]) == 1


def test_a_short_room_says_where_it_begins_and_an_empty_one_invites(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room)
    expect(chat.page.locator("#empty")).to_have_text("No messages yet. Say hello.")
    expect(chat.page.locator("#how"), "and how to see what it is good for").to_contain_text("in a second window")
    expect(chat.page.locator("#begin")).to_be_hidden()
    other = f"{room}-b"
    say(gevent_server, other, 1)
    chat.go_to(other)
    expect(chat.page.locator("#begin")).to_have_text(f"This is where #{other} begins.")
    expect(chat.page.locator("#how")).to_be_hidden()


def test_older_messages_that_cannot_be_loaded_are_said_and_asked_for_again(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    say(gevent_server, room, *range(60))
    chat = visit(gevent_server.url, room, network_fails=True)
    chat.page.route("**/messages?*before=*", lambda route: route.abort())
    chat.page.click("#older")
    expect(chat.page.locator("#trouble")).to_contain_text("could not be loaded")
    chat.page.unroute_all()
    chat.page.click("#older")
    eventually(lambda: chat.texts == numbers(0, 60), what="all of it")
    expect(chat.page.locator("#trouble")).to_be_empty()


def _look_away(chat: Chat, away: bool = True) -> None:
    chat.page.evaluate(HIDE, away)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_came_while_the_page_was_hidden_is_counted_in_the_title_and_marked(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    say(gevent_server, room, *range(3))
    chat = visit(gevent_server.url, room, transport=transport)
    page = chat.page
    eventually(lambda: chat.texts == numbers(0, 3))
    expect(page.locator("#messages .new")).to_have_count(0)
    _look_away(chat)
    say(gevent_server, room, 3, 4)
    expect(page).to_have_title(f"(2) #{room} · Realtime")
    assert page.locator("#messages .new + .message .text").text_content() == "cy 3"
    _look_away(chat, away=False)
    expect(page).to_have_title(f"#{room} · Realtime")
    expect(page.locator("#messages .new"), "the line stays to be found").to_have_count(1)
    _look_away(chat)
    say(gevent_server, room, 5)
    eventually(lambda: page.locator("#messages .new + .message .text").text_content() == "cy 5")
    expect(page.locator("#messages .new"), "and moves when something new comes").to_have_count(1)


def test_who_comes_back_another_day_begins_where_they_stopped_and_jumps_to_the_end(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    say(gevent_server, room, *range(5))
    chat = visit(gevent_server.url, room)
    page = chat.page
    eventually(lambda: chat.texts == numbers(0, 5))
    page.goto("about:blank")
    say(gevent_server, room, *range(5, 35))
    page.go_back()
    chat.wait_connected()
    line = page.locator("#messages .new")
    expect(line).to_be_in_viewport()
    assert page.locator("#messages .new + .message .text").text_content() == "cy 5"
    expect(page).to_have_title(f"(30) #{room} · Realtime")
    expect(page.locator("#jump")).to_contain_text("30 new messages")
    page.click("#jump")
    expect(page.locator("#messages .message").last).to_be_in_viewport()
    expect(page).to_have_title(f"#{room} · Realtime")
    expect(page.locator("#jump")).to_be_hidden()
    # And from the end one finds the way back up.
    page.click("#back")
    expect(line).to_be_in_viewport()


def test_who_reads_further_up_is_left_there_and_told_how_much_is_new(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    say(gevent_server, room, *range(40))
    chat = visit(gevent_server.url, room)
    page = chat.page
    eventually(lambda: len(chat.texts) == 40)
    page.evaluate("document.querySelector('#scroll').scrollTop = 300")
    expect(page.locator("#jump")).to_contain_text("Latest messages")
    before = top_of(page, "cy 15")
    say(gevent_server, room, 40)
    expect(page.locator("#jump")).to_contain_text("1 new message")
    assert top_of(page, "cy 15") == before
    chat.send("mine")
    expect(page.locator("#messages .message").last).to_be_in_viewport()


def test_messages_of_several_days_stand_under_their_day(gevent_server: Server, visit: Visit, room: str) -> None:
    # The day is the id's, which the server gives: the page is made to believe that it is later.
    say(gevent_server, room, 1)
    chat = visit(
        gevent_server.url,
        room,
        before=lambda page: page.add_init_script(
            "const real = Date; window.Date = class extends real {"
            "constructor(...more) { if (more.length) { super(...more); } else { super(real.now() + 864e5); } } }"
        ),
    )
    expect(chat.page.locator("#messages .day time")).to_have_text("Yesterday")
    assert chat.page.get_attribute("#messages .day time", "datetime") == chat.page.evaluate(
        "new Date(Date.now()).toISOString().slice(0, 10)"
    )
