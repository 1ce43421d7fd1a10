"""The rooms and their events as an AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0)

A room is a channel. AsyncAPI has no bindings of its own for Server-Sent Events and Socket.IO: the HTTP and WebSocket
ones say how a connection begins, ``x-sse`` and ``x-socketio`` what is said on it. This file may not serve anything.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from ..config import Settings
from ..names import MAX_PERSON_LENGTH
from ..rules import Rules
from .described import DeclaredEvent, Json, common_schemas, declared_events, reference, unique

_ROOM: Final = "room"
_SOCKET: Final = "socketio"


def document(*, title: str, version: str, settings: Settings, rules: Rules, socket_path: str, root: str = "") -> Json:
    """The document.

    Args:
        title: the application's name.
        version: of what is described.
        settings: whether other events than the declared ones exist, and limits.
        rules: the events.
        socket_path: where Socket.IO is served, below ``root``.
        root: the path below which the application is served, "" for none.
    """
    events, components = declared_events(rules)
    messages = {f"event.{one.name}": _event(one, settings) for one in events}
    general = [f"event.{one.name}" for one in events if one.room is None]
    if not settings.strict_events:
        messages["event"] = _any_event(settings)
        general.append("event")
    control = {f"realtime.{name.lower()}": _control(name) for name in ("Ready", "Reset", "Revoked", "Expired")}
    if settings.presence:
        control["realtime.presence"] = _control("PresenceChange", "realtime.presence")
    channels: Json = {}
    operations: Json = {}
    for room in dict.fromkeys([None, *(one.room for one in events)]):
        name = _ROOM if room is None else unique(f"{_ROOM}-{room}", set(channels))
        own = [f"event.{one.name}" for one in events if room is not None and one.room == room]
        channels[name] = _channel(room, [*own, *general, *control])
        operations |= _room_operations(name, [*own, *general], list(control), root)
    channels[_SOCKET] = _socket_channel(root + socket_path)
    operations |= _socket_operations()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Rooms over Socket.IO and Server-Sent Events from one log. The HTTP calls are described in "
            f"{root}/openapi.json.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {**messages, **control, **_socket_messages(settings)},
            "schemas": _readable({**common_schemas(), **components}),
        },
    }


def _event(one: DeclaredEvent, settings: Settings) -> Json:
    return _message(one.event, one.schema, _carried(one.event, settings))


def _any_event(settings: Settings) -> Json:
    text = "An event of any other name, with any JSON value."
    return {**_message("*", {}, _carried("<event>", settings)), "description": text}


def _carried(event: str, settings: Settings) -> Json:
    """How each transport carries an event."""
    arguments = ["data", "id"] if settings.event_ids else ["data"]
    return {
        "x-sse": {"id": "<id>", "event": event, "data": "<JSON>"},
        "x-socketio": {"event": event, "args": arguments},
    }


def _control(schema: str, event: str = "") -> Json:
    event = event or f"realtime.{schema.lower()}"
    return _message(event, reference(schema), {"x-sse": {"event": event, "data": "<JSON>"}})


def _message(name: str, payload: Json, more: Json) -> Json:
    return {"name": name, "title": name, "contentType": "application/json", "payload": payload, **more}


def _channel(room: str | None, messages: list[str]) -> Json:
    channel: Json = {"messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages}}
    if room is None:
        text = "A room's name: 1 to 128 letters and digits of any script and _ - . : / @"
        return {"address": "{room}", "parameters": {"room": {"description": text}}, **channel}
    numbers = count(1)
    parts = room.split("*")
    address = parts[0] + "".join(f"{{any{next(numbers)}}}{part}" for part in parts[1:])
    channel["address"] = address
    if len(parts) > 1:
        channel["parameters"] = {f"any{n}": {"description": "Anything."} for n in range(1, len(parts))}
    return channel


def _room_operations(channel: str, events: list[str], control: list[str], root: str) -> Json:
    def on(messages: list[str]) -> Json:
        here = f"#/channels/{channel}"
        return {
            "channel": {"$ref": here},
            "messages": [{"$ref": f"{here}/messages/{name}"} for name in messages],
        }

    query = {
        "type": "object",
        "required": ["room"],
        "properties": {"room": reference("Room"), "after": reference("Id")},
    }
    return {
        f"{channel}.subscribe": {
            "action": "send",
            "summary": "What subscribers get, over either transport, with the same ids in the same order",
            **on([*events, *control]),
            "bindings": {"http": {"method": "GET", "query": query, "bindingVersion": "0.3.0"}},
            "x-sse": {"path": f"{root}/events"},
            "x-socketio": {"event": "join"},
        },
        f"{channel}.publish": {
            "action": "receive",
            "summary": "What clients may publish",
            **on(events),
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            "x-http": {"path": f"{root}/rooms/{{room}}/messages"},
            "x-socketio": {"event": "publish"},
        },
    }


def _socket_channel(path: str) -> Json:
    query = {
        "type": "object",
        "required": ["EIO", "transport"],
        "properties": {"EIO": {"const": "4"}, "transport": {"enum": ["websocket", "polling"]}},
    }
    names = [name for event in _SOCKET_EVENTS for name in (event, f"{event}.ack")]
    return {
        "address": path,
        "description": "Socket.IO, protocol v5, default namespace: what clients emit, and how it is acknowledged.",
        "messages": {name: {"$ref": f"#/components/messages/socketio.{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }


def _socket_operations() -> Json:
    here = f"#/channels/{_SOCKET}"
    return {
        f"{_SOCKET}.{event}": {
            "action": "receive",
            "channel": {"$ref": here},
            "messages": [{"$ref": f"{here}/messages/{event}"}],
            "reply": {"channel": {"$ref": here}, "messages": [{"$ref": f"{here}/messages/{event}.ack"}]},
        }
        for event in _SOCKET_EVENTS
    }


def _socket_messages(settings: Settings) -> Json:
    history = {"type": "integer", "minimum": 0, "description": f"At most {settings.history_length} are sent."}
    said: Json = {
        "join": (
            {"room": reference("Room")},
            {"after": reference("Id"), "history": history, "name": {"type": "string", "maxLength": MAX_PERSON_LENGTH}},
        ),
        "leave": ({"room": reference("Room")}, {}),
        "refresh": ({}, {"ticket": {"type": "string"}}),
        "publish": (
            {"room": reference("Room"), "data": {}},
            {"event": reference("Event"), "key": reference("Key"), "transient": {"type": "boolean"}},
        ),
    }
    messages: Json = {}
    for event, answer in _SOCKET_EVENTS.items():
        needed, optional = said[event]
        asked = {"type": "object", "required": list(needed), "properties": {**needed, **optional}}
        done = {"ok": {"const": True}, **answer}
        refused = {"ok": {"const": False}, "error": reference("Error")}
        # A transient message has no id to tell.
        answers = [done, {"ok": {"const": True}}, refused] if event == "publish" else [done, refused]
        acknowledged = {"anyOf": [{"type": "object", "required": list(one), "properties": one} for one in answers]}
        messages[f"socketio.{event}"] = _message(event, asked, {"x-socketio": {"event": event, "args": ["payload"]}})
        messages[f"socketio.{event}.ack"] = _message(f"{event} acknowledged", acknowledged, {})
    return messages


_SOCKET_EVENTS: Final[dict[str, Json]] = {
    "join": {"recovered": {"type": "boolean"}, "cursor": reference("Id")},
    "leave": {},
    "refresh": {"rooms": {"type": "array", "items": reference("Room")}},
    "publish": {"id": reference("Id")},
}
"""What clients emit, and what a good acknowledgement has besides ``ok``."""


def _readable(value: Any) -> Any:
    """A schema as AsyncAPI reads it: a discriminator is a property's name, without OpenAPI's mapping."""
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if not isinstance(value, dict):
        return value
    read = {key: _readable(one) for key, one in value.items()}
    found = read.get("discriminator")
    if isinstance(found, dict) and isinstance(found.get("propertyName"), str):
        read["discriminator"] = found["propertyName"]
    return read
