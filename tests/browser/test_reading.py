"""Where the reader is: nothing moves under their eyes, whatever comes and goes around the conversation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import Server, eventually, running, start_gevent
from tests.support.publishing import publish

from .conftest import Visit

BELOW = """() => {
  const place = document.getElementById('scroll');
  return place.scrollHeight - place.scrollTop - place.clientHeight;
}"""
WIDE = 1200
"""Where the list of who is here stands beside the conversation by itself."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """With presence; use rooms of your own."""
    with running(one := start_gevent(REALTIME_PRESENCE="1")):
        yield one


def say(server: Server, room: str, count: int, words: str = "wrapped where there is less room " * 4) -> None:
    for number in range(count):
        publish(server.url, room, {"user": "Cy", "text": f"no. {number}: {words}"})


def top_of(page: Page, number: int) -> float:
    top: float = page.evaluate(
        "(start) => [...document.querySelectorAll('.text')].find((one) => one.textContent.startsWith(start))"
        ".getBoundingClientRect().top",
        f"no. {number}:",
    )
    return top


def must_be_at_the_end(page: Page) -> None:
    eventually(lambda: page.evaluate(BELOW) <= 1, within=5, what="the end of the conversation")


def scroll_to(page: Page, number: int) -> None:
    """As a reader does: away from the end, which the page notices."""
    page.evaluate(f"document.querySelectorAll('#messages .message')[{number}].scrollIntoView()")
    expect(page.locator("#jump")).to_be_visible()


def test_the_end_is_in_sight_also_when_the_list_of_who_is_here_stands_beside_it(
    server: Server, visit: Visit, room: str
) -> None:
    say(server, room, 40)
    page = visit(server.url, room, width=WIDE).page
    expect(page.locator("#people-list li")).to_have_count(1)
    must_be_at_the_end(page)
    page.click("#people-close")
    must_be_at_the_end(page)
    page.click("#people-toggle")
    must_be_at_the_end(page)


def test_the_line_that_is_read_stays_where_it_is_when_there_is_more_or_less_room(
    server: Server, visit: Visit, room: str
) -> None:
    say(server, room, 40)
    page = visit(server.url, room, width=WIDE).page
    expect(page.locator("#people-list li")).to_have_count(1)
    scroll_to(page, 20)
    before = top_of(page, 20)
    page.click("#people-close")
    assert top_of(page, 20) == pytest.approx(before, abs=1)
    page.set_viewport_size({"width": 400, "height": 800})
    eventually(lambda: abs(top_of(page, 20) - before) <= 1, within=5, what="the same line")


def test_the_line_that_is_read_stays_where_it_is_when_the_log_has_no_more(
    server: Server, visit: Visit, room: str
) -> None:
    say(server, room, 60)
    page = visit(server.url, room).page
    expect(page.locator("#messages .message")).to_have_count(50)
    scroll_to(page, 5)
    before = top_of(page, 15)
    page.locator("#older").evaluate("(button) => button.click()")
    expect(page.locator("#begin")).to_be_visible()
    assert top_of(page, 15) == pytest.approx(before, abs=1)


def test_who_has_opened_a_long_message_is_not_taken_to_the_next_one(server: Server, visit: Visit, room: str) -> None:
    say(server, room, 1, "long " * 2000)
    page = visit(server.url, room).page
    expect(page.locator("#messages .message")).to_have_count(1)
    page.click(".more")
    before = top_of(page, 0)
    publish(server.url, room, {"user": "Cy", "text": "next"})
    expect(page.locator("#jump")).to_contain_text("1 new message")
    assert top_of(page, 0) == before
