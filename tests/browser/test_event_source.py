"""The polyfill is an EventSource: what the HTML standard says of streams, on the browser's own and on ours alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from realtime.web.assets import CLIENT, STATIC
from tests.support.processes import Server, eventually
from tests.support.publishing import publish

from .client import FOLLOW
from .conftest import Visit

LISTEN = """([kind, address, names, limit]) => new Promise((done) => {
  const Kind = kind === 'native' ? EventSource : Realtime.EventSource;
  const told = [];
  const source = window.source = new Kind(address);
  const tell = (entry) => {
    if (told.push(entry) === limit) { source.close(); setTimeout(() => done(told), 20); }
  };
  source.onopen = () => tell(['open', source.readyState]);
  source.onerror = (e) => { if (e.data === undefined) { tell(['error', source.readyState]); } };
  names.concat('message').forEach((name) =>
    source.addEventListener(name, (e) => e.data === undefined || tell([e.type, e.data, e.lastEventId])));
})"""

OLD = """
  delete window.WebSocket;
  delete window.EventSource;
  window.opened = [];
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, address) {
    opened.push(address);
    return open.apply(this, arguments);
  };
"""

OPEN, AGAIN, ENDED = ["open", 1], ["error", 0], ["error", 2]


class Case(NamedTuple):
    """What a stream says, and what is heard of it."""

    body: bytes
    heard: list[list[Any]]
    names: tuple[str, ...] = ()
    status: int = 200
    type: str = "text/event-stream"


def message(data: str, id_: str = "", event: str = "message") -> list[Any]:
    return [event, data, id_]


CASES = {
    "lf": Case(b"data: a\n\ndata: b\n\n", [OPEN, message("a"), message("b"), AGAIN]),
    "cr": Case(b"data: a\r\rdata: b\r\r", [OPEN, message("a"), message("b"), AGAIN]),
    "crlf": Case(b"data: a\r\n\r\ndata: b\r\n\r\n", [OPEN, message("a"), message("b"), AGAIN]),
    "mixed": Case(b"data: a\rdata: b\ndata: c\r\n\r\n", [OPEN, message("a\nb\nc"), AGAIN]),
    "bom": Case(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [OPEN, message("a"), AGAIN]),
    "spaces": Case(b"data:a\n\ndata:  b\n\ndata\n\ndata:\n\n", [OPEN, *map(message, ("a", " b", "", "")), AGAIN]),
    "comments": Case(b": x\n:\ndata: a\n:data: b\n\n: y\n\n", [OPEN, message("a"), AGAIN]),
    "unknown": Case(b"colour: red\n data: x\nDATA: y\ndata: a\n\n", [OPEN, message("a"), AGAIN]),
    "named": Case(
        b"event: a\ndata: 1\n\ndata: 2\n\nevent: a\nevent: b\ndata: 3\n\nevent:\ndata: 4\n\n",
        [OPEN, message("1", event="a"), message("2"), message("3", event="b"), message("4"), AGAIN],
        ("a", "b"),
    ),
    "without data": Case(b"event: a\n\nid: 5\n\ndata: 1\n\n", [OPEN, message("1", "5"), AGAIN], ("a",)),
    "ids": Case(
        b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 2\0\ndata: d\n\n",
        [OPEN, message("a", "1"), message("b", "1"), message("c"), message("d"), AGAIN],
    ),
    "unfinished": Case(b"data: a\n\ndata: b\n", [OPEN, message("a"), AGAIN]),
    "separators": Case("data: a\u2028b\u0085c\x0b\n\n".encode(), [OPEN, message("a\u2028b\u0085c\x0b"), AGAIN]),
    "bad utf-8": Case(b"data: a\xffb\n\n", [OPEN, message("a\ufffdb"), AGAIN]),
    "error as a name": Case(b"event: error\ndata: a\n\n", [OPEN, message("a", event="error"), AGAIN], ("error",)),
    "charset": Case(b"data: a\n\n", [OPEN, message("a"), AGAIN], type="text/event-stream; charset=utf-8"),
    "204": Case(b"", [ENDED], status=204),
    "404": Case(b"data: a\n\n", [ENDED], status=404),
    "503": Case(b"data: a\n\n", [ENDED], status=503),
    "another type": Case(b"data: a\n\n", [ENDED], type="text/plain"),
    "almost the type": Case(b"data: a\n\n", [ENDED], type="text/event-streams"),
}


class Site(ThreadingHTTPServer):
    """Serves the cases, a page to read them in, and a few streams that take more than one answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, str | None, float]] = []
        """Path, cursor and time of each request for a stream."""


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        name = parts.path.rpartition("/")[2].replace("%20", " ")
        cursor = (query.get("lastEventId") or [self.headers["Last-Event-ID"]])[0]
        if parts.path == "/":
            scripts = "".join(f'<script src="/js/{part}.js"></script>' for part in CLIENT)
            return self.say(200, "text/html", f"<!doctype html><link rel=icon href=data:>{scripts}".encode())
        if parts.path.startswith("/js/"):
            return self.say(200, "text/javascript", (STATIC / "js" / name).read_bytes())
        self.server.asked.append((name, cursor, time.monotonic()))
        if parts.path.startswith("/case/"):
            case = CASES[name]
            return self.say(case.status, case.type, case.body)
        if name == "redirected":
            return self.say(307, "text/plain", b"", Location="/case/lf")
        if name == "foreign":
            return self.say(200, "text/event-stream", b"data: a\n\n", **{"Access-Control-Allow-Origin": "*"})
        # "again": each answer says which one it is, and how soon the next may be asked for.
        number = int(cursor or 0) + 1
        body = b"retry: 300\nid: %d\ndata: %d\n\n" % (number, number)
        return self.say(200, "text/event-stream", body)

    def say(self, status: int, type_: str, body: bytes, **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type_)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    page = chromium.new_page()
    page.goto(site.url)
    yield page
    page.close()


