"""Values: how a setting's value is read, from Python or from text, and what is allowed for it.

Each reader returns the value or raises ``ValueError``; its docstring is what the error at start says is allowed. This
file may not know any setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from .bus import address
from .names import is_room_name

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def number(low: float, high: float, kind: type[int] | type[float]) -> Callable[[Any], Any]:
    """A reader of numbers from ``low`` to ``high``."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError
        known = kind(value)
        if not low <= known <= high:
            raise ValueError
        return known

    read.__doc__ = f"{'a whole number' if kind is int else 'a number'} from {low:.12g} to {high:.12g}"
    return read


def read_flag(value: Any) -> bool:
    """true or false"""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError


def read_bus_url(value: Any) -> str:
    """memory://, redis://host:port/db, unix://path, redis+sentinel://host:port,host:port/name-of-the-primary/db,
    redis+cluster://host:port,host:port; with TLS rediss://, rediss+sentinel://, rediss+cluster://
    """
    address.parse(value)
    return str(value)


def read_namespace(value: Any) -> str:
    """1-64 ASCII letters, digits and _ - . :"""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", value):
        return value
    raise ValueError


def read_prefix(value: Any) -> str:
    """the beginning of rooms' names, such as private: (nothing for no private rooms)"""
    if not isinstance(value, str) or (value and not is_room_name(value)):
        raise ValueError
    return value


def normal_origin(origin: str) -> str:
    """An origin as browsers send it (RFC 6454): lower case, no path, no default port.

    Raises:
        ValueError: it is not ``scheme://host[:port]``.
    """
    parts = urlsplit(origin.strip().lower())
    if not parts.scheme or not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.username:
        raise ValueError
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    if port is None or port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


def read_origins(value: Any) -> frozenset[str]:
    """origins such as https://example.com, as a list or separated by commas (* is not accepted: cookies travel
    along)
    """
    names = value.split(",") if isinstance(value, str) else list(value)
    return frozenset(normal_origin(name) for name in names if name.strip())


def read_audience(value: Any) -> str:
    """text"""
    if isinstance(value, str):
        return value
    raise ValueError
