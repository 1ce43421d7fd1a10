"""Server push for Flask: one log per room, Socket.IO and Server-Sent Events as two encodings of it.

    >>> from realtime import Realtime
    >>> realtime = Realtime()

Importing this package patches nothing, opens nothing and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bus.replay import Replay
from .errors import (
    BusUnavailable,
    ConfigError,
    Forbidden,
    HookFailed,
    InvalidValue,
    KeyConflict,
    MalformedRequest,
    MessageTooLarge,
    NotDurable,
    RateLimited,
    RealtimeError,
    Refused,
    TooManyConnections,
    Unauthorized,
)
from .message import Message, Position
from .publisher import Publisher
from .rules import Publication
from .wire.yielded import StreamEvent

__all__ = [
    "BusUnavailable",
    "ConfigError",
    "Forbidden",
    "HookFailed",
    "InvalidValue",
    "KeyConflict",
    "MalformedRequest",
    "Message",
    "MessageTooLarge",
    "NotDurable",
    "Position",
    "Publication",
    "Publisher",
    "RateLimited",
    "Realtime",
    "RealtimeError",
    "Refused",
    "Replay",
    "StreamEvent",
    "TooManyConnections",
    "Unauthorized",
]


if TYPE_CHECKING:
    from .extension import Realtime
else:
    # A script that only publishes does not pay for Flask: the extension is imported when it is asked for. (Not shown to
    # type checkers: they would take every misspelt name for one that is found here.)
    def __getattr__(name: str) -> Any:
        if name == "Realtime":
            from .extension import Realtime  # noqa: PLC0415

            return Realtime
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
