"""Who a client is: by its ticket, or as the application says. Asked once per request or Socket.IO connection.

All of it needs the client's request context. This file may not know what anybody is allowed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from flask import request, session

from ..access import Access, user_of
from ..concurrency import Concurrency
from ..errors import Forbidden, RealtimeError, Unauthorized
from ..grants import Ledger
from ..tickets import NOT_VALID, Ticket, Tickets
from .hooks import judged

TICKET: Final = "ticket"
"""What it is called in a query, and in what a Socket.IO client connects with."""
COOKIE: Final = "realtime-ticket"
AUTH: Final = "realtime.auth"
"""Under this key of a Socket.IO client's environment is what its CONNECT carried."""
IDENTITY: Final = "realtime.identity"
"""Under this key is who the client is, once that was asked."""
USER: Final = "realtime.user"
"""Under this key is that one's user id."""
ASKED: Final = "realtime.asked"
"""Under this key is when that was asked, in seconds since the epoch."""
HOLDER: Final = "realtime.holder"
"""Under this key is the id of the user whose ticket a Socket.IO client connected with."""
KNOWN: Final = "realtime.known"
"""This key is there from a handshake at which it was asked who the client is, until it connects."""
GONE: Final = "realtime.gone"
"""This key is there once a client's access was revoked: it is being sent away."""
_LOCK: Final = "realtime.identifying"
_USED: Final = "realtime.used"
"""Under this key is the one-use ticket that was used up here."""


class Identifying:
    """Knows the clients of one application.

    Args:
        access: the application's hooks; it may get more at any time.
        tickets: reads them.
        ledger: knows what was granted and revoked.
        concurrency: for a lock per client.
    """

    def __init__(self, access: Access, *, tickets: Tickets, ledger: Ledger, concurrency: Concurrency) -> None:
        self._access = access
        self._tickets = tickets
        self._ledger = ledger
        self._concurrency = concurrency
        self._log = logging.getLogger(__name__)

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
                    environ[ASKED] = time.time()
                    with judged(self._log, "identify", self._access.identify, outcome="the client was refused"):
                        identity = self._identified()
                        environ[USER], environ[IDENTITY] = user_of(identity), identity
        return environ[IDENTITY]

    def greet(self) -> None:
        """Know who a Socket.IO client is from its CONNECT on: what is revoked reaches it, whatever it does."""
        with suppress(RealtimeError):
            # A ticket that does not count, or a hook that refuses or fails: told when the client wants something.
            text = self._carried()
            if text is not None:
                request.environ[HOLDER] = self._tickets.read(text).user
        with suppress(RealtimeError):
            self.identity()

    def refresh(self, ticket: object) -> None:
        """A Socket.IO client has a new ticket, or asks to be asked about again: forget who it was.

        Args:
            ticket: the new one; ``None`` for none.

        Raises:
            Unauthorized: the ticket does not count, or everything was taken from the client.
            Forbidden: the ticket is another user's.
        """
        environ = request.environ
        if GONE in environ:
            raise Unauthorized("access was revoked; connect again")
        if ticket is not None:
            if not isinstance(ticket, str):
                raise Unauthorized(NOT_VALID)
            read = self._tickets.read(ticket)
            self._ledger.check(read)
            known = {environ.get(HOLDER), environ.get(USER)} - {None}
            if known and read.user not in known:
                raise Forbidden("the ticket is another user's; connect anew with it")
            environ[AUTH] = {**environ.get(AUTH, {}), TICKET: ticket}
        with environ.setdefault(_LOCK, self._concurrency.lock()):
            environ.pop(IDENTITY, None)
        self.greet()

    def holder(self, environ: dict[str, Any]) -> str | None:
        """The user whose ticket a Socket.IO client's CONNECT carries; needs no request context."""
        text = environ.get(AUTH, {}).get(TICKET)
        with suppress(Unauthorized):
            return self._tickets.read(text).user if isinstance(text, str) else None
        return None

    def _carried(self) -> str | None:
        """The text of the client's ticket."""
        said = request.environ.get(AUTH, {}).get(TICKET) or request.args.get(TICKET)
        text = said or request.cookies.get(COOKIE)
        return text if isinstance(text, str) else None

    def _ticket(self, rooms: Sequence[str]) -> Ticket | Unauthorized | None:
        """The client's ticket, if it is for the rooms, or why it does not count. One for one use is used by this."""
        text = self._carried()
        if text is None:
            return None
        environ = request.environ
        try:
            ticket = self._tickets.read(text)
            if not ticket.rooms.issuperset(rooms):
                return None
            self._ledger.check(ticket)
            if ticket.once is not None:
                with environ.setdefault(_LOCK, self._concurrency.lock()):
                    if environ.get(_USED) != ticket.once:
                        self._ledger.use_up(ticket)
                        environ[_USED] = ticket.once
        except Unauthorized as exc:
            return exc
        return ticket

    def _identified(self) -> Any:
        hook = self._access.identify
        identity = _session_user() if hook is None else hook()
        # Such as Flask-Login's current_user: kept as it is, it would be somebody else in another request.
        current = getattr(identity, "_get_current_object", None)
        identity = identity if current is None else current()
        return None if user_of(identity) is None else identity


def _session_user() -> str | None:
    """The session's user: ``session["user"]``, else Flask-Login's."""
    for name in ("user", "_user_id"):
        user = session.get(name)
        if isinstance(user, str | int) and not isinstance(user, bool) and user != "":
            return str(user)
    return None
