"""Who is here, over which transport, and who is writing; across transports, rooms and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import history
from tests.support.streams import EventReader

from .chat import Chat
from .conftest import Visit

WITHIN = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The embedded bus, with presence; use rooms of your own."""
    with running(one := start_gevent(REALTIME_PRESENCE="1")):
        yield one


def here(chat: Chat) -> list[tuple[str, str]]:
    """The list as one reads it: each name (with what is said of it) and the badges."""
    rows: list[list[str]] = chat.page.locator("#people-list li").evaluate_all(
        "(all) => all.map((one) => [one.querySelector('.who').innerText.replace(/\\s+/g, ' '),"
        " [...one.querySelectorAll('.badge')].map((badge) => badge.textContent).join('+')])"
    )
    return [(name, badges) for name, badges in rows]


def must_be_here(chat: Chat, *expected: tuple[str, str]) -> None:
    eventually(lambda: here(chat) == list(expected), within=10, what=f"{expected}, not {here(chat)}")


@pytest.mark.parametrize("start", [start_gevent, start_threads], ids=["gevent", "threads"])
def test_everybody_is_on_one_list_with_the_transport_of_each(
    visit: Visit, room: str, start: Callable[..., Server]
) -> None:
    with running(server := start(REALTIME_PRESENCE="1", REALTIME_HEARTBEAT="2")):
        ann = visit(server.url, room, user="Ann", transport="websocket", width=1440)
        must_be_here(ann, ("Ann you", "WebSocket"))
        bob = visit(server.url, room, user="Bob", transport="sse", width=1440)
        # A long poll is under its name until it is answered: who has another one by then is both for a while.
        cleo = visit(
            server.url,
            room,
            transport="poll",
            width=1440,
            before=lambda page: page.add_init_script("localStorage.setItem('realtime.name', 'Cleo')"),
        )
        must_be_here(ann, ("Ann you", "WebSocket"), ("Bob", "SSE"), ("Cleo", "Long poll"))
        must_be_here(bob, ("Bob you", "SSE"), ("Ann", "WebSocket"), ("Cleo", "Long poll"))
        must_be_here(cleo, ("Cleo you", "Long poll"), ("Ann", "WebSocket"), ("Bob", "SSE"))
        with EventReader(server.url, room) as reader:
            reader.ready()
            expect(ann.page.locator("#people-more")).to_have_text("1 looking on", timeout=WITHIN)
            expect(ann.page.locator("#people-count")).to_have_text("4")
        bob.page.goto("about:blank")
        must_be_here(ann, ("Ann you", "WebSocket"), ("Cleo", "Long poll"))
        expect(ann.page.locator("#people-more")).to_be_empty()


def test_two_processes_have_one_list(visit: Visit, room: str, shared_redis: Redis, namespace: str) -> None:
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace, "REALTIME_PRESENCE": "1"}
    with running(one := start_gevent(**env), other := start_gevent(**env)):
        ann = visit(one.url, room, user="Ann", width=1440)
        bob = visit(other.url, room, user="Bob", transport="sse", width=1440)
        must_be_here(ann, ("Ann you", "WebSocket"), ("Bob", "SSE"))
        must_be_here(bob, ("Bob you", "SSE"), ("Ann", "WebSocket"))


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_new_name_is_a_new_name_for_everybody_and_namesakes_are_told_apart(
    server: Server, visit: Visit, room: str, transport: str
) -> None:
    ann, bob = (visit(server.url, room, user=user, transport=transport, width=1440) for user in ("Ann", "Bob"))
    badge = {"websocket": "WebSocket", "sse": "SSE"}[transport]
    must_be_here(ann, ("Ann you", badge), ("Bob", badge))
    bob.page.fill("#name", "Ann")
    bob.page.keyboard.press("Tab")
    tag = bob.page.evaluate("localStorage['realtime.tag']")
    must_be_here(ann, ("Ann you", badge), (f"Ann #{tag}", badge))
    # A name that no server takes keeps nobody out.
    bob.page.fill("#name", "\u202e👩\u200d👩\u200d👧")
    bob.page.keyboard.press("Tab")
    must_be_here(ann, ("Ann you", badge), ("👩👩👧", badge))
    bob.page.reload()
    bob.wait_connected(transport)
    bob.send("still here")
    bob.wait_until_nothing_waits()


