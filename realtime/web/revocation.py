"""Revocation, as every process does it: the hub takes the rooms back, and Socket.IO clients are sent away.

It comes over the bus in the order of the log, so that what was published before it was published to the user still; and
it is noted in the ledger first, for processes that start later. This file may not decide who may do what.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from ..errors import BusUnavailable
from ..grants import Ledger
from ..hub.connection import Grant, State
from ..hub.revoking import EXPIRED, REVOKED
from ..names import is_room_name
from .identifying import ASKED, GONE, HOLDER, USER
from .relay import RelayingManager

_PATIENCE: Final = 0.5
"""Seconds that a client has to fetch its last event by polling."""
_UNTIL: Final = "realtime.until"
"""Under this key of a client's environment is until when it may read which room."""
_NEVER: Final = float("inf")
_LOOKED_BACK: Final = 3600.0
"""Seconds for which a revocation that was missed is looked for: none that is older is noted."""
_DIFFERENCE: Final = 2.0
"""Seconds by which the clock of whoever revoked may be behind ours: who was let in longer after that is let in."""
_AGAIN: Final = 0.25


class _Client(NamedTuple):
    """A client: its Engine.IO session, its Socket.IO session id while it is connected, and its environment."""

    eio_sid: str
    sid: str | None
    environ: dict[str, Any]


