"""People chat, each in a browser of their own: everybody sees every message once, in one order, under one id."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import publish

from .chat import Chat, log
from .conftest import Visit

TRANSPORTS = [("websocket", "websocket"), ("websocket", "sse"), ("sse", "poll")]


@pytest.fixture(scope="module", params=["gevent", "threads", "two processes on one Redis"])
def urls(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Where the two people go: the same server, or two processes that share nothing but a Redis."""
    if not request.param.startswith("two"):
        one = start_gevent() if request.param == "gevent" else start_threads()
        with running(one):
            yield one.url, one.url
        return
    redis: Redis = request.getfixturevalue("shared_redis")
    env = {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": request.module.__name__}
    here = start_gevent(**env)
    with running(here):
        there = start_gevent(**env)
        with running(there):
            yield here.url, there.url


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_two_people_see_each_message_once_in_the_same_order_with_the_same_id(
    urls: tuple[str, str], visit: Visit, room: str, transports: tuple[str, str]
) -> None:
    ann, bob = (
        visit(url, room, user=user, transport=transport)
        for url, user, transport in zip(urls, ("Ann", "Bob"), transports, strict=True)
    )
    for number in range(6):
        # Nobody waits for an answer: what is sent meanwhile by others comes in between.
        ann.send(f"ann {number}")
        publish(urls[number % 2], room, {"user": "Cy", "text": f"cy {number}"})
        bob.send(f"bob {number}")
    ann.wait_until_nothing_waits()
    bob.wait_until_nothing_waits()
    kept = log(urls[0], room)
    for name in ("Ann", "Bob", "Cy"):
        assert [one.text for one in kept if one.user == name] == [f"{name.lower()} {number}" for number in range(6)]
    for chat, transport in zip((ann, bob), transports, strict=True):
        chat.must_show_once(kept)
        assert chat.transport == transport


def test_a_page_that_is_told_nothing_uses_a_websocket_and_says_so(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, room)
    assert chat.transport == "websocket"
    expect(chat.page.locator("#status")).to_have_text("Connected over WebSocket")


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_newcomer_and_a_reload_see_what_was_said_before(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    for number in range(5):
        publish(gevent_server.url, room, {"user": "Cy", "text": f"cy {number}"})
    ann = visit(gevent_server.url, room, user="Ann", transport=transport)
    ann.must_show(log(gevent_server.url, room))
    ann.send("hi")
    ann.wait_until_nothing_waits()
    ann.page.reload()
    ann.wait_connected(transport)
    assert ann.texts[-1] == "hi"
    ann.must_show(log(gevent_server.url, room))
    ann.send("still me")
    ann.wait_until_nothing_waits()
    assert ann.shown()[-1].user == "Ann"


def test_a_newcomer_to_a_long_conversation_gets_its_last_50_messages(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    for number in range(60):
        publish(gevent_server.url, room, {"user": "Cy", "text": f"cy {number}"})
    kept = log(gevent_server.url, room)
    for transport in ("websocket", "sse"):
        visit(gevent_server.url, room, transport=transport).must_show(kept[-50:])


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_who_changes_the_room_leaves_the_old_one_behind_and_finds_it_again(
    gevent_server: Server, visit: Visit, room: str, transport: str
) -> None:
    url, other = gevent_server.url, f"{room}/tëa:m"
    publish(url, other, {"user": "Cy", "text": "earlier"})
    ann, bob = (visit(url, room, user=user, transport=transport) for user in ("Ann", "Bob"))
    ann.send("here")
    ann.wait_until_nothing_waits()
    bob.must_show(eventually(lambda: log(url, room), what="the message in the log"))
    ann.go_to(other)
    ann.must_show(log(url, other))
    # Ids are one order over all rooms: once the second is here, the first would have come.
    publish(url, room, {"user": "Cy", "text": "not for this room"})
    publish(url, other, {"user": "Cy", "text": "for this room"})
    ann.must_show(log(url, other))
    ann.send("hello other")
    ann.wait_until_nothing_waits()
    ann.must_show(log(url, other))
    bob.must_show(log(url, room))
    ann.page.go_back()
    ann.must_show(log(url, room))
    ann.page.click(f"#rooms a:has-text('{other}')")
    ann.must_show(log(url, other))


def test_a_room_that_does_not_exist_is_refused_in_words(gevent_server: Server, visit: Visit, room: str) -> None:
    for transport in ("websocket", "sse"):
        # Over SSE the refusal is an HTTP status, which the browser reports on the console.
        chat = visit(gevent_server.url, room, transport=transport, network_fails=True)
        chat.go_to("no good!")
        expect(chat.page.locator("#notice")).to_contain_text("#no good! cannot be entered: ")
        _still_chats(chat, room)


def _still_chats(chat: Chat, room: str) -> None:
    chat.page.click(f"#rooms a:has-text('{room}')")
    chat.send(f"back over {chat.transport}")
    chat.wait_until_nothing_waits()
    assert chat.texts[-1] == f"back over {chat.transport}"
