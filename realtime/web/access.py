"""The gate: asks the application who a client is and what it may do, on every way in.

Whatever is not clearly allowed is refused: also where a hook fails. What the application's own code does with rooms
(``emit``, ``join_room``, ``Realtime.publish``) is not asked about. This file may not know what is behind the gate.
"""

from __future__ import annotations

import inspect
import logging
import time
from typing import Any, Final

from flask import request, session

from ..access import Access, Action, user_of
from ..concurrency import Concurrency
from ..errors import Forbidden, RealtimeError, Unauthorized
from ..hub.connection import Grant
from ..tickets import Ticket, Tickets
from .hooks import judged

TICKET: Final = "ticket"
"""What it is called in a query, and in what a Socket.IO client connects with."""
COOKIE: Final = "realtime-ticket"
_BY_TICKET: Final = ("subscribe", "history")
AUTH: Final = "realtime.auth"
"""Under this key of a Socket.IO client's environment is what its CONNECT carried."""
IDENTITY: Final = "realtime.identity"
"""Under this key is who the client is, once that was asked."""
USER: Final = "realtime.user"
"""Under this key is that one's user id."""
GONE: Final = "realtime.gone"
"""This key is there once a client's access was revoked: it is being sent away."""
_LOCK: Final = "realtime.identifying"


class Gate:
    """Asks for one application. All of it needs the client's request context.

    Args:
        access: the application's hooks; it may get more at any time.
        tickets: reads them.
        concurrency: for a lock per client.
    """

    def __init__(self, access: Access, *, tickets: Tickets, concurrency: Concurrency) -> None:
        self._access = access
        self._tickets = tickets
        self._concurrency = concurrency
        self._log = logging.getLogger(__name__)

    def active(self) -> bool:
        """Whether there is anybody to ask: such may wait, and wants a request context."""
        return self._access.active

    def identity(self) -> Any:
        """Who the client is, asked once per request or Socket.IO connection; ``None`` for nobody.

        Raises:
            HookFailed: the hook failed.
            RealtimeError: the hook refused the client.
        """
        # The environment of a Socket.IO client's requests is one and the same as long as it is connected.
        environ = request.environ
        if IDENTITY not in environ:
            with environ.setdefault(_LOCK, self._concurrency.lock()):
                if IDENTITY not in environ:
                    with judged(self._log, "a hook of identify failed; the client was refused"):
                        identity = self._identified()
                        environ[USER], environ[IDENTITY] = user_of(identity), identity
        return environ[IDENTITY]

    def admit(self, action: Action, *rooms: str) -> Any:
        """Return who the client is, if it may do this in all the rooms; where nobody is to be asked, ``None``.

        A ticket for all the rooms that it wants to read is returned itself, and the hooks are not asked.

        Raises:
            Unauthorized: it may not, and nobody knows who it is.
            Forbidden: it may not.
            HookFailed: a hook failed.
            RealtimeError: a hook refused in words of its own.
        """
        if not self._access.active:
            return None
        if GONE in request.environ:
            raise Unauthorized("access was revoked; connect again")
        ticket = self._ticket() if action in _BY_TICKET else None
        if isinstance(ticket, Ticket) and ticket.rooms.issuperset(rooms):
            return ticket
        identity = self.identity()
        try:
            for room in rooms:
                self._authorize(identity, action, room)
        except Unauthorized:
            if isinstance(ticket, Unauthorized):
                raise ticket from None
            raise
        return identity

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

    def _ticket(self) -> Ticket | Unauthorized | None:
        """The client's ticket, or why it does not count."""
        said = request.args.get(TICKET) or request.environ.get(AUTH, {}).get(TICKET)
        text = said or request.cookies.get(COOKIE)
        try:
            return self._tickets.read(text) if isinstance(text, str) else None
        except Unauthorized as exc:
            return exc

    def _identified(self) -> Any:
        hook = self._access.identify
        identity = _session_user() if hook is None else hook()
        # Such as Flask-Login's current_user: kept as it is, it would be somebody else in another request.
        current = getattr(identity, "_get_current_object", None)
        identity = identity if current is None else current()
        return None if user_of(identity) is None else identity

    def _authorize(self, identity: Any, action: Action, room: str) -> None:
        for where, hook in self._access.authorize:
            if not where.fits((room,), ""):
                continue
            with judged(self._log, "a hook of authorize failed; the client was refused"):
                allowed = hook(identity, action, room)
                if inspect.isawaitable(allowed):
                    raise TypeError("authorize takes a plain function; what this one returned has to be awaited")
            if allowed:
                continue
            if identity is None:
                raise Unauthorized(f"nobody is logged in, and not everybody may {_WORDS[action]} {room!r}")
            raise Forbidden(f"you may not {_WORDS[action]} {room!r}")


def granted(identity: Any, mark: int) -> Grant | None:
    """On whose behalf somebody reads, for the hub; ``None`` where nobody was asked, or it is nobody."""
    if isinstance(identity, Ticket):
        return Grant(identity.user, mark, time.monotonic() + identity.until - time.time())
    user = user_of(identity)
    return None if user is None else Grant(user, mark)


_WORDS: Final = {
    "subscribe": "subscribe to",
    "publish": "publish to",
    "history": "read the history of",
    "presence": "see who is in",
}


def _session_user() -> str | None:
    """The session's user: ``session["user"]``, else Flask-Login's."""
    for name in ("user", "_user_id"):
        user = session.get(name)
        if isinstance(user, str | int) and not isinstance(user, bool) and user != "":
            return str(user)
    return None
