"""The part of the extension's face that is about access: who clients are, what they may do.

Thin: the hooks are kept in ``access`` and asked in ``web.access``. This file may not do the work itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, overload

from flask import has_request_context, request

from .access import Access, Authorize, Identify, user_of
from .arguments import flag, seconds, utf8
from .errors import ConfigError, InvalidValue
from .grants import MAX_GRANT_SECONDS
from .names import check_room
from .state import State
from .web.identifying import AUTH

W = TypeVar("W", bound=Identify)
A = TypeVar("A", bound=Authorize)

_LEAST_SECONDS: Final = 0.001


class Guarding(ABC):
    """What ``Realtime`` says about access."""

    def __init__(self) -> None:
        self._access = Access()

    def identify(self, hook: W, /) -> W:
        """Say who a client is (a decorator). Without it: the session's user (``session["user"]``, or Flask-Login's).

        The function takes nothing and has the client's request context and session. It returns a user id, an object
        with an ``id``, or ``None`` for nobody; it is called once per request or Socket.IO connection, and only where
        somebody wants to know. It refuses the client (a forged token) by raising ``Unauthorized``.

        Raises:
            ConfigError: not a plain function, or there is one already.
        """
        self._access.set_identify(hook)
        return hook

    @property
    def auth(self) -> dict[str, Any]:
        """In a hook: what the Socket.IO client connected with (``io({auth: {token: …}})``); over HTTP, nothing."""
        return dict(request.environ.get(AUTH, {})) if has_request_context() else {}

    def grant(self, user: Any, room: str, *, expires: float | None = None) -> None:
        """Let a user into a private room: to read it, its history, and to publish to it.

        Rooms whose names begin with ``REALTIME_PRIVATE_PREFIX`` are closed to everybody else; an ``authorize`` that
        fits is asked as well, and may narrow it. A grant is known to every process, also to one that starts later (with
        ``memory://`` it ends with the process). When it expires, whoever reads by it is told ``realtime.expired``, and
        reads the room no more. Granting again sets a new time, for what is open too.

        Args:
            user: a user id, or what ``identify`` returns.
            room: which; its name begins with the prefix.
            expires: seconds from now, at most ten years; ``None`` until it is revoked.

        Raises:
            ConfigError: there are no private rooms.
            InvalidValue: nobody, not a private room's name, or not a time.
            BusUnavailable: nothing is certain; try again.
        """
        name, state = _named(user, "grant takes a user, not nobody"), self._state()
        prefix = state.settings.private_prefix
        if not prefix:
            raise ConfigError("there are no private rooms: set REALTIME_PRIVATE_PREFIX, such as private:")
        if not state.gate.is_private(check_room(room)):
            raise InvalidValue(f"{room!r} is not private: the names of private rooms begin with {prefix!r}")
        if expires is not None:
            seconds("expires", expires, least=_LEAST_SECONDS, most=MAX_GRANT_SECONDS)
        state.manager.grant(name, room, seconds=expires)

    def logout(self, user: Any) -> None:
        """End everything that a user has open, on every transport and in every process, and the user's tickets.

        To be called where the application logs somebody out, after it has forgotten the session. Like ``revoke`` for
        everything, but for what was granted: that is there again after the next login.

        Args:
            user: a user id, or what ``identify`` returns.

        Raises:
            As ``revoke``.
        """
        name = _named(user, "logout takes a user, not nobody")
        self._guarded("nobody knows whose the connections are").manager.log_out(name)

    def revoke(self, user: Any, room: str | None = None) -> None:
        """Take a room, or everything, from a user: what was granted, tickets, and live connections, on every transport
        and in every process.

        Event streams end, long polls are refused (403), Socket.IO clients are disconnected; where only a room is
        revoked, connections that read others lose that one and stay. Each is told by the event ``realtime.revoked``,
        ``{"room": …}`` (``null`` for everything). Nothing more of the log is sent to them. Whoever comes back is
        asked about again: first have ``authorize`` say no (or log the user out), then revoke. A private room needs a
        new grant. Tickets of before count no more, also in processes that start later.

        Args:
            user: a user id, or what ``identify`` returns.
            room: only this room.

        Raises:
            ConfigError: nobody knows whose the connections are: there is no ``authorize`` or ``identify``.
            InvalidValue: not a room's name, or nobody.
            BusUnavailable: it may not be known everywhere; try again.
        """
        name = _named(user, "revoke takes a user, not nobody")
        state = self._guarded("nobody knows whose the connections are")
        state.manager.revoke(name, None if room is None else check_room(room))

    def ticket(self, user: Any, rooms: str | Iterable[str], *, expires: float = 60, once: bool = False) -> str:
        """Make a ticket: whoever has it may subscribe to the rooms and read their history, until it expires.

        For browsers' EventSource, which can send no headers: ``/events?room=…&ticket=…``, or the cookie
        ``realtime-ticket``; for Socket.IO ``auth: {ticket: …}``. It counts instead of ``identify`` and ``authorize``.
        When it expires, what was opened with it ends and is told ``realtime.expired``. ``revoke`` for the user ends it
        sooner. It is signed with the application's ``SECRET_KEY``, not encrypted.

        Args:
            user: a user id, or what ``identify`` returns.
            rooms: which; at least one.
            expires: seconds from now, at most 3600. Short is safe: addresses are written into logs.
            once: it opens one stream, one answer, or one Socket.IO connection, and is worthless then. A browser's
                EventSource that reconnects by itself needs the other kind.

        Raises:
            ConfigError: there is no secret key, or everything is open: there is no ``authorize`` or ``identify``.
            InvalidValue: nobody, no room, not a room's name, or too long a time.
        """
        name = _named(user, "a ticket is for a user, not for nobody")
        state = self._guarded("everything is open, no ticket would change that")
        return state.tickets.issue(name, rooms, expires=expires, once=flag("once", once))

    def _guarded(self, otherwise: str) -> State:
        state = self._state()
        if not state.gate.active():
            raise ConfigError(f"{otherwise}: declare authorize or identify first, or set REALTIME_PRIVATE_PREFIX")
        return state

    @abstractmethod
    def _state(self) -> State: ...

    @overload
    def authorize(self, hook: A, /) -> A: ...

    @overload
    def authorize(self, /, *, room: str | None = None) -> Callable[[A], A]: ...

    def authorize(self, hook: Any = None, /, *, room: str | None = None) -> Any:
        """Say what clients may do (a decorator). Rooms that no such function is for are open to everybody.

        The function is called with an identity (``None`` for nobody), an action and a room, on every way in, with the
        client's request context. The action is ``"subscribe"``, ``"publish"``, ``"history"`` or ``"presence"`` (to see
        who is there). What it returns allows or refuses: with ``Unauthorized`` (401) where nobody is known, else
        ``Forbidden`` (403); it may also raise these. Any other exception is logged and refuses (500). Several must all
        allow. Who may subscribe but not read the history gets nothing of the log: a cursor is then answered with
        ``recovered: false``.

        Args:
            hook: the function, where it is decorated without parentheses.
            room: only for this room; ``*`` in it stands for any characters.

        Raises:
            ConfigError: not a plain function.
            InvalidValue: no such room can exist.
        """

        def add(given: A) -> A:
            self._access.add_authorize(given, room=room)
            return given

        return add if hook is None else add(hook)


def _named(user: Any, otherwise: str) -> str:
    try:
        name = user_of(user)
    except TypeError as exc:
        raise InvalidValue(str(exc)) from None
    if name is None:
        raise InvalidValue(otherwise)
    return utf8("a user's id", name)
