"""What the entries of the shared log look like, on the way back from Redis. Nothing read here is trusted.

This file does no I/O and knows no client library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..errors import InvalidValue
from ..message import START, Message, Position, decode_json
from .replay import Entry, RoomSlice

Raw = tuple[bytes, Sequence[bytes]]
"""An entry's id, and its fields' names and values in turn."""


DEFAULT_MAX_BYTES: Final = 1024 * 1024
"""Bytes of an entry that is read as a message. What is larger keeps everybody waiting while it is read."""
MAX_RELAYED_BYTES: Final = 16 * 1024 * 1024
"""The same for payloads, which may carry files."""


_MARK: Final = re.compile(rb"[0-9a-z.]{1,8}")


def position_of(raw: object) -> Position:
    """A position as a script answered it; nothing, and what is none, is the start."""
    return _position(raw) or START


def mark_of(raw: bytes) -> str:
    """An entry's mark, by which two entries with the same id are told apart; empty where it is not one of ours."""
    return raw.decode() if _MARK.fullmatch(raw) else ""


def _position(raw: object) -> Position | None:
    try:
        return Position.parse(raw.decode("ascii")) if isinstance(raw, bytes) and raw else None
    except (InvalidValue, UnicodeDecodeError):
        return None


def check_size(fields: Mapping[bytes, bytes], *, most: int) -> None:
    """Raise ``InvalidValue`` for more than a message can have: reading it would keep everybody waiting."""
    size = sum(map(len, fields.values()))
    if size > most:
        raise InvalidValue(f"an entry of {size} bytes")


def fields_of(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """An entry's fields by name."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def message_of(rooms: tuple[str, ...], fields: Mapping[bytes, bytes], at: Position) -> Message:
    """A message out of the fields of a log entry.

    Raises:
        InvalidValue, KeyError, ValueError: the entry is not one that the publish script wrote.
    """
    skip = decode_json(fields[b"x"]) if b"x" in fields else []
    if not isinstance(skip, list) or not all(isinstance(sid, str) for sid in skip):
        raise InvalidValue("skipped session ids are strings")
    return Message.restore(
        rooms,
        fields[b"e"].decode(),
        fields[b"d"].decode(),
        at,
        skip=skip,
        spread=b"s" in fields,
        transient=b"v" in fields,
    )


def room_slice(room: str, entries: Sequence[Any], tail: bytes, *, most: int = DEFAULT_MAX_BYTES) -> RoomSlice:
    """Decode one room's entries; what the publish script could not have written is left out."""
    found: list[Entry] = []
    for raw_id, flat in entries:
        try:
            fields = fields_of(flat)
            check_size(fields, most=most)
            at = Position.parse(raw_id.decode())
            rooms = tuple(fields[b"r"].decode().split("\n"))
            if room not in rooms:
                raise InvalidValue("an entry of another room")
            previous = Position.parse(fields[b"p"].decode())
            if previous > at:
                raise InvalidValue("an entry comes after the one before it")
            found.append(Entry(message_of(rooms, fields, at), previous))
        except (InvalidValue, KeyError, ValueError, TypeError, RecursionError):
            continue
    found.sort(key=lambda entry: entry.message.id or START)
    return RoomSlice(found, _position(tail))
