"""How long a client may take to say what it wants: head, body, and the silence before its next request.

gevent's server waits for ever (the attack is called Slowloris). One greenlet looks at all who are reading, so that a
request costs no timer. This file may not know what is asked for.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final, Protocol

import gevent
import gevent.socket

IDLE_SECONDS: Final = 75.0
"""A kept-alive connection may be silent for so long: longer than proxies keep theirs."""
DISCARD_SECONDS: Final = 5.0
"""Nobody wants the body, and the connection can be used again when it has come by then."""
BYTES_A_SECOND: Final = 64 * 1024
"""A body that declares its length gets a second more for each so many bytes: slow lines may send large files."""


def _said(what: str) -> bytes:
    error = {"code": "request_timeout", "message": f"the {what} of the request did not come in time"}
    return json.dumps({"error": error}, separators=(",", ":")).encode() + b"\n"


LATE_BODY: Final = _said("body")
LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_said("head")), _said("head"))
)
"""RFC 9110, 15.5.9."""


class Reading(Protocol):
    """Who reads a request. Attribute ``late``: it took too long, and what was read of it is all there will be."""

    late: bool
    socket: Any


class Patience:
    """The deadlines of one server.

    Args:
        head: seconds for a head, from its first byte, or from the beginning of the connection. 0 is no limit.
        body: seconds for a body, from when it is first asked for; see ``BYTES_A_SECOND``. 0 is no limit.
        idle: seconds that a connection may be silent between two requests.
    """

    def __init__(self, *, head: float, body: float, idle: float = IDLE_SECONDS) -> None:
        self._head, self._body, self._idle = head, body, idle
        self._tick = max(0.05, min(1.0, *(one / 4 for one in (head or 4, body or 4, idle))))
        self._due: dict[Reading, float] = {}
        self._watching = False

    def wait(self, reading: Reading) -> None:
        """It waits for the next request of its connection."""
        self.until(reading, time.monotonic() + self._idle)

    def begin(self, reading: Reading) -> None:
        """It reads a head."""
        if self._head:
            self.until(reading, time.monotonic() + self._head)
        else:
            self.done(reading)

    def due(self, length: int) -> float:
        """The moment by which a body has to be read that is asked for now, on the monotonic clock; 0 for never.

        Args:
            length: of the body, as declared, in bytes; 0 for none.
        """
        return self._body and time.monotonic() + self._body + length / BYTES_A_SECOND

    def until(self, reading: Reading, moment: float) -> None:
        """It reads, until a moment of the monotonic clock at most."""
        self._due[reading] = moment
        if not self._watching:
            self._watching = True
            gevent.spawn(self._watch).name = "realtime-patience"

    def done(self, reading: Reading) -> None:
        """It has read. Harmless when repeated."""
        self._due.pop(reading, None)

    def _watch(self) -> None:
        while self._due:
            gevent.sleep(self._tick)
            now = time.monotonic()
            for reading, due in tuple(self._due.items()):
                if due <= now:
                    self._end(reading)
        self._watching = False

    def _end(self, reading: Reading) -> None:
        """Nothing more is read from it: it meets the end of the stream, and can still answer."""
        del self._due[reading]
        reading.late = True
        # TLS cannot be closed in one direction: there the client gets no answer.
        plain = type(reading.socket) is gevent.socket.socket
        try:
            reading.socket.shutdown(socket.SHUT_RD if plain else socket.SHUT_RDWR)
        except OSError:
            pass  # The client was quicker.
