"""How long a request's head may take: whoever never finishes one is sent away (the attack is called Slowloris).

gevent's server waits for ever. One greenlet looks at all who are reading a head, so that a request costs no timer. This
file may not know what is asked for.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Final, Protocol

import gevent

_BODY: Final = b'{"error":{"code":"request_timeout","message":"the head of the request did not come in time"}}\n'
LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
"""RFC 9110, 15.5.9."""


class Reading(Protocol):
    """Who reads a head. Attribute ``late``: it took too long, and what was read of it is all there will be."""

    late: bool
    socket: Any


class Patience:
    """The deadlines of one server.

    Args:
        seconds: for a head, from its first byte, or from the beginning of the connection.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[Reading, float] = {}
        self._watching = False

    def begin(self, reading: Reading) -> None:
        """From now on it reads."""
        self._due[reading] = time.monotonic() + self._seconds
        if not self._watching:
            self._watching = True
            gevent.spawn(self._watch).name = "realtime-patience"

    def done(self, reading: Reading) -> None:
        """It has read. Harmless when repeated."""
        self._due.pop(reading, None)

    def _watch(self) -> None:
        while self._due:
            gevent.sleep(min(self._seconds / 4, 1.0))
            now = time.monotonic()
            # All have the same time, so that the first are those who have waited longest.
            for reading, due in tuple(self._due.items()):
                if due > now:
                    break
                del self._due[reading]
                reading.late = True
                try:
                    reading.socket.shutdown(socket.SHUT_RD)
                except OSError:
                    continue  # The client was quicker.
        self._watching = False
