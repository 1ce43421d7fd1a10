"""Revocation, as every process does it: the hub takes the rooms back, and Socket.IO clients are sent away.

It comes over the bus in the order of the log, so that what was published before it was published to the user still.
This file may not decide who may do what.
"""

from __future__ import annotations

import time
from typing import Any, Final

from ..hub.revoking import REVOKED
from ..names import is_room_name
from ..tickets import Tickets
from .access import GONE, USER
from .relay import RelayingManager

_PATIENCE: Final = 0.5
"""Seconds that a client has to fetch its last event by polling."""


class RevokingManager(RelayingManager):
    """The client manager, where a user's access ends.

    Attributes:
        tickets: those of the application.
    """

    tickets: Tickets

    def revoke(self, user: str, room: str | None) -> None:
        """Take a room, or everything, from a user's connections in every process.

        Raises:
            BusUnavailable: nothing was revoked.
        """
        self._relay({"method": "revoke", "user": user, "room": room, "at": time.time()})

    def expire(self, sid: str, room: str) -> None:
        """The time for which a client was let into a room is over."""
        connection = self._connections.get(sid)
        if connection is not None:
            self._hub.expire(connection, room)
            super().leave_room(sid, "/", room)

    def relayed(self, payload: dict[str, Any]) -> None:
        """Do what a process asked of all."""
        if payload.get("method") == "revoke":
            user, room, at = payload.get("user"), payload.get("room"), payload.get("at")
            if isinstance(user, str) and (room is None or is_room_name(room)) and isinstance(at, int | float):
                self.tickets.revoke(user, room, at=min(at, time.time()))
                self._revoked(user, room)
                return
        super().relayed(payload)

    def _revoked(self, user: str, room: str | None) -> None:
        if room is not None:
            self._hub.revoke(user, room)
            for client, _ in self._clients(user):
                if client is not None:
                    # The hub has taken the room already; this is the library's own list.
                    super().leave_room(client, "/", room)
            return
        clients = self._clients(user)
        for _client, environ in clients:
            environ[GONE] = True
        self._hub.revoke(user)
        for sid, environ in clients:
            # Handlers of the application run: not in the one task that delivers to everybody.
            self.server.start_background_task(self._send_away, sid, environ)

    def _clients(self, user: str) -> list[tuple[str | None, dict[str, Any]]]:
        """The clients that are known to be the user's, also those in no room: session id, and environment."""
        found = []
        for eio_sid, environ in tuple(self.server.environ.items()):
            connection = self._connections.of_engine(eio_sid)
            grant = None if connection is None else connection.grant
            if environ.get(USER) == user or (grant is not None and grant.user == user):
                found.append((self.sid_from_eio_sid(eio_sid, "/"), environ))
        return found

    def _send_away(self, sid: str | None, environ: dict[str, Any]) -> None:
        eio_sid = next((key for key, one in tuple(self.server.environ.items()) if one is environ), None)
        socket = self.server.eio.sockets.get(eio_sid)
        if socket is None:
            return
        if sid is not None:
            self._emit_here(REVOKED, {"room": None}, "/", sid, [], None)
        deadline = time.monotonic() + _PATIENCE
        while socket.queue.qsize() and time.monotonic() < deadline:
            self.server.sleep(0.02)
        # All of it, not only the namespace: what the client connected with is not asked about again.
        socket.close(wait=False)
