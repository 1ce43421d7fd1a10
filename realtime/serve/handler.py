"""The request handler that both servers share: gevent-websocket's, with its known faults mended and its costs cut.

gevent-websocket is kept for handshakes that the application answers the portable way; each override says which fault it
mends. This file may not know rooms or messages.
"""

from __future__ import annotations

import socket
from typing import Any, Final
from urllib.parse import unquote

import gevent.socket
from gevent.pywsgi import WSGIHandler
from werkzeug.exceptions import RequestTimeout

from .answering import Answering
from .body import StrictInput
from .handshake import LateWebSocket, asks_for_websocket, refusal, switching
from .head import Head, in_ascii, options, parse_request_line, read_head
from .patience import LATE, LATE_BODY
from .poller import HAS_EPOLL, GeventPoller

_BLANK: Final = {"\r\n", "\n"}
_QUIET: Final = 3600.0
"""Seconds between heartbeats of the poller for sockets that have a heartbeat of their own."""


class Handler(Answering):
    """Serves HTTP and WebSocket requests."""

    websocket: Any = None
    headers: Head
    response_headers: list[tuple[bytes, bytes]]
    result: Any
    late = False
    """See ``patience.Reading``."""
    _given = False
    _again = False

    # ---- reading ---------------------------------------------------------------------------------------------------

    def read_requestline(self) -> str:
        """Wait for the next request of a kept-alive connection, unless the server is closing."""
        if self.server.closed:
            return ""
        self.server.waiting.add(self)
        try:
            if self._again:
                self.server.patience.wait(self)
                if not self.rfile.peek(1):
                    return ""
            self.server.patience.begin(self)
            line: str = super().read_requestline()
            # A client may end a body with one line end too many (RFC 9112, 2.2).
            return super().read_requestline() if line in _BLANK else line
        finally:
            self.server.waiting.discard(self)

    def handle_one_request(self) -> Any:
        """Serve one request."""
        try:
            return super().handle_one_request()
        finally:
            self.server.patience.done(self)
            self._again = True
            if self.wsgi_input is not None:
                self.wsgi_input.part()

    def read_request(self, raw_requestline: str) -> bool:
        """Read the head. The library's way takes a parser of mail, and guesses where the standard forbids it."""
        self.requestline = raw_requestline.rstrip()
        self.command, self.path, self.request_version = parse_request_line(raw_requestline)
        self.headers = read_head(self.rfile.readline)
        self.server.patience.done(self)
        self.content_length = self.headers.content_length
        if self.content_length and self.command == "HEAD":
            raise ValueError("HEAD has no body")
        wish = options(self.headers.environ.get("HTTP_CONNECTION", ""))
        if self.request_version == "HTTP/1.1":
            self.close_connection = "close" in wish
            if "HTTP_HOST" not in self.headers.environ:
                raise ValueError("HTTP/1.1 requests name their host")  # RFC 9112, 3.2
        else:
            self.close_connection = "keep-alive" not in wish
            if self.headers.chunked:
                raise ValueError("HTTP/1.0 knows no chunks")  # RFC 9112, 6.1
        return True

    def get_environ(self) -> dict[str, Any]:
        """The request as WSGI's environment."""
        environ: dict[str, Any] = self.server.get_environ()
        path, _, query = self.path.partition("?")
        environ["REQUEST_METHOD"] = self.command
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path
        environ["QUERY_STRING"] = query if query.isascii() else in_ascii(query)
        environ["SERVER_PROTOCOL"] = self.request_version
        if isinstance(self.client_address, tuple):
            environ["REMOTE_ADDR"] = str(self.client_address[0])
            environ["REMOTE_PORT"] = str(self.client_address[1])
        head = self.headers
        environ.update(head.environ)
        waits = self.socket if environ.get("HTTP_EXPECT", "").lower() == "100-continue" else None
        kind = {"socket": waits, "chunked_input": head.chunked, "patience": self.server.patience, "reading": self}
        self.wsgi_input = StrictInput(self.rfile, head.content_length, refuse=self.server.refuse, **kind)
        environ["wsgi.input"] = self.wsgi_input
        environ["wsgi.input_terminated"] = True
        return environ

    def _handle_client_error(self, ex: Exception) -> Any:
        self.server.refuse("head_timeout" if self.late else "requests")
        # Somebody who is slow is no news: they come by the hundred.
        return ("408", LATE) if self.late else super()._handle_client_error(ex)

    def handle_error(self, t: Any, v: Any, tb: Any) -> None:
        """Answer for an application that failed. One that let through that the body is late has not failed."""
        if not isinstance(v, RequestTimeout):
            super().handle_error(t, v, tb)
        elif not self.response_length:
            kind = [("Content-Type", "application/json"), ("Content-Length", str(len(LATE_BODY)))]
            self.start_response("408 Request Timeout", kind)
            self.write(LATE_BODY)

    # ---- answering -------------------------------------------------------------------------------------------------

    def run_application(self) -> None:
        """Call the application. A handshake is answered when the application takes the WebSocket, and not before: what
        it refuses, it refuses over HTTP, where the library has said 101 by then.
        """
        environ = self.environ
        if "HTTP_UPGRADE" not in environ or not asks_for_websocket(environ):
            WSGIHandler.run_application(self)
            return
        refused = refusal(environ, self.request_version)
        if refused is not None:
            self.close_connection = True  # Nobody reads a body here.
            self.server.refuse("requests")
            status, headers, text = refused
            self.start_response(status, headers)
            self.result = [text]
            self.process_result()
            return
        environ["wsgi.websocket_version"] = environ["HTTP_SEC_WEBSOCKET_VERSION"]
        environ["wsgi.websocket"] = LateWebSocket(self)
        self.close_connection = True
        try:
            self.result = self.application(environ, self.start_response)
            if self.websocket is None and not self._given:
                self.process_result()
            elif not self._given:
                for _ in self.result:
                    pass
        finally:
            close, self.result = getattr(self.result, "close", None), None
            if close is not None:
                close()
            environ.pop("wsgi.websocket", None)
            if self.websocket is not None and not self.websocket.closed:
                self.websocket.close()
            self.websocket = None

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Begin the answer. On a WebSocket there is none any more."""
        if self._given or (self.websocket is not None and self.headers_sent):
            return lambda _data: None
        if self.late:
            headers = [*headers, ("Connection", "close")]
        return WSGIHandler.start_response(self, status, headers, exc_info)

    def process_result(self) -> None:
        """Write the response; a body that can go on with the bare socket gets it, and the request is over for us."""
        hand_over = getattr(self.result, "hand_over", None)
        if hand_over is None or not self.can_give:
            # Another kind of body, another system, or TLS: the portable stream does it.
            super().process_result()
            return
        self.close_connection = True
        self.response_headers.append((b"Connection", b"close"))
        head = self._written_head()
        poller, chunked = self.server.poller(self.result.heartbeat), bool(self.response_use_chunked)
        hand_over(self.socket.detach(), head, poller, chunked=chunked)

    # ---- WebSockets ------------------------------------------------------------------------------------------------

    @property
    def can_give(self) -> bool:
        """Whether the connection's socket can be given away: not with TLS, and only where there is epoll."""
        return HAS_EPOLL and type(self.socket) is gevent.socket.socket

    def upgrade(self) -> Any:
        """Answer the handshake and go on the library's way, with a greenlet."""
        self.upgrade_connection()
        self._prepare_response()
        self.write(b"")
        return self.websocket

    def take_socket(self) -> tuple[int, bytes, bytes, GeventPoller]:
        """Give the connection's socket away before the handshake is answered.

        Returns:
            Its descriptor, the answer that is to be written first, what was read ahead of it, and who watches it.
        """
        lent, answer, ahead = self.lend_socket()
        return lent.detach(), answer, ahead, self.server.poller(_QUIET)

    def lend_socket(self) -> tuple[socket.socket, bytes, bytes]:
        """The same where it cannot be given away: it stays the handler's, and ends with the call of the application."""
        self.status, self.code, self.headers_sent = b"101 Switching Protocols", 101, True
        self._orig_status, self.response_headers = "101 Switching Protocols", []
        self._given = True
        self.socket.setblocking(0)
        try:
            ahead = self.rfile.peek()
        except OSError:
            ahead = b""  # TLS has its own way to say that there is nothing.
        return self.socket, switching(self.environ["HTTP_SEC_WEBSOCKET_KEY"]), ahead

    def log_request(self) -> None:
        """Log one line per request through the server's own log, if it keeps one. The library would silence it."""
        if self.server.logs_requests:
            self.server.log.write(self.format_request() + "\n")
