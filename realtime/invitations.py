"""Invitations: signed permissions to be let into one private room, for whoever has one, until it expires.

They are like tickets, but lead to a grant, which outlives them. This file knows no framework and lets nobody in.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from .errors import ConfigError, Forbidden, InvalidValue

MAX_SECONDS: Final = 7 * 86_400.0
_SALT: Final = "realtime.invitation"
_LONGEST: Final = 1024
_NAME: Final = re.compile(r"room-[0-9a-z]{20}")
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
NOT_VALID: Final = "this invitation is not valid; ask for another link"
EXPIRED: Final = "this invitation has expired; ask for another link"


class Invitation(NamedTuple):
    """An invitation: its text, the room that it is for, and when it expires, in seconds since 1970."""

    text: str
    room: str
    until: float


class Invitations:
    """Makes and reads the invitations of one application.

    Args:
        keys: gives its secret keys, the one to sign with last.
        prefix: begins the names of private rooms.
    """

    def __init__(self, keys: Callable[[], list[Any]], *, prefix: str) -> None:
        self._keys = keys
        self._prefix = prefix

    def new_room(self) -> str:
        """A name that nobody guesses: 103 random bits."""
        return f"{self._prefix}room-{''.join(secrets.choice(_LETTERS) for _ in range(20))}"

    def is_room(self, room: object) -> bool:
        """Whether a room is one that was made for an invitation, and not another private one of the application."""
        is_private = isinstance(room, str) and room.startswith(self._prefix)
        return is_private and _NAME.fullmatch(str(room)[len(self._prefix) :]) is not None

    def issue(self, room: str, *, expires: float) -> Invitation:
        """An invitation.

        Args:
            room: one of ``new_room``.
            expires: seconds from now, at most ``MAX_SECONDS``.

        Raises:
            ConfigError: the application has no secret key.
            InvalidValue: not such a room, or not such a time.
        """
        if not self.is_room(room):
            raise InvalidValue("nobody is invited to this room: it was not made for an invitation")
        if not 0 < expires <= MAX_SECONDS:
            raise InvalidValue(f"expires is a number of seconds up to {MAX_SECONDS:.0f}")
        until = time.time() + expires
        return Invitation(str(self._signer().dumps([room, until])), room, until)

    def read(self, text: object) -> Invitation:
        """What an invitation says.

        Raises:
            Forbidden: it is not one of ours, or has expired.
            ConfigError: the application has no secret key.
        """
        try:
            if not isinstance(text, str) or len(text) > _LONGEST:
                raise TypeError
            room, until = self._signer().loads(text)
            over = time.time() >= until
        except (BadData, ValueError, TypeError):
            raise Forbidden(NOT_VALID) from None
        if over:
            raise Forbidden(EXPIRED)
        if not self.is_room(room):
            raise Forbidden(NOT_VALID)  # From before the prefix was changed.
        return Invitation(text, room, until)

    def _signer(self) -> URLSafeSerializer:
        keys = self._keys()
        if not keys:
            raise ConfigError("invitations are signed with the application's SECRET_KEY, and it has none")
        return URLSafeSerializer(keys, salt=_SALT)
