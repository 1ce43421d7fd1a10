"""How a response is written: head and body in one piece, with as few calls of the system as it takes.

The lower half of the handler. It may not know what is answered.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any, Final
from wsgiref.handlers import format_date_time

from geventwebsocket.handler import WebSocketHandler

_AT_ONCE: Final = 64 * 1024
"""Bytes that are written with one call, head and body together."""

_SECRETS: Final = re.compile(r"(?<=[?&])(ticket|token|access_token)=[^&\s\"#]*")


def scrubbed(text: str) -> str:
    """Text with a query, as a log may show it: without tickets and tokens."""
    return _SECRETS.sub(r"\1=***", text)


class Answering(WebSocketHandler):
    """Writes responses."""

    provided_date: Any
    response_headers: list[tuple[bytes, bytes]]

    def finalize_headers(self) -> None:
        """Complete the headers; the date is written out once a second, not once a response."""
        if self.provided_date is None:
            self.response_headers.append((b"Date", _date(int(time.time()))))
            self.provided_date = True
        super().finalize_headers()

    def _written_head(self) -> bytes:
        self.headers_sent = True
        self.finalize_headers()
        lines = [b"%b: %b\r\n" % header for header in self.response_headers]
        return b"HTTP/1.1 %b\r\n%b\r\n" % (self.status, b"".join(lines))

    def _write_with_headers(self, data: bytes) -> None:
        """Write the head together with what follows it: one call, one packet, where the library takes two."""
        head = self._written_head()
        if not data or len(data) > _AT_ONCE:
            self._sendall(head)
            self._write(data)
        elif self.response_use_chunked:
            self._sendall(b"%b%x\r\n%b\r\n" % (head, len(data), data))
        else:
            self._sendall(head + data)

    def _sendall(self, data: bytes) -> None:
        """Write. What the socket takes at once, as it nearly always does, needs none of the library's preparations."""
        if len(data) <= _AT_ONCE and self.socket.gettimeout() is None:
            try:
                written = self.socket.send(data)
            except OSError:
                written = 0  # The library meets the same error, and says what there is to say.
            self.response_length += written
            if written == len(data):
                return
            data = data[written:]
        super()._sendall(data)

    def format_request(self) -> str:
        """A line of the access log. The library would write tickets into it."""
        return scrubbed(super().format_request())


@lru_cache(maxsize=2)
def _date(seconds: int) -> bytes:
    """The time as HTTP writes it (RFC 9110, 5.6.7)."""
    return format_date_time(seconds).encode("ascii")
