"""Tickets: signed, short-lived permissions to read some rooms, for clients that can send nothing but an address.

They are readable by whoever has them, but nobody else can make one. Whether one was revoked or used meanwhile
is asked of ``grants``. This file knows no framework and asks nobody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from .arguments import seconds, several
from .errors import ConfigError, InvalidValue, Unauthorized
from .names import check_room

MAX_SECONDS: Final = 3600.0
_LEAST_SECONDS: Final = 0.001
_SALT: Final = "realtime.ticket"
NOT_VALID: Final = "the ticket is not valid; ask for a new one"


class Ticket(NamedTuple):
    """What a ticket says.

    Attributes:
        user: the id of the user it was made for.
        rooms: which may be subscribed to, with their history.
        issued, until: from when to when, in seconds since 1970.
        once: where it is for one use: a name of its own.
    """

    user: str
    rooms: frozenset[str]
    issued: float
    until: float
    once: str | None = None


class Tickets:
    """Makes and reads the tickets of one application.

    Args:
        keys: gives its secret keys, the one to sign with last.
    """

    def __init__(self, keys: Callable[[], list[Any]]) -> None:
        self.keys = keys

    def issue(self, user: str, rooms: Iterable[str], *, expires: float, once: bool = False) -> str:
        """A ticket.

        Args:
            user: the user's id.
            rooms: at least one.
            expires: seconds from now, at most ``MAX_SECONDS``.
            once: for one use.

        Raises:
            ConfigError: the application has no secret key.
            InvalidValue: no rooms, not a room's name, or too long a time.
        """
        names = [rooms] if isinstance(rooms, str) else list(several("rooms", rooms, of="rooms' names"))
        for name in names:
            check_room(name)
        if not names:
            raise InvalidValue("a ticket is for at least one room")
        seconds("expires", expires, least=_LEAST_SECONDS, most=MAX_SECONDS)
        now = time.time()
        said = [user, names, now, now + expires]
        return str(self._signer().dumps([*said, secrets.token_urlsafe(12)] if once else said))

    def read(self, text: str) -> Ticket:
        """What a ticket says, if it is one of ours and not over.

        Raises:
            Unauthorized: it is forged, or has expired.
            ConfigError: the application has no secret key.
        """
        try:
            user, rooms, *times = self._signer().loads(text)
            ticket = Ticket(user, frozenset(rooms), *times)
        except (BadData, ValueError, TypeError):
            raise Unauthorized(NOT_VALID) from None
        if time.time() >= ticket.until:
            raise Unauthorized("the ticket has expired; ask for a new one")
        return ticket

    def _signer(self) -> URLSafeSerializer:
        keys = self.keys()
        if not keys:
            raise ConfigError("tickets are signed with the application's SECRET_KEY, and it has none")
        return URLSafeSerializer(keys, salt=_SALT)