def test_another_room_is_another_list_and_a_reload_shows_nobody_twice(server: Server, visit: Visit, room: str) -> None:
    ann, bob = (visit(server.url, room, user=user, width=1440) for user in ("Ann", "Bob"))
    must_be_here(bob, ("Bob you", "WebSocket"), ("Ann", "WebSocket"))
    ann.go_to(f"{room}-b")
    must_be_here(ann, ("Ann you", "WebSocket"))
    must_be_here(bob, ("Bob you", "WebSocket"))
    bob.page.reload()
    must_be_here(bob, ("Bob you", "WebSocket"))


def test_on_a_narrow_page_the_list_is_behind_a_button(server: Server, visit: Visit, room: str) -> None:
    page = visit(server.url, room, width=320).page
    toggle = page.get_by_role("button", name="Who is here: 1")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#people")).to_be_hidden()
    toggle.click()
    expect(page.locator("#people")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "people-close"
    page.keyboard.press("Escape")
    expect(page.locator("#people")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "people-toggle"
    # One thing at a time lies over the conversation.
    toggle.click()
    page.click("#menu")
    expect(page.locator("#people")).to_be_hidden()
    expect(page.locator("#rooms")).to_be_visible()
    toggle.click()
    expect(page.locator("#people")).to_be_visible()
    expect(page.locator("#rooms")).to_be_hidden()


def test_a_server_that_keeps_no_count_shows_no_list(gevent_server: Server, visit: Visit, room: str) -> None:
    chat = visit(gevent_server.url, room, width=1440)
    chat.send("hello")
    chat.wait_until_nothing_waits()
    expect(chat.page.locator("#people")).to_be_hidden()
    expect(chat.page.locator("#people-toggle")).to_be_hidden()


@pytest.mark.parametrize("transports", [("websocket", "sse"), ("sse", "websocket"), ("poll", "sse")], ids="+".join)
def test_who_is_writing_is_told_until_they_have_said_it_or_think_better_of_it(
    server: Server, visit: Visit, room: str, transports: tuple[str, str]
) -> None:
    ann, bob = (
        visit(server.url, room, user=user, transport=transport)
        for user, transport in zip(("Ann", "Bob"), transports, strict=True)
    )
    line = bob.page.locator("#typing")
    expect(line).to_have_attribute("data-on", "false")
    ann.page.type("#text", "hel")
    expect(line).to_be_visible()
    expect(bob.page.locator("#typing-words")).to_have_text("Ann is typing…")
    expect(ann.page.locator("#typing")).to_be_hidden()
    ann.page.press("#text", "Enter")
    eventually(lambda: bob.texts == ["hel"])
    expect(line).to_be_hidden()
    ann.page.type("#text", "on second tho")
    expect(line).to_be_visible()
    ann.page.fill("#text", "")
    expect(line).to_be_hidden()
    assert [one["event"] for one in history(server.url, room)] == ["message"], "signs are kept nowhere"


def test_a_sign_of_writing_fades_and_is_given_now_and_then_only(server: Server, visit: Visit, room: str) -> None:
    ann, bob = (visit(server.url, room, user=user, transport="sse") for user in ("Ann", "Bob"))
    signs: list[str] = []
    ann.page.on("request", lambda request: signs.append(request.post_data or "") if request.method == "POST" else None)
    bob.page.clock.install()
    ann.page.type("#text", "many letters, one sign", delay=5)
    expect(bob.page.locator("#typing-words")).to_have_text("Ann is typing…")
    assert len([one for one in signs if '"typing"' in one]) == 1
    bob.page.clock.fast_forward(7000)
    expect(bob.page.locator("#typing")).to_be_hidden()
