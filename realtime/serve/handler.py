"""The request handler that both servers share: gevent-websocket's handshake, with its known faults mended.

gevent-websocket is kept for the handshake; each override says which fault it mends. This file may not know rooms or
messages.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import socket
from typing import Any, Final

import gevent.socket
from geventwebsocket.handler import WebSocketHandler

from .poller import HAS_EPOLL, GeventPoller

_NO_BODY: Final = io.BytesIO()
_QUIET: Final = 3600.0
"""Seconds between heartbeats of the poller for sockets that have a heartbeat of their own."""


_SECRETS: Final = re.compile(r"(?<=[?&])(ticket|token|access_token)=[^&\s\"#]*")


def scrubbed(text: str) -> str:
    """Text with a query, as a log may show it: without tickets and tokens."""
    return _SECRETS.sub(r"\1=***", text)


class Handler(WebSocketHandler):
    """Serves HTTP and WebSocket requests."""

    websocket: Any

    def read_requestline(self) -> str:
        """Wait for the next request of a kept-alive connection, unless the server is closing."""
        if self.server.closed:
            return ""
        self.server.waiting.add(self)
        try:
            line: str = super().read_requestline()
            return line
        finally:
            self.server.waiting.discard(self)

    def process_result(self) -> None:
        """Write the response; a body that can go on with the bare socket gets it, and the request is over for us."""
        hand_over = getattr(self.result, "hand_over", None)
        if hand_over is None or not HAS_EPOLL or type(self.socket) is not gevent.socket.socket:
            # Another kind of body, another system, or TLS: the portable stream does it.
            super().process_result()
            return
        self.close_connection = True
        self.response_headers.append((b"Connection", b"close"))
        self.finalize_headers()
        head = [b"HTTP/1.1 ", self.status, b"\r\n"]
        for name, value in self.response_headers:
            head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n")
        self.headers_sent = True
        poller, chunked = self.server.poller(self.result.heartbeat), bool(self.response_use_chunked)
        hand_over(self.socket.detach(), b"".join(head), poller, chunked=chunked)

    def give_socket(self) -> tuple[int, bytes, GeventPoller]:
        """Give the upgraded connection's socket away: its descriptor, what was read ahead of it, and who watches it."""
        self.websocket.closed = True  # Nobody says goodbye on it but its new owner.
        self.socket.setblocking(0)
        ahead = self.rfile.peek()
        for name in ("wsgi.websocket", "wsgi.input", "gunicorn.sock"):
            # The environment lives as long as the client: what holds the request's buffers goes.
            self.environ.pop(name, None)
        self.environ["wsgi.input"] = _NO_BODY
        return self.socket.detach(), ahead, self.server.poller(_QUIET)

    def run_websocket(self) -> None:
        """Run the application on an upgraded connection.

        The library keeps a table of clients by address, in which two clients behind a unix socket share one place
        and the first to leave breaks the other. Nothing here needs the table.
        """
        try:
            for _ in self.application(self.environ, lambda *_args: []):
                pass
        finally:
            websocket = self.environ.pop("wsgi.websocket", None)
            if websocket is not None and not websocket.closed:
                websocket.close()
            self.websocket = None

    def upgrade_connection(self) -> Any:
        """Answer the handshake. A malformed key is the client's fault: 400, where the library fails with 500."""
        key = self.environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip()
        try:
            valid = len(base64.b64decode(key, validate=True)) == 16  # RFC 6455, 4.1: a 16-byte nonce
        except (binascii.Error, ValueError):
            valid = False
        if not valid:
            self.start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"Sec-WebSocket-Key is not the base64 of 16 bytes\n"]
        return super().upgrade_connection()

    def format_request(self) -> str:
        """A line of the access log. The library would write tickets into it."""
        return scrubbed(super().format_request())

    def log_request(self) -> None:
        """Log one line per request through the server's own log. The library would silence the access log."""
        if self.server.log is not None:
            self.server.log.write(self.format_request() + "\n")


class Draining:
    """Mixed into a server class: when it closes, connections that wait for a request are ended, those that serve one
    finish.

    Without it a browser's idle kept-alive connections hold up every shutdown until its time-out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[Handler] = set()
        self._pollers: dict[float, GeventPoller] = {}

    def poller(self, heartbeat: float) -> GeventPoller:
        """The poller of this process for streams of one heartbeat. Made when it is first needed, so after any fork."""
        if heartbeat not in self._pollers:
            self._pollers[heartbeat] = GeventPoller(heartbeat=heartbeat)
        return self._pollers[heartbeat]

    def close(self) -> None:
        """Accept nothing more and end what is idle."""
        super().close()  # type: ignore[misc]  # the mixed-in server's
        for handler in tuple(self.waiting):
            try:
                handler.socket.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # The client was quicker.
