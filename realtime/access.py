"""Access: who somebody is and what they may do, as the application says it. Collected here, asked in ``web.access``.

Like ``Rules`` it belongs to one ``Realtime`` object, is filled before or after that is given an application, and is
shared by all its applications. This file asks nobody and knows no framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal

from .errors import ConfigError
from .names import shortened
from .rules import Filter

Action = Literal["subscribe", "publish", "history", "presence"]
"""What somebody wants of a room: to read what comes, to say something, to read its log, to see who is there."""

Identify = Callable[[], Any]
Authorize = Callable[[Any, Action, str], Any]

_NEVER_PLAIN: Final = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


class Access:
    """An application's say about its clients.

    Attributes:
        identify: says who a client is; ``None`` leaves it to the session.
        authorize: each says what a client may do in the rooms of its filter. Replaced as a whole.
    """

    def __init__(self) -> None:
        self.identify: Identify | None = None
        self.authorize: tuple[tuple[Filter, Authorize], ...] = ()

    @property
    def active(self) -> bool:
        """Whether anybody is to be asked. If not, everything is open and nobody is looked up."""
        return bool(self.authorize or self.identify)

    def set_identify(self, hook: Any) -> None:
        """Let ``hook`` say who a client is.

        Raises:
            ConfigError: it is not a plain function, or another says so already.
        """
        if self.identify is not None:
            raise ConfigError("identify was given a function already: who somebody is has one answer")
        self.identify = _plain(hook, "identify takes a plain function without parameters")

    def add_authorize(self, hook: Any, *, room: str | None) -> None:
        """Ask ``hook`` about the rooms that fit.

        Raises:
            ConfigError: it is not a plain function.
            InvalidValue: not a room's name (``*`` allowed).
        """
        plain = _plain(hook, "authorize takes a plain function of an identity, an action and a room")
        self.authorize = (*self.authorize, (Filter(room, None), plain))


def user_of(identity: Any) -> str | None:
    """The user id of an identity: itself, or its ``id``, as text. ``None`` where it is nobody.

    Raises:
        TypeError: it is neither, so that nobody could be told apart.
    """
    # Flask-Login's anonymous user, and its like in other libraries.
    if identity is None or getattr(identity, "is_authenticated", True) is False:
        return None
    user = identity if isinstance(identity, str | int) else getattr(identity, "id", None)
    if isinstance(user, bool) or user is None or user == "":
        raise TypeError(f"an identity is a user id, something with an id, or None, not {shortened(identity)}")
    return str(user)


def _plain(hook: Any, wanted: str) -> Any:
    if not callable(hook) or any(is_other(hook) for is_other in _NEVER_PLAIN):
        raise ConfigError(f"{wanted}, not {shortened(hook)}")
    return hook
