"""What people write: links, long texts, emoji, right to left, and two people of one name."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.processes import Server, eventually
from tests.support.publishing import publish

from .conftest import Visit


def test_links_open_elsewhere_and_can_do_nothing_to_the_page(gevent_server: Server, visit: Visit, room: str) -> None:
    texts = [
        "(see https://example.org/wiki/Foo_(bar)), or www.example.com.",
        "javascript:alert(1) and https://example.org@evil.example",
        "mailto:ann@example.org?subject=hi!",
    ]
    for text in texts:
        publish(gevent_server.url, room, {"user": "Cy", "text": text})
    chat = visit(gevent_server.url, room)
    eventually(lambda: chat.texts == texts, what="the texts, whole")
    links = chat.page.locator("#messages .text a")
    assert links.evaluate_all("(all) => all.map((one) => [one.href, one.target, one.rel])") == [
        [href, "_blank", "noopener noreferrer nofollow"]
        for href in (
            "https://example.org/wiki/Foo_(bar)",
            "https://www.example.com/",
            "mailto:ann@example.org?subject=hi",
        )
    ]


def test_a_long_message_is_shown_in_part_until_one_wants_more(gevent_server: Server, visit: Visit, room: str) -> None:
    for text in ("w" * 8000, "line\n" * 100 + "https://example.org"):
        publish(gevent_server.url, room, {"user": "Cy", "text": text})
    chat = visit(gevent_server.url, room, width=320)
    page = chat.page
    first, second = (page.locator("#messages .message").nth(number) for number in range(2))
    expect(second).to_be_visible()
    assert first.bounding_box()["height"] < 350  # type: ignore[index]
    more = first.get_by_role("button", name="Show more")
    assert more.get_attribute("aria-expanded") == "false"
    more.click()
    assert first.bounding_box()["height"] > 2000  # type: ignore[index]
    less = first.get_by_role("button", name="Show less")
    assert less.get_attribute("aria-expanded") == "true"
    less.click()
    assert first.bounding_box()["height"] < 350  # type: ignore[index]
    # A link further down is not lost to the keyboard: reaching it shows it.
    second.locator("a").focus()
    expect(second.get_by_role("button", name="Show less")).to_be_visible()
    expect(second.locator("a")).to_be_in_viewport()


def test_a_few_emoji_are_large_and_each_line_has_its_own_direction(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    for text in ("🎉👍🏽", "hello\nשלם", "שלום https://example.org/a!"):
        publish(gevent_server.url, room, {"user": "עדי", "text": text})
    chat = visit(gevent_server.url, room)
    texts = chat.page.locator("#messages .text")
    expect(texts).to_have_count(3)
    expect(texts.nth(0)).to_have_class("text emoji")
    assert texts.nth(1).evaluate("(one) => getComputedStyle(one).unicodeBidi") == "plaintext"
    assert texts.nth(2).evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    assert texts.nth(2).locator("a").evaluate("(one) => getComputedStyle(one).direction") == "ltr"


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_two_people_of_one_name_are_told_apart_from_the_moment_that_both_have_spoken(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    ann, other = (visit(gevent_server.url, room, user="Ann", transport=transport) for _ in range(2))
    ann.send("I am Ann")
    ann.wait_until_nothing_waits()
    eventually(lambda: other.texts == ["I am Ann"])
    tags = [chat.page.locator("#messages .tag:visible") for chat in (ann, other)]
    for one in tags:
        expect(one).to_have_count(0)
    other.send("So am I")
    other.wait_until_nothing_waits()
    for one in tags:
        expect(one).to_have_count(2)
    mine, theirs = tags[0].all_text_contents()
    assert mine == "you"
    assert theirs.startswith("#")
    assert tags[1].all_text_contents()[1] == "you"
    # Who stays in one place keeps their tag: a newcomer sees two people, too.
    shown = visit(gevent_server.url, room).page.locator("#messages .tag:visible")
    expect(shown).to_have_count(2)
    assert shown.all_text_contents()[1] == theirs
    assert len(set(shown.all_text_contents())) == 2
