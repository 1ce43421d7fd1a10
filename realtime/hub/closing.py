"""Closing: how a process that goes lets its connections go, so that they do not all come back in the same moment.

A restart sends everybody of a process to the others, and each of them asks for a handshake and for what it missed.
Each connection is told a moment of its own in a window, and nothing else is said to it any more. Nothing here may wait
or write to a socket.
"""

from __future__ import annotations

from ..jitter import come_back
from .connection import State
from .revoking import Revoking


class Closing(Revoking):
    """The part of the hub that ends.

    Attributes:
        draining: this process is shutting down and takes no new connection.
    """

    draining = False

    def close(self, *, retry: float = 2, window: float = 0) -> None:
        """End every connection and take no new one: this server is going.

        Args:
            retry: seconds after which the first may come back; by then another process listens in this one's place.
            window: seconds after that over which they spread.
        """
        self._write_shared()
        with self._lock:
            self.draining, everyone = True, tuple(self.connections)
            for connection in everyone:
                self._leave_groups(connection)
                if connection.state is not State.CLOSED:
                    connection.notes += connection.farewell(come_back(retry, window))
                connection.state = State.CLOSED
        for connection in everyone:
            self._wake(connection)