class RevokingManager(RelayingManager):
    """The client manager, where a user's access ends.

    Attributes:
        ledger: what users were granted, and what was taken from them.
    """

    ledger: Ledger

    def grant(self, user: str, room: str, *, seconds: float | None) -> None:
        """Grant a private room, for so long or for good. Raises ``BusUnavailable``: nothing was granted."""
        self.ready()
        until = self.ledger.grant(user, room, seconds=seconds)
        self._relay({"method": "grant", "user": user, "room": room, "until": until})

    def revoke(self, user: str, room: str | None) -> None:
        """Take a room, or everything, from a user: what was granted, and from connections in every process.

        Raises:
            BusUnavailable: it may not be known everywhere.
        """
        self.ready()
        self.ledger.revoke(user, room)
        self._relay({"method": "revoke", "user": user, "room": room})

    def log_out(self, user: str) -> None:
        """End a user's connections in every process, and tickets; grants stay. Raises as ``revoke``."""
        self.ready()
        self.ledger.expel(user)
        self._relay({"method": "revoke", "user": user, "room": None})

    def let_in(self, sid: str, room: str, grant: Grant | None) -> None:
        """On whose behalf a client reads a room from now on, and for how long. It goes in by itself.

        Raises:
            ConnectionClosed: the client is not connected.
        """
        self.connection(sid).grant = grant
        self._end_at(sid, room, None if grant is None else grant.ends(room))

    def take_back(self, sid: str, room: str, event: str = REVOKED) -> None:
        """Take a room from one client, which is told by this event."""
        connection = self._connections.get(sid)
        if connection is not None:
            self._hub.take_back(connection, room, event)
            super().leave_room(sid, "/", room)

    def _end_at(self, sid: str, room: str, until: float | None) -> None:
        environ = self.server.environ.get(self.eio_sid_from_sid(sid, "/"))
        if environ is None or (until is None and _UNTIL not in environ):
            return
        ends = environ.setdefault(_UNTIL, {})
        if until is None or until == _NEVER:
            ends.pop(room, None)
        else:
            ends[room] = until
            self._hub.expiry.add(until, partial(self._expire, sid, room))

    def _expire(self, sid: str, room: str) -> None:
        """The time for which a client was let into a room is over, if it was not extended meanwhile."""
        environ = self.server.environ.get(self.eio_sid_from_sid(sid, "/")) or {}
        if environ.get(_UNTIL, {}).get(room, _NEVER) <= time.monotonic():
            environ[_UNTIL].pop(room, None)
            self.take_back(sid, room, EXPIRED)

    def relayed(self, payload: dict[str, Any]) -> None:
        """Do what a process asked of all. What comes is from a shared place: a wrong payload is left out."""
        method, user, room = payload.get("method"), payload.get("user"), payload.get("room")
        if method in {"revoke", "grant"} and isinstance(user, str) and (room is None or is_room_name(room)):
            self.ledger.forget(user)
            if method == "revoke":
                self._revoked(user, room)
            elif isinstance(room, str):
                self._extended(user, room, payload.get("until"))
            return
        super().relayed(payload)

    def greeted(self, eio_sid: str, mark: int) -> None:
        """A client that connected is known now. If everything was revoked while that was found out, it goes again."""
        environ = self.server.environ.get(eio_sid) or {}
        users = filter(None, (environ.get(USER), environ.get(HOLDER)))
        if any(self._hub.was_revoked(Grant(user, mark), ()) for user in users):
            environ[GONE] = True
            self.server.start_background_task(self._send_away, eio_sid, self.sid_from_eio_sid(eio_sid, "/"))

    def look_again(self) -> None:
        """The log could not be followed, and a revocation may have been missed: look up everybody who is here.

        Until that is done nobody reads on for whom somebody was asked.
        """
        gaps = self._hub.counters.gaps
        try:
            self._look_up(earliest=time.time() - _LOOKED_BACK)
        finally:
            self._hub.sure(gaps)

    def _look_up(self, *, earliest: float) -> None:
        everybody: dict[str, set[str]] = {}
        since: dict[str, float] = {}

        def found(user: str, rooms: Iterable[str], asked: float) -> None:
            everybody.setdefault(user, set()).update(rooms)
            since[user] = min(since.get(user, asked), asked)

        for connection in tuple(self._hub.connections):
            if connection.grant is not None:
                found(connection.grant.user, connection.rooms, connection.grant.at)
        for eio_sid, environ in tuple(self.server.environ.items()):
            client = self._connections.of_engine(eio_sid)
            for user in filter(None, (environ.get(USER), environ.get(HOLDER))):
                found(user, () if client is None else client.rooms, environ.get(ASKED, 0.0))
        for user, rooms in everybody.items():
            self.ledger.forget(user)
            while True:
                with suppress(BusUnavailable):
                    taken = self.ledger.taken(user, rooms, since=max(earliest, since[user] - _DIFFERENCE))
                    break
                self.server.sleep(_AGAIN)
            for room in taken:
                self._revoked(user, room)

    def _extended(self, user: str, room: str, until: object) -> None:
        if until is not None and type(until) not in {int, float}:
            return
        ends = _NEVER if not isinstance(until, int | float) else time.monotonic() + until - time.time()
        self._hub.extend(user, room, ends)
        for client in self._clients(user):
            connection = None if client.sid is None else self._connections.get(client.sid)
            if client.sid is not None and connection is not None and room in connection.rooms:
                self._end_at(client.sid, room, ends)

    def _revoked(self, user: str, room: str | None) -> None:
        if room is not None:
            self._hub.revoke(user, room)
            for client in self._clients(user):
                connection = None if client.sid is None else self._connections.get(client.sid)
                if connection is not None and room in connection.rooms:
                    # It stands for two users (a session's, and a ticket's), and the other was the last who was let in;
                    # or the application put it there. Who may be there all the same can join again.
                    self._hub.take_back(connection, room, REVOKED)
                if client.sid is not None:
                    super().leave_room(client.sid, "/", room)  # The library's own list.
            return
        clients = self._clients(user)
        for client in clients:
            client.environ[GONE] = True
        self._hub.revoke(user)
        for client in clients:
            # Handlers of the application run: not in the one task that delivers to everybody.
            self.server.start_background_task(self._send_away, client.eio_sid, client.sid)

    def _clients(self, user: str) -> list[_Client]:
        """The clients that are known to be the user's, also those in no room."""
        found = []
        for eio_sid, environ in tuple(self.server.environ.items()):
            connection = self._connections.of_engine(eio_sid)
            grant = None if connection is None else connection.grant
            if user in {environ.get(USER), environ.get(HOLDER)} or (grant is not None and grant.user == user):
                found.append(_Client(eio_sid, self.sid_from_eio_sid(eio_sid, "/"), environ))
        return found

    def _send_away(self, eio_sid: str, sid: str | None) -> None:
        socket = self.server.eio.sockets.get(eio_sid)
        if socket is None:
            return
        connection = None if sid is None else self._connections.get(sid)
        if sid is not None and (connection is None or connection.state is not State.CLOSED):
            # The hub has told those that it ended.
            self._emit_here(REVOKED, {"room": None}, "/", sid, [], None)
        deadline = time.monotonic() + _PATIENCE
        while socket.queue.qsize() and time.monotonic() < deadline:
            self.server.sleep(0.02)
        # All of it, not only the namespace: what the client connected with is not asked about again.
        socket.close(wait=False)
