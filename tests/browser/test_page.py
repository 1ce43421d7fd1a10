"""The page itself: who wrote when, what strangers write is text, nothing inline runs, every width, no mouse needed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.support.processes import Server, eventually
from tests.support.publishing import publish

from .chat import Said, log
from .conftest import Visit

HOSTILE = [
    "<img src=x onerror=\"document.title='hacked'\">",
    "<script>document.title='hacked'</script>",
    "</li></ol><svg onload=\"document.title='hacked'\">",
    "&lt;b&gt; &amp; javascript:document.title='hacked'",
]

SIDEWAYS = """() => [...document.querySelectorAll('*')].filter((item) => {
  const scrolls = item === document.documentElement || /auto|scroll/.test(getComputedStyle(item).overflowX);
  return scrolls && item.scrollWidth > item.clientWidth;
}).map((item) => item.outerHTML.slice(0, 120))"""


def test_the_page_says_who_wrote_and_when(gevent_server: Server, visit: Visit, room: str) -> None:
    id_ = publish(gevent_server.url, room, {"user": "Ann Other", "text": "hi"})
    when = datetime.fromtimestamp(int(id_.split("-", maxsplit=1)[0]) / 1000, UTC)
    page = visit(gevent_server.url, room).page
    message = page.locator(f"#messages .message[data-id='{id_}']")
    expect(message.locator(".author")).to_have_text("Ann Other")
    expect(message.locator(".author")).to_be_visible()
    expect(message.locator("time")).to_have_text(when.strftime("%H:%M"))
    expect(message.locator("time")).to_be_visible()
    expect(message.locator("time")).to_have_attribute(
        "datetime", f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"
    )
    expect(message.locator(".text")).to_have_text("hi")


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_what_strangers_write_is_text(gevent_server: Server, visit: Visit, room: str, transport: str) -> None:
    ann, bob = (visit(gevent_server.url, room, user=HOSTILE[0][:40], transport=transport) for _ in range(2))
    title = ann.page.title()
    for one in HOSTILE:
        publish(gevent_server.url, room, {"user": one[:40], "text": one})
    ann.send(*HOSTILE)
    ann.wait_until_nothing_waits()
    bob.must_show(log(gevent_server.url, room))
    assert [one.text for one in bob.shown()] == HOSTILE * 2
    assert {one.user for one in bob.shown()} == {one[:40] for one in HOSTILE}
    for page in (ann.page, bob.page):
        assert page.locator("#messages img, #messages script, #messages svg, #messages b").count() == 0
        assert page.title() == title


def test_any_json_is_shown_as_something(gevent_server: Server, visit: Visit, room: str) -> None:
    live = visit(gevent_server.url, room)
    shown = [
        Said(publish(gevent_server.url, room, data), "Someone", text)
        for data, text in [
            ("plain", "plain"),
            (7, "7"),
            (None, "null"),
            (["a", 1], '["a",1]'),
            ({"no": "text"}, '{"no":"text"}'),
            ({"user": 7, "text": {"a": [True]}}, '{"a":[true]}'),
            ({"user": "  ", "text": ""}, ""),
            ({"user": ["Ann"], "text": None}, '{"user":["Ann"],"text":null}'),
        ]
    ]
    live.must_show(shown)
    visit(gevent_server.url, room, transport="sse").must_show(shown)


def test_the_policy_lets_nothing_inline_run(gevent_server: Server, visit: Visit, room: str) -> None:
    policy = requests.get(gevent_server.url, timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    chat = visit(gevent_server.url, room)
    chat.page.evaluate(
        """() => {
          document.addEventListener('securitypolicyviolation', () => { window.refused = true; });
          const script = document.createElement('script');
          script.textContent = 'window.ran = true';
          document.body.appendChild(script);
        }"""
    )
    eventually(lambda: chat.page.evaluate("window.refused"), what="the refusal")
    assert chat.page.evaluate("window.ran") is None
    assert [one for one in chat.complaints if "Content Security Policy" in one] == chat.complaints
    chat.complaints.clear()


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_nothing_of_the_page_breaks_the_policy(gevent_server: Server, visit: Visit, room: str, transport: str) -> None:
    chat = visit(gevent_server.url, room, transport=transport)
    chat.page.context.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (one) => window.broken.push("
        "`${one.violatedDirective} ${one.blockedURI} ${one.sample}`))"
    )
    chat.page.reload()
    chat.send("hello")
    chat.wait_until_nothing_waits()
    chat.must_show(log(gevent_server.url, room))
    assert chat.page.evaluate("window.broken") == []
    assert not chat.complaints


def test_the_page_lets_nobody_frame_it_reach_into_it_or_use_its_devices(gevent_server: Server) -> None:
    headers = requests.get(gevent_server.url, timeout=10).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("width", [320, 1440])
def test_nothing_needs_horizontal_scrolling(gevent_server: Server, visit: Visit, width: int) -> None:
    room = "room-" + "x" * 120
    for text in ("W" * 300, "a word " * 60, "https://example.com/" + "path/" * 60, "x\n" * 10, "i"):
        publish(gevent_server.url, room, {"user": "N" * 40, "text": text})
    chat = visit(gevent_server.url, room, width=width)
    chat.send("w" * 300)
    chat.wait_until_nothing_waits()
    page = chat.page
    assert page.evaluate(SIDEWAYS) == []
    parts = [page.locator(name) for name in ("#status", "#text", "#send")] + page.locator(".text, time").all()
    for box in filter(None, (part.bounding_box() for part in parts)):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    expect(page.locator("#messages .message").last).to_be_in_viewport()


@pytest.mark.parametrize("width", [320, 1440])
def test_everything_can_be_done_with_the_keyboard_alone(
    gevent_server: Server, visit: Visit, room: str, width: int
) -> None:
    chat = visit(gevent_server.url, room, width=width)
    page, keys = chat.page, chat.page.keyboard
    if width < 700:
        _tab_to(page, "menu")
        keys.press("Enter")
    _tab_to(page, "name", back=width < 700)
    keys.press("Control+A")
    keys.type("Kay")
    _tab_to(page, "text")
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    keys.press("Enter")  # an empty message is none
    keys.type("three")
    _tab_to(page, "send")
    keys.press("Space")
    chat.wait_until_nothing_waits()
    assert [(one.user, one.text) for one in chat.shown()] == [("Kay", "one\ntwo"), ("Kay", "three")]
    chat.must_show(log(gevent_server.url, room))
    assert _focused(page) == "text", "one can go on writing"


def _focused(page: Page) -> str:
    name: str = page.evaluate("document.activeElement.id")
    return name


def _tab_to(page: Page, name: str, *, back: bool = False) -> None:
    for _ in range(30):
        if _focused(page) == name:
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"Tab never leads to #{name}")
