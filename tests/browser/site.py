"""A small site of event streams: the cases, whole or in pieces, and streams that take more than one request.

It serves no messages of ours: what is under test are the browser's own EventSource and the polyfill.
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from realtime.web.assets import CLIENT, STATIC

from .cases import CASES

_PAUSE = 0.004
"""Seconds between two pieces: a browser that is waiting for more has taken the first by then."""


class Asked(NamedTuple):
    """One request for a stream."""

    name: str
    cursor: str | None
    at: float
    query: dict[str, list[str]]
    cookie: str | None
    header: str | None


class Site(ThreadingHTTPServer):
    """Under ``url``. Two of them are two origins of one host, so that cookies know no difference between them.

    Attributes:
        asked: each request for a stream, in order.
        more: lets the streams that are held open go on.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[Asked] = []
        self.more = threading.Event()

    def handle_error(self, *_: object) -> None:
        """A browser that hangs up in the middle is no news."""


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        kind, _, name = parts.path.strip("/").replace("%20", " ").partition("/")
        if not kind:
            scripts = "".join(f'<script src="/js/{part}.js"></script>' for part in CLIENT)
            return self.say(200, "text/html", f"<!doctype html><link rel=icon href=data:>{scripts}".encode())
        if kind == "js":
            return self.say(200, "text/javascript", (STATIC / "js" / name).read_bytes())
        header = self.headers["Last-Event-ID"]
        header = header and header.encode("latin-1").decode()
        cursor = (query.get("lastEventId") or [header])[0]
        self.server.asked.append(Asked(name or kind, cursor, time.monotonic(), query, self.headers["Cookie"], header))
        answer = getattr(self, f"on_{kind}", None)
        if answer is None:
            return self.say(404, "text/plain", b"")
        return answer(name, query, int(cursor) if cursor and cursor.isdecimal() else 0)

    # ---- what a path stands for ------------------------------------------------------------------------------------

    def on_case(self, name: str, _query: dict[str, list[str]], _last: int) -> None:
        """One of the cases, in one piece."""
        case = CASES[name]
        self.say(case.status, case.type, case.body)

    def on_split(self, name: str, _query: dict[str, list[str]], _last: int) -> None:
        """One of the cases, byte by byte."""
        self.say(200, CASES[name].type, b"")
        for byte in CASES[name].body:
            self.write(bytes([byte]))

    def on_again(self, _name: str, query: dict[str, list[str]], last: int) -> None:
        """Each answer says which one it is, and how soon the next may be asked for; ``then`` follows unfinished."""
        body = b"retry: 100\nid: %d\ndata: %d\n\n" % (last + 1, last + 1)
        self.say(200, "text/event-stream", body + query.get("then", [""])[0].encode())

    def on_status(self, name: str, _query: dict[str, list[str]], _last: int) -> None:
        """A stream under a status of one's choice."""
        self.say(int(name), "text/event-stream", b"data: a\n\n")

    def on_redirect(self, name: str, query: dict[str, list[str]], _last: int) -> None:
        """A redirection of a kind of one's choice."""
        self.say(int(name), "text/plain", b"", Location=query["to"][0])

    def on_cors(self, name: str, _query: dict[str, list[str]], _last: int) -> None:
        """A stream for other origins: for ``any``, or for the ``page`` that asks, with its cookies."""
        allow = {"any": {"Access-Control-Allow-Origin": "*"}, "page": {"Access-Control-Allow-Credentials": "true"}}[
            name
        ]
        origin = {"Access-Control-Allow-Origin": self.headers["Origin"] or "*"}
        self.say(200, "text/event-stream", b"retry: 100\nid: 7\ndata: a\n\n", **{**origin, **allow})

    def on_held(self, name: str, _query: dict[str, list[str]], _last: int) -> None:
        """The head, or that and a comment; messages once ``more`` is set; and then it stays open for a while."""
        self.server.more.clear()
        self.say(200, "text/event-stream", b":\n" if name else b"")
        self.server.more.wait(10)
        self.write(b"data: a\n\ndata: b\n\n")
        self.server.more.clear()
        self.server.more.wait(10)

    def on_torn(self, _name: str, _query: dict[str, list[str]], last: int) -> None:
        """Less than was announced: the connection is lost in the middle."""
        self.say(
            200, "text/event-stream", b"retry: 100\nid: %d\ndata: a\n\ndata: b" % (last + 1), **{"Content-Length": "99"}
        )
        # What comes together with the loss, a browser may throw away unread.
        time.sleep(0.2)

    def on_kept(self, _name: str, _query: dict[str, list[str]], last: int) -> None:
        """A stream that says of itself that it may be kept."""
        body = b"retry: 100\nid: %d\ndata: a\n\n" % (last + 1)
        self.say(200, "text/event-stream", body, **{"Cache-Control": "max-age=600"})

    # ---- saying it -------------------------------------------------------------------------------------------------

    def say(self, status: int, type_: str, body: bytes, **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type_)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def write(self, piece: bytes) -> None:
        time.sleep(_PAUSE)
        self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        pass
