"""Tickets: signed, short-lived permissions to read some rooms, for clients that can send nothing but an address.

They are readable by whoever has them, but nobody else can make one. This file knows no framework and asks nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from .errors import ConfigError, InvalidValue, Unauthorized
from .names import check_room

MAX_SECONDS: Final = 3600.0
_SALT: Final = "realtime.ticket"
_NOT_VALID: Final = "the ticket is not valid; ask for a new one"


class Ticket(NamedTuple):
    """What a ticket says.

    Attributes:
        user: the id of the user it was made for.
        rooms: which may be subscribed to, with their history.
        issued, until: from when to when, in seconds since 1970.
    """

    user: str
    rooms: frozenset[str]
    issued: float
    until: float


class Tickets:
    """Makes and reads the tickets of one application.

    Args:
        keys: gives its secret keys, the one to sign with last.
    """

    def __init__(self, keys: Callable[[], list[Any]]) -> None:
        self._keys = keys
        self._revoked: dict[tuple[str, str | None], float] = {}

    def issue(self, user: str, rooms: Iterable[str], *, expires: float) -> str:
        """A ticket.

        Args:
            user: the user's id.
            rooms: at least one.
            expires: seconds from now, at most ``MAX_SECONDS``.

        Raises:
            ConfigError: the application has no secret key.
            InvalidValue: no rooms, not a room's name, or too long a time.
        """
        names = [rooms] if isinstance(rooms, str) else list(rooms)
        for name in names:
            check_room(name)
        if not names:
            raise InvalidValue("a ticket is for at least one room")
        if type(expires) not in {int, float} or not 0 < expires <= MAX_SECONDS:
            raise InvalidValue(f"expires is a number of seconds up to {MAX_SECONDS:g}, not {expires!r}")
        now = time.time()
        return str(self._signer().dumps([user, names, now, now + expires]))

    def read(self, text: str) -> Ticket:
        """What a ticket says, if it counts now.

        Raises:
            Unauthorized: it is forged, expired, or was revoked since.
            ConfigError: the application has no secret key.
        """
        try:
            user, rooms, issued, until = self._signer().loads(text)
        except (BadData, ValueError):
            raise Unauthorized(_NOT_VALID) from None
        ticket = Ticket(user, frozenset(rooms), issued, until)
        if time.time() >= until:
            raise Unauthorized("the ticket has expired; ask for a new one")
        if any(self._revoked.get((user, room), 0.0) >= issued for room in (None, *rooms)):
            raise Unauthorized(_NOT_VALID)
        return ticket

    def revoke(self, user: str, room: str | None, *, at: float) -> None:
        """Let no ticket count that was made for the user until then, for this room or any."""
        self._revoked[user, room] = max(at, self._revoked.get((user, room), 0.0))
        if len(self._revoked) % 1000 == 0:
            # No ticket that old counts any more.
            oldest = time.time() - MAX_SECONDS
            self._revoked = {what: when for what, when in tuple(self._revoked.items()) if when > oldest}

    def _signer(self) -> URLSafeSerializer:
        keys = self._keys()
        if not keys:
            raise ConfigError("tickets are signed with the application's SECRET_KEY, and it has none")
        return URLSafeSerializer(keys, salt=_SALT)
