"""Socket.IO protocol v5: a message as the text of one EVENT packet of the default namespace.

Only what the hub sends to many is encoded here, once for all of a room's members; everything addressed to one client is
the library's own business. This file does no I/O and does not import the library.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..message import Message, encode_json

EVENT = "2"


def encode(message: Message, *, ids: bool) -> str:
    """One message as an EVENT packet, without the Engine.IO type in front: ``2["message",{…},"1790000000000-0"]``.

    Args:
        message: a message that has an id.
        ids: whether the id travels as the last argument, where stock clients look for their offset (connection state
            recovery, Socket.IO 4.6). A transient message has none; behind one that is a string stands ``null``.
    """
    name = _name(message.event)
    arguments = message.json[1:-1] if message.spread else message.json
    parts = [name]
    if arguments:
        parts.append(arguments)
    if ids and not message.transient:
        parts.append(f'"{message.id}"')
    elif ids and arguments.endswith('"'):
        # Stock clients take a last argument that is a string for their offset. It would be none.
        parts.append("null")
    return f"{EVENT}[{','.join(parts)}]"


@lru_cache(maxsize=1024)
def _name(event: str) -> str:
    """An event's name as JSON. Applications have few."""
    return encode_json(event)


def encode_control(event: str, data: Any) -> str:
    """A control event: it has no id, so that it moves no client's cursor."""
    return f"{EVENT}[{encode_json(event)},{encode_json(data)}]"
