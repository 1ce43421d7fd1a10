"""The HTTP calls as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1).

It describes what the routes do; it may not do any of it. That it names exactly the routes that there are is tested.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from ..config import Settings
from ..rules import Rules
from .described import Json, common_schemas, declared_events, reference

_ROOM: Final = {
    "name": "room",
    "in": "path",
    "required": True,
    "schema": reference("Room"),
    "description": "May contain slashes; encode what paths do not allow.",
}
_REFUSALS: Final = {
    400: "The body is not JSON",
    401: "Not logged in, where the application asks for it",
    403: "This caller, or a page of this origin, may not do this",
    404: "No such path",
    409: "The key was used for another message",
    413: "The data is too large",
    415: "The body is not declared as JSON",
    422: "A value is outside what is allowed, or the data is not what its event carries (then with `path`)",
    429: "Too many; try again after `Retry-After` seconds",
    500: "The server, or a hook of the application, failed; it was logged",
    503: "The bus cannot be reached: nothing was accepted",
}
_RETRYING: Final = {429, 503}
_AFTER: Final = "Resume after this id: everything that the log holds after it comes first."


def document(*, title: str, version: str, settings: Settings, rules: Rules, root: str = "") -> Json:
    """The document.

    Args:
        title: the application's name.
        version: of the calls that are described.
        settings: the limits that it names.
        rules: the events that it describes.
        root: the path under which the application is mounted.
    """
    events, components = declared_events(rules)
    bodies = [
        {
            "if": {"properties": {"event": {"const": one.event}}, **_needed(one.event)},
            "then": {"properties": {"data": one.schema}},
        }
        for one in events
        if one.room is None
    ]
    publication: Json = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "event": reference("Event"),
            "data": {"description": f"Any JSON value of at most {settings.max_message_bytes} bytes."},
            "key": reference("Key"),
            "transient": {"type": "boolean", "description": "For who is connected now, kept nowhere; without a key."},
        },
    }
    if bodies:
        publication["allOf"] = bodies
    if settings.strict_events:
        publication["properties"]["event"] = {"enum": sorted({one.event for one in events})}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": title,
            "version": version,
            "description": "Rooms over HTTP and Server-Sent Events. Socket.IO and the events themselves are described "
            "in /asyncapi.json.",
        },
        "servers": [{"url": root or "/"}],
        "paths": {**_stream(settings), **_rooms(settings), **_api(settings), **_operation(), **_documents()},
        "components": {
            "schemas": {
                **common_schemas(),
                "Publication": publication,
                "Message": _object(id=reference("Id"), room=reference("Room"), event=reference("Event"), data={}),
                "History": _object(
                    messages={"type": "array", "items": reference("Message")},
                    cursor=reference("Id"),
                    recovered={"type": "boolean"},
                ),
                "Refusal": _object(error=reference("Error")),
                "Status": _object(status={"enum": ["ok", "draining", "bus_unavailable"]}),
                **components,
            },
            "securitySchemes": {"backend": {"type": "http", "scheme": "bearer"}} if settings.api else {},
            "responses": {f"Refused{status}": _refusal(status) for status in _REFUSALS},
        },
    }


def _needed(event: str) -> Json:
    """An absent event is a message."""
    return {} if event == "message" else {"required": ["event"]}


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _query(name: str, schema: Json, text: str, **more: Any) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": text, **more}


def _up_to(most: float, kind: str = "integer", **more: Any) -> Json:
    return {"type": kind, "minimum": 0, "description": f"More than {most:g} is taken as {most:g}.", **more}


def _json(text: str, schema: Json) -> Json:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _refusal(status: int) -> Json:
    answer = _json(_REFUSALS[status], reference("Refusal"))
    if status in _RETRYING:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer


def _refused(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in statuses}


def _stream(settings: Settings) -> Json:
    rooms = {"type": "array", "items": reference("Room"), "minItems": 1, "maxItems": settings.max_rooms_per_connection}
    return {
        "/events": {
            "get": {
                "operationId": "subscribe",
                "summary": "A stream of the rooms' messages, as Server-Sent Events",
                "description": "First `realtime.ready`, then one event per message: its id, its event, and its data as "
                "one line of JSON. `realtime.reset` when the log could not be followed. The first cursor found counts.",
                "parameters": [
                    _query("room", rooms, "What to read; repeat it for several.", required=True, explode=True),
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": _AFTER},
                    _query("lastEventId", {"type": "string"}, _AFTER),
                    _query("evs_last_event_id", {"type": "string"}, _AFTER),
                    _query("after", reference("Id"), _AFTER),
                    _query("ticket", {"type": "string"}, "A permission that the application made for these rooms."),
                    _query("history", _up_to(settings.history_length), "Without a cursor: the newest messages first."),
                    _query("padding", {"type": "string"}, "`true` or a number of bytes: open with so much comment."),
                    _query("heartbeat", {"enum": ["comment", "event"]}, "Whether scripts can see the heartbeats."),
                    _query("evs_preamble", _up_to(16 * 1024), "The same, as amvtek's polyfill says it."),
                    _query("wait", _up_to(settings.max_wait), "End with the first news, at the latest after so long."),
                    _query("evs_buffer_size_limit", _up_to(1024 * 1024), "End before so many bytes."),
                ],
                "responses": {
                    "200": {
                        "description": "The stream. It begins at once and stays open.",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **_refused(401, 403, 422, 429, 500, 503),
                },
            }
        }
    }


def _rooms(settings: Settings) -> Json:
    publish = {
        "operationId": "publish",
        "summary": "Publish a message",
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference("Publication")}}},
        "responses": {
            "201": _json("It is in the log, under this id", _object(id=reference("Id"))),
            "200": _json("The key was known: this is the first message's id", _object(id=reference("Id"))),
            "202": _json("It was transient, and is on its way", _object(transient={"const": True})),
            **_refused(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
        },
    }
    history = {
        "operationId": "history",
        "summary": "Read a room's log, oldest first, or wait for what comes next",
        "parameters": [
            _query("after", reference("Id"), "What follows this id. Without it: the newest messages."),
            _query("before", reference("Id"), "Only what is older than this id."),
            _query("ticket", {"type": "string"}, "A permission that the application made for this room."),
            _query("limit", _up_to(settings.history_length, default=50), "At most so many messages."),
            _query("wait", _up_to(settings.max_wait, "number"), "Seconds to wait where there is nothing (long poll)."),
        ],
        "responses": {
            "200": _json("What the log holds; ask again after `cursor`", reference("History")),
            **_refused(401, 403, 422, 429, 500, 503),
        },
    }
    return {"/rooms/{room}/messages": {"parameters": [_ROOM], "get": history, "post": publish}}


def _api(settings: Settings) -> Json:
    if not settings.api:
        return {}
    to_a_room = {"type": "object", "required": ["room"], "properties": {"room": reference("Room")}}
    message = {"allOf": [to_a_room, reference("Publication")]}
    messages = {"type": "array", "items": to_a_room, "minItems": 1, "maxItems": settings.api_max_batch}
    result = {"oneOf": [_object(id=reference("Id")), reference("Refusal")]}
    publish = {
        "operationId": "publishTrusted",
        "summary": "Publish one message or several, as another backend",
        "description": "With a key or a token of its own. Messages of a batch are accepted or refused each on its own.",
        "security": [{"backend": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [message, _object(messages=messages)]}}},
        },
        "responses": {
            "201": _json("It is in the log, under this id", _object(id=reference("Id"))),
            "200": _json(
                "The key was known: the first message's id; or what became of each message of a batch, in its place",
                {"oneOf": [_object(id=reference("Id")), _object(results={"type": "array", "items": result})]},
            ),
            **_refused(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
        },
    }
    return {"/api/publish": {"post": publish}}


def _operation() -> Json:
    status = reference("Status")
    ready = {"200": _json("Ready for traffic", status), "503": _json("Draining, or the bus is away", status)}
    text = {"200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {
        "/healthz": {"get": _get("healthz", "Whether the process lives", {"200": _json("It does", status)})},
        "/readyz": {"get": _get("readyz", "Whether it should get traffic", ready)},
        "/metrics": {"get": _get("metrics", "Counters and gauges", text)},
    }


def _documents() -> Json:
    a_document = {"200": _json(HTTPStatus(200).phrase, {"type": "object"}), **_refused(403)}
    return {
        "/openapi.json": {"get": _get("openapi", "This document", a_document)},
        "/asyncapi.json": {"get": _get("asyncapi", "The rooms and their events, as AsyncAPI 3.0", a_document)},
    }


def _get(name: str, summary: str, responses: Json) -> Json:
    return {"operationId": name, "summary": summary, "responses": responses}
