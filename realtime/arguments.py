"""Arguments: what Python code may give to the package's own calls, one check for each kind of value.

Each returns the value, or raises ``InvalidValue`` with what was given and what is allowed. Names have checks of their
own (``names``), settings too (``values``). This file may not know who calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index
from typing import Any, Final, SupportsIndex

from .errors import InvalidValue
from .names import shortened

MOST_PATIENCE: Final = 3600.0
"""Seconds that a test may wait."""
MOST_MESSAGES: Final = 1_000_000
"""More than any log keeps of a room."""


def whole(name: str, value: object, *, most: int) -> int:
    """A whole number from 0 on. (``True`` is none.)"""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and 0 <= (number := index(value)) <= most:
        return number
    raise InvalidValue(f"{name} is a whole number from 0 to {most}, not {shortened(value)}")


def seconds(name: str, value: object, *, least: float = 0.0, most: float) -> float:
    """A time in seconds. (``nan`` is none.)"""
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise InvalidValue(f"{name} is a number of seconds from {least:.12g} to {most:.12g}, not {shortened(value)}")


def flag(name: str, value: object) -> bool:
    """True or false, and nothing that only counts as one of them."""
    if isinstance(value, bool):
        return value
    raise InvalidValue(f"{name} is true or false, not {shortened(value)}")


def several(name: str, value: object, *, of: str) -> Iterable[Any]:
    """Several of something. Text is one thing, and so is a mapping."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return value
    raise InvalidValue(f"{name} is a list of {of}, not {shortened(value)}")


def utf8(name: str, value: str) -> str:
    """Text that can be written: half a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"{name} is text that UTF-8 can say, not {shortened(value)}") from None
    return value
