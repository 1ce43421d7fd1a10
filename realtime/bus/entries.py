"""What the entries of the shared log look like, on the way back from Redis. Nothing read here is trusted.

This file does no I/O and knows no client library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidValue
from ..message import START, Message, Position
from .replay import Entry, RoomSlice

Raw = tuple[bytes, Sequence[bytes]]
"""An entry's id, and its fields' names and values in turn."""


def position_of(raw: bytes) -> Position:
    """A position as a script answered it; nothing is the start."""
    return Position.parse(raw.decode()) if raw else START


def fields_of(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """An entry's fields by name."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def message_of(rooms: tuple[str, ...], fields: Mapping[bytes, bytes], at: Position) -> Message:
    """A message out of the fields of a log entry.

    Raises:
        InvalidValue, KeyError, ValueError: the entry is not one that the publish script wrote.
    """
    skip = json.loads(fields[b"x"]) if b"x" in fields else ()
    if not all(isinstance(sid, str) for sid in skip):
        raise InvalidValue("skipped session ids are strings")
    return Message.restore(rooms, fields[b"e"].decode(), fields[b"d"].decode(), at, skip=skip, spread=b"s" in fields)


def room_slice(room: str, entries: Sequence[Any], tail: bytes) -> RoomSlice:
    """Decode one room's entries; what the publish script could not have written is left out."""
    found: list[Entry] = []
    for raw_id, flat in entries:
        fields = fields_of(flat)
        try:
            at = Position.parse(raw_id.decode())
            rooms = tuple(fields[b"r"].decode().split("\n"))
            if room not in rooms:
                raise InvalidValue("an entry of another room")
            found.append(Entry(message_of(rooms, fields, at), Position.parse(fields[b"p"].decode())))
        except (InvalidValue, KeyError, ValueError, TypeError, RecursionError):
            continue
    found.sort(key=lambda entry: entry.message.id or START)
    return RoomSlice(found, Position.parse(tail.decode()) if tail else None)
