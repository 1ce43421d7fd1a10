"""The gate: asks the application who a client is and what it may do, on every way in.

Whatever is not clearly allowed is refused: also where a hook fails. What the application's own code does with rooms
(``emit``, ``join_room``, ``Realtime.publish``) is not asked about. This file may not know what is behind the gate.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import has_request_context, request

from ..access import Access, Action, user_of
from ..concurrency import Concurrency
from ..errors import Forbidden, RealtimeError, Unauthorized
from ..grants import Ledger
from ..hub.connection import Grant
from ..tickets import Ticket, Tickets
from .hooks import judged
from .identifying import AUTH, GONE, IDENTITY, TICKET, Identifying

_BY_TICKET: Final = ("subscribe", "history", "presence")


class Gate(Identifying):
    """Asks for one application. All of it needs the client's request context.

    Args:
        access: the application's hooks; it may get more at any time.
        tickets: reads them.
        ledger: knows what was granted and revoked.
        prefix: begins the names of rooms that need a grant; empty where there are none.
        concurrency: for a lock per client.
    """

    def __init__(
        self, access: Access, *, tickets: Tickets, ledger: Ledger, prefix: str, concurrency: Concurrency
    ) -> None:
        super().__init__(access, tickets=tickets, ledger=ledger, concurrency=concurrency)
        self._prefix = prefix

    def active(self) -> bool:
        """Whether there is anybody to ask: such may wait, and wants a request context."""
        return bool(self._access.active or self._prefix)

    def knows(self, environ: Mapping[str, Any]) -> bool:
        """Whether there is anybody to ask about the client whose WSGI environment this is.

        Where there are private rooms and nothing else, a client without a cookie and without a ticket is nobody. It is
        let into all other rooms without being asked about, and costs no more than it would without private rooms.
        """
        return self._access.active or (
            bool(self._prefix)
            and (
                "HTTP_COOKIE" in environ
                or "HTTP_AUTHORIZATION" in environ
                or bool(environ.get(AUTH))
                or environ.get(IDENTITY) is not None
                or TICKET in environ.get("QUERY_STRING", "")
            )
        )

    def is_private(self, room: str) -> bool:
        """Whether the room is for those only who were granted it."""
        return bool(self._prefix) and room.startswith(self._prefix)

    def admit(self, action: Action, *rooms: str) -> Any:
        """Return who the client is, if it may do this in all the rooms; where nobody is to be asked, ``None``.

        A ticket for all the rooms that it wants to read is returned itself, and the hooks are not asked.

        Raises:
            Unauthorized: it may not, and nobody knows who it is.
            Forbidden: it may not.
            HookFailed: a hook failed.
            RealtimeError: a hook refused in words of its own.
        """
        return self._admitted(action, rooms)[0]

    def grant(self, action: Action, *rooms: str, mark: int) -> Grant | None:
        """On whose behalf somebody does this in the rooms, and for how long; ``None`` for nobody in particular.

        Args:
            action, rooms: as ``admit``, which says what is raised.
            mark: the hub's, from before this is asked.
        """
        at = time.time()
        now = time.monotonic() - at
        who, leases = self._admitted(action, rooms)
        if isinstance(who, Ticket):
            return Grant(who.user, mark, who.until + now, at=at)
        user, ends = user_of(who), tuple((room, until + now) for room, until in leases)
        return None if user is None else Grant(user, mark, None, ends, at)

    def _admitted(self, action: Action, rooms: Sequence[str]) -> tuple[Any, list[tuple[str, float]]]:
        """Who the client is, and which of the rooms were granted until when."""
        if not self._access.active and not (self._prefix and has_request_context() and self.knows(request.environ)):
            if any(map(self.is_private, rooms)):
                raise Unauthorized(f"nobody is logged in, and not everybody may {_WORDS[action]} {rooms[0]!r}")
            return None, []
        if GONE in request.environ:
            raise Unauthorized("access was revoked; connect again")
        ticket = self._ticket(rooms) if action in _BY_TICKET else None
        if isinstance(ticket, Ticket):
            return ticket, []
        identity, leases = self.identity(), []
        try:
            for room in rooms:
                if self.is_private(room):
                    until = self._leased(identity, action, room)
                    leases += [] if until is None else [(room, until)]
                self._authorize(identity, action, room)
        except Unauthorized:
            if isinstance(ticket, Unauthorized):
                raise ticket from None
            raise
        return identity, leases

    def allows(self, action: Action, *rooms: str) -> bool:
        """Whether the client may do this in all the rooms.

        Raises:
            HookFailed: a hook failed.
        """
        try:
            self.admit(action, *rooms)
        except RealtimeError as exc:
            if exc.status < 500:
                return False
            raise
        return True

    def _leased(self, identity: Any, action: Action, room: str) -> float | None:
        """Until when a private room was granted, in seconds since 1970; ``None`` for good."""
        user = user_of(identity)
        if user is None:
            raise Unauthorized(f"nobody is logged in, and not everybody may {_WORDS[action]} {room!r}")
        lease = self._ledger.lease(user, room)
        if lease is None:
            raise Forbidden(f"you may not {_WORDS[action]} {room!r}")
        return lease.until

    def _authorize(self, identity: Any, action: Action, room: str) -> None:
        for where, hook in self._access.authorize:
            if not where.fits((room,), ""):
                continue
            with judged(self._log, "authorize", hook, outcome="the client was refused"):
                allowed = hook(identity, action, room)
                if inspect.isawaitable(allowed):
                    raise TypeError("authorize takes a plain function; what this one returned has to be awaited")
            if allowed:
                continue
            if identity is None:
                raise Unauthorized(f"nobody is logged in, and not everybody may {_WORDS[action]} {room!r}")
            raise Forbidden(f"you may not {_WORDS[action]} {room!r}")


_WORDS: Final = {
    "subscribe": "subscribe to",
    "publish": "publish to",
    "history": "read the history of",
    "presence": "see who is in",
}