@pytest.mark.parametrize("kind", ["native", "polyfill"])
@pytest.mark.parametrize("name", CASES)
def test_a_stream_is_read_as_the_standard_says(site: Site, page: Page, name: str, kind: str) -> None:
    case = CASES[name]
    heard = page.evaluate(LISTEN, [kind, f"{site.url}/case/{name}", list(case.names), len(case.heard)])
    assert heard == case.heard


@pytest.mark.parametrize("kind", ["native", "polyfill"])
def test_it_comes_back_with_the_last_id_after_the_time_it_was_told(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    heard = page.evaluate(LISTEN, [kind, f"{site.url}/again", [], 8])
    assert heard == [
        OPEN,
        ["message", "1", "1"],
        AGAIN,
        OPEN,
        ["message", "2", "2"],
        AGAIN,
        OPEN,
        ["message", "3", "3"],
    ]
    assert [cursor for _, cursor, _ in site.asked] == [None, "1", "2"]
    assert all(0.25 < later[2] - earlier[2] < 3 for earlier, later in zip(site.asked, site.asked[1:], strict=False))


@pytest.mark.parametrize("kind", ["native", "polyfill"])
def test_redirects_are_followed_and_other_origins_asked(site: Site, page: Page, kind: str) -> None:
    assert page.evaluate(LISTEN, [kind, "/redirected", [], 2]) == [OPEN, message("a")]
    other = site.url.replace("127.0.0.1", "localhost")
    assert page.evaluate(LISTEN, [kind, f"{other}/foreign", [], 2]) == [OPEN, message("a")]
    first = page.evaluate(LISTEN, [kind, f"{other}/case/lf", [], 1])
    assert first == [ENDED] if kind == "native" else [AGAIN], "not allowed: ours cannot tell it from a broken network"


def test_a_page_without_event_source_and_websocket_streams_all_the_same(
    gevent_server: Server, visit: Visit, room: str
) -> None:
    chat = visit(gevent_server.url, f"{room}-other", before=lambda page: page.add_init_script(OLD))
    assert chat.transport == "sse"
    page = chat.page
    assert page.evaluate(FOLLOW, [room, {}]) is None
    # More than one request's text may hold: the stream is renewed on the way, and nobody notices.
    text = "x" * 60_000
    ids = [publish(gevent_server.url, room, text) for _ in range(30)]
    eventually(lambda: page.evaluate("heard.length") >= len(ids), within=15, what="every message")
    assert page.evaluate("heard") == ids
    assert page.evaluate("told.filter((one) => one[0] === 'error' || one[0] === 'reset')") == []
    streams = page.evaluate("room => opened.filter((one) => one.includes(`/events?room=${room}&`)).length", room)
    assert 2 <= streams <= 6
    page.evaluate("rt.close()")
