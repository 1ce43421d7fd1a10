"""What one writes is not lost: it waits, is seen to wait, is tried again or discarded; the way back is in sight."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.processes import Server, eventually
from tests.support.proxy import Proxy
from tests.support.publishing import history, publish

from .chat import Chat, log
from .conftest import Visit

SLOW = "Math.random = () => 0.99"  # every wait is a random part of its step


def _offline(page: Page, offline: bool = True) -> None:
    page.context.set_offline(offline)


def test_what_is_written_while_offline_is_seen_to_wait_and_is_sent_in_order_afterwards(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room, user="Ann", transport="sse", network_fails=True)
    page = chat.page
    _offline(page)
    expect(page.locator("#banner")).to_contain_text("You are offline")
    chat.send("one", "two")
    expect(page.locator("#queue-words")).to_have_text("2 messages wait to be sent")
    assert chat.waiting == ["one", "two"]
    page.click("#queue-toggle")
    expect(page.locator("#queue-list .what")).to_have_text(["one", "two"])
    expect(page.locator("#queue-list .how").last).to_have_text("Waiting")
    _offline(page, offline=False)
    chat.wait_until_nothing_waits()
    expect(page.locator("#queue")).to_be_hidden()
    expect(page.locator("#banner")).to_be_hidden()
    chat.must_show(log(gevent_server.url, room))
    assert chat.texts == ["one", "two"]
    expect(page.locator("#messages [data-state=sent] .mark")).to_have_count(2)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_while_the_server_is_away_the_page_counts_down_and_tries_when_told(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    with Proxy(gevent_server.port) as proxy:
        chat = visit(
            proxy.url,
            room,
            user="Ann",
            transport=transport,
            network_fails=True,
            before=lambda page: page.add_init_script(SLOW),
        )
        page = chat.page
        with proxy.down():
            expect(page.locator("#banner-words")).to_contain_text("The connection is away.")
            chat.send("kept")
            expect(page.locator("#banner-rest")).to_have_text("Next try in 8 s", timeout=20_000)
            expect(page.locator("#banner-rest")).to_have_text("Next try in 7 s")
        page.click("#banner-now")
        chat.wait_connected(transport)
        expect(page.locator("#banner")).to_be_hidden()
        chat.wait_until_nothing_waits()
        assert [one.text for one in log(gevent_server.url, room)] == ["kept"]
        assert page.evaluate("document.activeElement.id") == "text"


def _refuse(chat: Chat, status: int, code: str) -> None:
    def answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        body = f'{{"error": {{"code": "{code}", "message": "not today"}}}}'
        return route.fulfill(status=status, content_type="application/json", body=body)

    chat.page.route("**/messages", answer)


def test_a_message_that_is_refused_says_why_and_can_be_tried_again_or_discarded(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room, user="Ann", transport="sse", network_fails=True)
    page = chat.page
    _refuse(chat, 422, "invalid_value")
    chat.send("one", "two", "three")
    failed = page.locator("#messages .message[data-state=failed]")
    expect(failed).to_have_count(3)
    expect(failed.first.locator(".note")).to_contain_text("Not sent: not today.")
    expect(page.locator("#queue-words")).to_have_text("3 could not be sent")
    page.unroute_all()
    failed.first.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(2)
    failed.first.get_by_role("button", name="Discard").click()
    expect(failed).to_have_count(1)
    page.click("#queue-all")
    chat.wait_until_nothing_waits()
    assert chat.texts == ["one", "three"]
    assert [one.text for one in log(gevent_server.url, room)] == ["one", "three"]
    expect(page.locator("#queue")).to_be_hidden()


def test_a_message_that_waits_because_there_were_too_many_says_so(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room, transport="sse", network_fails=True)
    words = chat.page.locator("#queue-words")
    _refuse(chat, 429, "rate_limited")
    chat.send("one")
    expect(words).to_have_text("1 message waits to be sent · too many at once, so it is tried again by itself")
    chat.page.unroute_all()
    chat.wait_until_nothing_waits()
    expect(chat.page.locator("#queue")).to_be_hidden()


def test_what_waits_for_another_room_is_named_and_leads_there(gevent_server: Server, visit: Visit, room: str) -> None:
    chat = visit(gevent_server.url, room, transport="sse", network_fails=True)
    page, other = chat.page, f"{room}-b"
    _refuse(chat, 422, "invalid_value")
    chat.send("for here")
    expect(page.locator("#queue")).to_be_visible()
    chat.go_to(other)
    expect(page.locator("#empty")).to_have_text("No messages yet. Say hello.")
    page.click("#queue-toggle")
    page.get_by_role("button", name=f"#{room}", exact=True).click()
    eventually(lambda: chat.texts == ["for here"], what="the message in its room")
    page.unroute_all()
    page.locator("#queue-list").get_by_role("button", name="Try again").click()
    chat.wait_until_nothing_waits()
    assert [one.text for one in log(gevent_server.url, room)] == ["for here"]


def test_what_waits_outlives_a_reload(gevent_server: Server, visit: Visit, room: str) -> None:
    chat = visit(gevent_server.url, room, user="Ann", transport="sse", network_fails=True)
    page = chat.page
    page.route("**/messages", lambda route: route.abort())
    chat.send("kept")
    expect(page.locator("#queue-words")).to_have_text("1 message waits to be sent")
    page.reload()
    page.unroute_all()
    eventually(lambda: chat.texts == ["kept"], what="the message on the page")
    chat.wait_until_nothing_waits()
    assert [one.text for one in log(gevent_server.url, room)] == ["kept"]
    assert page.evaluate("sessionStorage['realtime.queue']") == "[]"


def test_what_the_server_had_got_before_a_reload_is_said_once_and_what_is_old_only_when_told(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room, user="Ann")
    page = chat.page
    said = {"user": "Ann", "from": page.evaluate("localStorage['realtime.tag']"), "text": "known"}
    publish(gevent_server.url, room, said, key="k-1")
    page.evaluate(
        """(room) => sessionStorage.setItem('realtime.queue', JSON.stringify([
          {room, user: 'Ann', text: 'known', key: 'k-1', time: Date.now()},
          {room, user: 'Ann', text: 'old', key: 'k-2', time: Date.now() - 9 * 60e3}]))""",
        room,
    )
    page.reload()
    expect(page.locator("#messages [data-state=failed] .text")).to_have_text("old")
    eventually(lambda: chat.texts == ["known", "old"], what="each once")
    page.get_by_role("button", name="Discard").first.click()
    eventually(lambda: chat.texts == ["known"])
    assert len(history(gevent_server.url, room)) == 1


def test_each_room_keeps_what_was_begun_in_it(gevent_server: Server, visit: Visit, room: str) -> None:
    chat = visit(gevent_server.url, room)
    page, other = chat.page, f"{room}-b"
    page.fill("#text", "half a thou")
    chat.go_to(other)
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator("#empty"), "the room was entered").to_have_text("No messages yet. Say hello.")
    page.fill("#text", "another")
    page.go_back()
    expect(page.locator("#text")).to_have_value("half a thou")
    page.reload()
    expect(page.locator("#text")).to_have_value("half a thou")
    chat.send("whole")
    page.click(f"#rooms a:has-text('{other}')")
    expect(page.locator("#text")).to_have_value("another")
    page.click(f"#rooms bdi:text-is('{room}')")
    expect(page.locator("#text")).to_have_value("")
