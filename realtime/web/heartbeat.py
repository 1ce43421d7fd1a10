"""The heartbeat of an Engine.IO session, kept in one task for all of them (Engine.IO protocol 4, "Heartbeat").

The library spends a task on each. This file sends nothing but pings.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import engineio
import engineio.socket
from engineio import packet as eio_packet


class BeatingSocket(engineio.socket.Socket):
    """An Engine.IO session that is pinged, and ended where its client does not answer."""

    server: Any
    last_ping: float | None

    def check_ping_timeout(self) -> bool:
        """Whether the client still answers. If not, it is closed, which runs the application's disconnect handlers:
        not in the task that found out, which may be the one that delivers to everybody.
        """
        if self.closed:
            raise engineio.exceptions.SocketIsClosedError
        if self.closing or not self.last_ping or time.monotonic() - self.last_ping < self.server.ping_timeout:
            return True  # While it is closing, it is told so.
        self.server.start_background_task(self.close, wait=False, reason=self.server.reason.PING_TIMEOUT)
        return False

    def hears(self, message: bytes) -> bool:
        """Whether a text was a PONG, which counts when it is read: what the client said before may take its time."""
        if message != b"3":
            return False
        self.schedule_ping()
        return True

    def schedule_ping(self) -> None:
        """The client answered: the next ping is due in one interval. The library spends a task on each."""
        if self.last_ping:
            self.last_ping = None
            self.server.pings.add(self)

    def ping(self) -> None:
        """Send the ping that is due."""
        if not self.closing and not self.closed:
            if self.server.is_stuck(self.sid):
                text = "announced attachments did not come"
                self.server.start_background_task(self.break_off, text, limit="attachments")
                return
            self.last_ping = time.monotonic()
            self.server.deadlines.add(self)
            with suppress(engineio.exceptions.SocketIsClosedError):  # A thread may have closed it just now.
                self.send(eio_packet.Packet(eio_packet.PING))

    def expire(self) -> None:
        """The time for the answer to a ping is over."""
        if not self.closing and not self.closed:
            with suppress(engineio.exceptions.SocketIsClosedError):
                self.check_ping_timeout()
