"""Credentials: who may publish through ``POST /api/publish``, as the settings say it.

Keys are kept as hashes. Nothing here shows a key or a secret when it is printed. This file verifies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from .errors import InvalidValue
from .names import check_room

_KEY: Final = re.compile(r"[A-Za-z0-9_~+/=.-]{32,256}")
_HASHED: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")
_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----")
_SHORTEST: Final = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key: the SHA-256 of it, and the rooms that it may publish to (``*`` stands for any characters)."""

    digest: bytes = field(repr=False)
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JwtKey:
    """What tokens are signed with: a shared secret, or a public key as PEM text."""

    text: str = field(repr=False)

    @property
    def is_public(self) -> bool:
        """Whether it is a public key."""
        return self.text.startswith("-----BEGIN")


def digest(key: str) -> bytes:
    """What is kept of a key. Keys are long and random: a fast hash is enough."""
    return sha256(key.encode("utf-8", "replace")).digest()


def room_patterns(value: object) -> tuple[str, ...]:
    """Room names, in which ``*`` stands for any characters. Raises ``ValueError`` for anything else."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError
    for one in value:
        try:
            check_room(one.replace("*", "x"))
        except InvalidValue:
            raise ValueError from None
    return tuple(value)


def read_api_keys(value: Any) -> tuple[ApiKey, ...]:
    """keys, separated by commas: each 32-256 of A-Z a-z 0-9 _ ~ + / = . - (or sha256: and the key's hash in
    hexadecimal digits), and behind it, separated by blanks, the rooms that it may publish to, such as orders/* or *
    """
    entries: Iterable[tuple[str, Any]]
    if isinstance(value, Mapping):
        entries = value.items()
    else:
        named = [one.split() for one in (value.split(",") if isinstance(value, str) else value)]
        entries = [(one[0], one[1:]) for one in named if one]
    keys = []
    for key, rooms in entries:
        hashed = _HASHED.fullmatch(key)
        if hashed is None and not _KEY.fullmatch(key):
            raise ValueError
        known = bytes.fromhex(hashed[1]) if hashed else digest(key)
        keys.append(ApiKey(known, room_patterns([rooms] if isinstance(rooms, str) else rooms)))
    return tuple(keys)


def read_jwt_keys(value: Any) -> tuple[JwtKey, ...]:
    """secrets of at least 32 bytes, separated by commas (HS256), or public keys as PEM (RS256, ES256)"""
    said = [value] if isinstance(value, str) else list(value)
    keys: list[JwtKey] = []
    for one in said:
        text = one.replace("\\n", "\n").strip()
        if text.startswith("-----"):
            found = _PEM.findall(text)
            if not found or _PEM.sub("", text).strip(" \n\r\t,"):
                raise ValueError
            keys += map(JwtKey, found)
            continue
        secrets = [part.strip() for part in text.split(",") if part.strip()]
        if any(len(part.encode()) < _SHORTEST or part.startswith("-----") for part in secrets):
            raise ValueError
        keys += map(JwtKey, secrets)
    return tuple(keys)
