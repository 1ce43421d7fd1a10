"""Names: what may name a room, an event, or an idempotency key. The rules stand here and nowhere else."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from .errors import InvalidValue

MAX_ROOM_LENGTH: Final = 128
MAX_EVENT_LENGTH: Final = 64
MAX_KEY_LENGTH: Final = 128
MAX_PERSON_LENGTH: Final = 64

# The client libraries of Socket.IO use these names themselves and drop or misread an application's event of the
# same name (Socket.IO protocol v5, "reserved events" of the Node and browser clients).
RESERVED_EVENTS: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
RESERVED_PREFIX: Final = "realtime."

_ROOM_MARKS: Final = frozenset("_-.:/@")


def shortened(value: object) -> str:
    """A value as an error message may show it."""
    return text if len(text := repr(value)) <= 60 else text[:57] + "…"


@lru_cache(maxsize=4096)
def is_room_name(name: object) -> bool:
    """Whether ``name`` may name a room: 1–128 letters and digits of any script and ``_ - . : / @``.

    Combining marks count as part of the letters that they are written on: without them most scripts of India
    could not spell their words.
    """
    return (
        isinstance(name, str)
        and 1 <= len(name) <= MAX_ROOM_LENGTH
        and all(
            mark in _ROOM_MARKS or unicodedata.category(mark)[0] in "LM" or unicodedata.category(mark) == "Nd"
            for mark in name
        )
    )


def check_room(name: object) -> str:
    """Return ``name`` when it may name a room, else raise ``InvalidValue``."""
    if isinstance(name, str) and is_room_name(name):
        return name
    raise InvalidValue(
        f"not a room name: {shortened(name)}; a room is 1-{MAX_ROOM_LENGTH} letters and digits of any script "
        "and _ - . : / @"
    )


@lru_cache(maxsize=4096)
def is_event_name(name: object) -> bool:
    """Whether ``name`` may name an application's event: 1–64 printable characters, not a reserved name."""
    return (
        isinstance(name, str)
        and 1 <= len(name) <= MAX_EVENT_LENGTH
        and name.isprintable()
        and name not in RESERVED_EVENTS
        and not name.startswith(RESERVED_PREFIX)
    )


def check_event(name: object) -> str:
    """Return ``name`` when it may name an event, else raise ``InvalidValue``."""
    if isinstance(name, str) and is_event_name(name):
        return name
    raise InvalidValue(
        f"not an event name: {shortened(name)}; an event is 1-{MAX_EVENT_LENGTH} printable characters, does not start "
        f"with {RESERVED_PREFIX} and is none of {', '.join(sorted(RESERVED_EVENTS))}"
    )


def check_key(key: object) -> str | None:
    """Return an idempotency key when it is one (or ``None``), else raise ``InvalidValue``."""
    if key is None:
        return None
    if isinstance(key, str) and 1 <= len(key) <= MAX_KEY_LENGTH and key.isprintable():
        return key
    raise InvalidValue(f"not a key: {shortened(key)}; a key is 1-{MAX_KEY_LENGTH} printable characters")


# Without these two, Persian words and many emoji could not be written; they do not count as printable.
_JOINERS: Final = frozenset("\u200c\u200d")


def is_person_name(name: object) -> bool:
    """Whether a client may call itself so: 1–64 printable characters, not only spaces."""
    return (
        isinstance(name, str)
        and 1 <= len(name) <= MAX_PERSON_LENGTH
        and bool(name.strip())
        and all(mark.isprintable() or mark in _JOINERS for mark in name)
    )


def check_person(name: object) -> str | None:
    """Return the name that a client gives itself when it is one (or ``None``), else raise ``InvalidValue``."""
    if name is None:
        return None
    if isinstance(name, str) and is_person_name(name):
        return name
    raise InvalidValue(
        f"not a name: {shortened(name)}; a name is 1-{MAX_PERSON_LENGTH} printable characters, not only spaces"
    )
