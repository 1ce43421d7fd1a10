"""Server-Sent Events in an envelope: every message under one event name, with its own name and its rooms in the data.

For a reader that hands on what it gets to several others: tabs that share one stream, say. The rooms are those of the
message that the stream reads; of others nobody is told. This file does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..message import Message, encode_json
from ..names import RESERVED_PREFIX
from . import sse

EVENT: Final = "realtime.message"


def enclosed(message: Message, rooms: Iterable[str]) -> bytes:
    """One message as one event that names these of its rooms. Control events stay as they are."""
    if message.event.startswith(RESERVED_PREFIX):
        return sse.encode(message)
    place = "" if message.transient else f"id: {message.id}\n"
    named = f'"event":{encode_json(message.event)},"rooms":{encode_json(list(rooms))}'
    return f'{place}event: {EVENT}\ndata: {{{named},"data":{message.shown}}}\n\n'.encode()


def encode(message: Message) -> bytes:
    """What all streams share of a message to one room."""
    return enclosed(message, message.rooms)


def encode_chunk(message: Message) -> bytes:
    """The same as one chunk."""
    return sse.chunk(encode(message))


def encoded(message: Message, rooms: Iterable[str]) -> bytes:
    """One message for a stream that reads these rooms."""
    read = frozenset(rooms)
    return enclosed(message, [room for room in message.rooms if room in read])
