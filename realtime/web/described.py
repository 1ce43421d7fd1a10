"""The declared events as JSON Schema, in the form that OpenAPI and AsyncAPI documents share.

This file may not know either document, nor serve anything.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from ..names import MAX_EVENT_LENGTH, MAX_KEY_LENGTH, MAX_ROOM_LENGTH
from ..rules import Rules

Json = dict[str, Any]

_SCHEMAS: Final = "#/components/schemas/"


class DeclaredEvent(NamedTuple):
    """One event of which the application said what it carries.

    Attributes:
        name: a name that is its own in the document.
        event: the event's.
        room: the room that it is declared for (with ``*``), or ``None`` for all.
        schema: a reference to the schema of its data.
    """

    name: str
    event: str
    room: str | None
    schema: Json


def declared_events(rules: Rules) -> tuple[list[DeclaredEvent], Json]:
    """The declared events, and the components that describe what they carry."""
    events: list[DeclaredEvent] = []
    components: Json = {}
    for one in rules.schemas:
        name = unique(one.event, {event.name for event in events})
        # A namespace for each: two events may carry types of the same name.
        schema, parts = one.checker.described(f"{_SCHEMAS}{name}.")
        components[name] = schema
        components.update({f"{name}.{part}": value for part, value in parts.items()})
        events.append(DeclaredEvent(name, one.event, one.filter.room, reference(name)))
    return events, components


def reference(name: str) -> Json:
    """A reference to one of the document's schemas."""
    return {"$ref": f"{_SCHEMAS}{name}"}


def unique(text: str, taken: set[str]) -> str:
    """A component's name (letters, digits, ``_`` and ``-``) made of any text, that is not taken."""
    name = base = re.sub(r"[^A-Za-z0-9_-]+", "_", text)
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def common_schemas() -> Json:
    """What every application's documents speak of."""
    return {
        "Room": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ROOM_LENGTH,
            # What regular expressions of every language can say of it.
            "pattern": r"^\S+$",
            "description": "Letters and digits of any script and _ - . : / @",
            "examples": ["lobby"],
        },
        "Event": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_EVENT_LENGTH,
            "description": "Printable characters; no name of Socket.IO's own and none that starts with realtime.",
            "default": "message",
        },
        "Key": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_KEY_LENGTH,
            "description": "Idempotency key: the same key for the same room is the same message, published once.",
        },
        "Id": {
            "type": "string",
            "pattern": "^(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})$",
            "description": "A message's place in the log: milliseconds and a number. Ids rise over all rooms.",
            "examples": ["1790000000000-0"],
        },
        "Error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "For programs; stable.", "examples": ["invalid_value"]},
                "message": {"type": "string", "description": "For people; may change."},
                "path": {
                    "type": "string",
                    "description": "JSONPath of what is wrong in the data, where its type is declared.",
                    "examples": ["$.user.name"],
                },
            },
        },
        "Ready": {
            "type": "object",
            "required": ["recovered", "cursor", "rooms"],
            "properties": {
                "recovered": {
                    "type": "boolean",
                    "description": "False when something between the client's cursor and now is gone.",
                },
                "cursor": reference("Id"),
                "rooms": {"type": "array", "items": reference("Room")},
            },
        },
        "Reset": {"type": "object", "required": ["cursor"], "properties": {"cursor": reference("Id")}},
        "Member": {
            "type": "object",
            "required": ["user", "name", "connections", "transports"],
            "properties": {
                "user": {"type": ["string", "null"], "description": "Whom the application knows the client as."},
                "name": {"type": ["string", "null"], "description": "What the client calls itself; unverified."},
                "connections": {"type": "integer", "minimum": 1},
                "transports": {"type": "array", "items": {"enum": ["poll", "polling", "sse", "websocket"]}},
            },
        },
        "Presence": _present(
            ["members"], members=_members(), more={"type": "integer", "description": "Members that are not listed."}
        ),
        "PresenceChange": _present(
            ["joined", "left", "changed"],
            joined=_members(),
            left=_members(),
            changed=_members(),
            counted={"const": True, "description": "So many are there that only numbers are told."},
        ),
        "Revoked": _ended(),
        "Expired": _ended(),
    }


def _ended() -> Json:
    room = {"oneOf": [reference("Room"), {"type": "null"}], "description": "Null for all."}
    return {"type": "object", "required": ["room"], "properties": {"room": room}}


def _members() -> Json:
    return {"type": "array", "items": reference("Member")}


def _present(needed: list[str], **properties: Json) -> Json:
    count = {"type": "integer", "minimum": 0}
    known = {"room": reference("Room"), "viewers": count, "total": count, **properties}
    return {"type": "object", "required": ["room", *needed, "viewers", "total"], "properties": known}
