"""Telling: what every connection of this process hears when the log cannot be followed, and when it can again.

It is said once for each change, ahead of whatever is pending, and moves no cursor. Who connects meanwhile hears it
behind its opening words. Nothing here may wait or write to a socket.
"""

from __future__ import annotations

from typing import Any, Final

from .connection import Connection, State
from .saying import Saying

DEGRADED: Final = "realtime.degraded"
RESTORED: Final = "realtime.restored"
REASON: Final = {"reason": "bus_unavailable"}


class Telling(Saying):
    """The part of the hub that tells connections of outages.

    Attributes:
        degraded: the log cannot be followed just now.
    """

    degraded = False

    def tell(self, *, degraded: bool) -> None:
        """The log was lost, or found again."""
        event, data = (DEGRADED, REASON) if degraded else (RESTORED, {})
        with self._lock:
            if self.degraded == degraded:
                return
            self.degraded = degraded
            for connection in self.connections:
                # Who was not greeted yet waits for the log: there is nothing that it could rely on meanwhile.
                if connection.told_by_hub and connection.greeted and connection.state is not State.CLOSED:
                    said = connection.control(event, data)
                    if said:
                        connection.notes += said
                        self._woken.append(connection)
        self.flush()

    def _take_notes(self, connection: Connection) -> list[Any]:
        """What is to be said to an open connection before anything else."""
        with self._lock:
            if connection.state not in {State.LIVE, State.LAGGING}:
                return []
            notes, connection.notes = connection.notes, []
            return notes

    def _opening_note(self, connection: Connection) -> list[Any]:
        """What who connects now hears next."""
        return connection.control(DEGRADED, REASON) if self.degraded and connection.told_by_hub else []
