"""Admission: whether one more connection of a user, or of an address, may be opened here.

Streams and long polls are asked about in their request; a Socket.IO client at its handshake, which is an HTTP request
still, and again when it turns out who it is. Where nobody can be known and no address is counted, nobody is asked. This
file may not know how anything is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from flask import Flask, request

from ..access import user_of
from ..concurrency import Concurrency
from ..config import Settings
from ..errors import RealtimeError, TooManyConnections
from ..hub.connection import Connection, Grant
from ..hub.hub import Hub
from ..seldom import Seldom
from .access import Gate
from .addresses import network
from .hangup import hang_up_of
from .identifying import HOLDER, IDENTITY, KNOWN, USER
from .insistence import Insistence
from .quota import Exhausted, Quota, Share, Slot

USERS: Final = "connections_per_user"
ADDRESSES: Final = "connections_per_address"
_POLLS_OF_USERS: Final = "polls_per_user"
_POLLS_OF_ADDRESSES: Final = "polls_per_address"
_LEAST_SECONDS: Final = 1.0


class Admission:
    """Counts what the clients of one application have open in this process.

    Args:
        app: the application.
        settings: how much that may be.
        gate: says who they are.
        hub: forgets those that are gone.
        concurrency: for locks.
    """

    def __init__(self, app: Flask, *, settings: Settings, gate: Gate, hub: Hub, concurrency: Concurrency) -> None:
        named = {
            USERS: settings.max_connections_per_user,
            ADDRESSES: settings.max_connections_per_address,
            _POLLS_OF_USERS: settings.max_polls_per_user,
            _POLLS_OF_ADDRESSES: settings.max_polls_per_address,
        }
        limits = {name: most for name, most in named.items() if most}
        self._app = app
        self._gate = gate
        self._hub = hub
        self._limits = limits
        self._users = USERS in limits or _POLLS_OF_USERS in limits
        self._addresses = ADDRESSES in limits or _POLLS_OF_ADDRESSES in limits
        self._quota = Quota(limits, concurrency=concurrency, refuse=hub.counters.refuse)
        self._insistence = Insistence(concurrency=concurrency)
        self._doubts = Seldom(logging.getLogger(__name__))

    def stream(self, grant: Grant | None) -> Slot | None:
        """A slot for an event stream, in its request; ``None`` where nothing is counted.

        Args:
            grant: on whose behalf it reads.

        Raises:
            TooManyConnections: there is none.
        """
        if not self._limits:
            return None
        environ = request.environ
        return self._taken(self._user(grant, environ), environ.get("REMOTE_ADDR"), (USERS,), (ADDRESSES,))

    def response(self) -> Slot | None:
        """The same for a stream of the application's own, in its request, whoever's that is."""
        if not self._limits:
            return None
        environ, user = request.environ, None
        if self._users and self._may_be_known(environ):
            with suppress(RealtimeError):  # The view has let it in: a hook that refuses or fails is not asked again.
                user = user_of(self._gate.identity())
        return self._taken(user, environ.get("REMOTE_ADDR"), (USERS,), (ADDRESSES,))

    def poll(self, grant: Grant | None, waiter: Connection) -> None:
        """Give a long poll that is going to wait its slot. Parameter and error as for ``stream``."""
        if not self._limits:
            return
        limits, environ = ((USERS, _POLLS_OF_USERS), (ADDRESSES, _POLLS_OF_ADDRESSES)), request.environ
        slot = self._taken(self._user(grant, environ), environ.get("REMOTE_ADDR"), *limits)
        if slot is not None:
            self.watch(slot, waiter, environ)

    def watch(self, slot: Slot, connection: Connection, environ: dict[str, Any]) -> None:
        """Let a connection have the slot, which another may have once the connection's client has hung up."""
        connection.slot = slot
        slot.doubt(hang_up_of(environ), partial(_dropped, self._hub, connection))

    def begun(self, environ: dict[str, Any]) -> Callable[[Connection], None]:
        """What an event stream calls that begins on a server which keeps its socket: from then on it may be gone
        unnoticed.
        """
        return partial(self._begun, environ)

    def handshake(self, environ: dict[str, Any]) -> Slot | None:
        """A slot for a Socket.IO connection; ``None`` where nothing is counted, or not yet.

        Args:
            environ: of its handshake. Who the client is, where that is asked, is kept in it.

        Raises:
            TooManyConnections: there is none.
        """
        if not self._limits:
            return None
        user = self._asked(environ) if self._users and self._may_be_known(environ) else None
        return self._taken(user, environ.get("REMOTE_ADDR"), (USERS,), (ADDRESSES,))

    def expect(self, session: Any, environ: dict[str, Any]) -> None:
        """A Socket.IO client connects with a ticket: it is its user's from now on. Parameters and error: ``follow``."""
        if USERS in self._limits:
            holder = self._gate.holder(environ)
            if holder is not None:
                self._move(session, holder)

    def follow(self, session: Any, environ: dict[str, Any]) -> None:
        """A Socket.IO client is known now, or is known as somebody else: it counts as theirs.

        Args:
            session: its Engine.IO session.
            environ: its environment.

        Raises:
            TooManyConnections: they have as many as they may; it counts as before.
        """
        if USERS in self._limits:
            self._move(session, environ.get(HOLDER) or environ.get(USER))

    def _move(self, session: Any, user: str | None) -> None:
        who = None if user is None else f"user {user}"
        try:
            if session.slot is not None:
                session.slot.move(USERS, who)
            elif who is not None:
                session.slot = self._quota.take((Share(USERS, who),))
        except Exhausted as exc:
            raise self._refusal(exc) from None
        if session.slot is not None and (session.closed or session.closing):
            session.slot.free()

    def _user(self, grant: Grant | None, environ: dict[str, Any]) -> str | None:
        """Whose request it is, as far as that is asked."""
        if grant is not None:
            return grant.user
        asked = not self._users or self._gate.knows(environ) or not self._may_be_known(environ)
        return None if asked else user_of(self._gate.identity())

    def _may_be_known(self, environ: dict[str, Any]) -> bool:
        """Whether it may turn out who the client is: nobody's session is opened in vain."""
        return self._gate.knows(environ) or self._app.config["SESSION_COOKIE_NAME"] in environ.get("HTTP_COOKIE", "")

    def _asked(self, environ: dict[str, Any]) -> str | None:
        """Who knocks. Where that fails it is nobody in particular: what it wants is refused later, if need be."""
        kept = self._gate.knows(environ)
        try:
            with self._app.request_context(environ):
                self._gate.greet()
        except Exception as exc:  # noqa: BLE001  the application's session store, or what it tears down
            self._doubts.warn("a client's user could not be found out: %s", exc)
        environ.pop("werkzeug.request", None)  # It would live as long as the connection.
        user = environ.get(HOLDER) or environ.get(USER)
        if kept:
            environ[KNOWN] = True
        else:
            for name in (USER, HOLDER, IDENTITY):
                environ.pop(name, None)
        return user

    def _taken(
        self, user: str | None, address: str | None, of_users: tuple[str, ...], of_addresses: tuple[str, ...]
    ) -> Slot | None:
        limits, shares = self._limits, list[Share]()
        if user is not None:
            shares += [Share(limit, f"user {user}") for limit in of_users if limit in limits]
        if address and self._addresses:
            who = network(address)
            shares += [Share(limit, who) for limit in of_addresses if limit in limits]
        if not shares:
            return None
        try:
            return self._quota.take(tuple(shares))
        except Exhausted as exc:
            raise self._refusal(exc) from None

    def _refusal(self, exc: Exhausted) -> TooManyConnections:
        limit, who = exc.share
        whose = "your address has" if limit in {ADDRESSES, _POLLS_OF_ADDRESSES} else "you have"
        what = "connections" if limit in {USERS, ADDRESSES} else "long polls"
        self._doubts.warn("%s has %s %s open: no more were let in", who, exc.most, what)
        wait = self._insistence.wait(f"{limit} {who}", _LEAST_SECONDS)
        return TooManyConnections(f"{whose} {exc.most} {what} open, which is the most allowed", retry_after=wait)

    def _begun(self, environ: dict[str, Any], stream: Connection) -> None:
        if isinstance(stream.slot, Slot):
            self.watch(stream.slot, stream, environ)


def _dropped(hub: Hub, connection: Connection) -> None:
    """Its client is gone: forget it, and end whoever writes to it."""
    hub.detach(connection)
    connection.wake()
