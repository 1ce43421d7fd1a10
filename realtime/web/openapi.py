"""The HTTP calls as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1).

It describes what the routes do; it may not do any of it. That it names exactly the routes that there are is tested.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from ..config import Settings
from ..names import MAX_PERSON_LENGTH
from ..rules import Rules
from .described import Json, common_schemas, declared_events, reference
from .openparts import REFUSALS, ROOM, an_object, as_json, get, query, refusal, refused, up_to

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
                "Message": an_object(id=reference("Id"), room=reference("Room"), event=reference("Event"), data={}),
                "History": an_object(
                    messages={"type": "array", "items": reference("Message")},
                    cursor=reference("Id"),
                    recovered={"type": "boolean"},
                ),
                "Refusal": an_object(error=reference("Error")),
                "Status": an_object(status={"enum": ["ok", "draining", "bus_unavailable"]}),
                **components,
            },
            "securitySchemes": {"backend": {"type": "http", "scheme": "bearer"}} if settings.api else {},
            "responses": {f"Refused{status}": refusal(status) for status in REFUSALS},
        },
    }


def _needed(event: str) -> Json:
    """An absent event is a message."""
    return {} if event == "message" else {"required": ["event"]}


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
                    query("room", rooms, "What to read; repeat it for several.", required=True, explode=True),
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": _AFTER},
                    query("lastEventId", {"type": "string"}, _AFTER),
                    query("evs_last_event_id", {"type": "string"}, _AFTER),
                    query("after", reference("Id"), _AFTER),
                    query("ticket", {"type": "string"}, "A permission that the application made for these rooms."),
                    query("history", up_to(settings.history_length), "Without a cursor: the newest messages first."),
                    *_named(settings),
                    query("envelope", {"enum": ["true", "false"]}, "Messages as `realtime.message`, with their rooms."),
                    query("padding", {"type": "string"}, "`true` or a number of bytes: open with so much comment."),
                    query("heartbeat", {"enum": ["comment", "event"]}, "Whether scripts can see the heartbeats."),
                    query("evs_preamble", up_to(16 * 1024), "The same, as amvtek's polyfill says it."),
                    query("wait", up_to(settings.max_wait), "End with the first news, at the latest after so long."),
                    query("evs_buffer_size_limit", up_to(1024 * 1024), "End before so many bytes."),
                ],
                "responses": {
                    "200": {
                        "description": "The stream. It begins at once and stays open.",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **refused(401, 403, 422, 429, 500, 503),
                },
            }
        }
    }


def _named(settings: Settings) -> list[Json]:
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_PERSON_LENGTH}
    return [query("name", schema, "Under which name to be present.")] if settings.presence else []


def _rooms(settings: Settings) -> Json:
    publish = {
        "operationId": "publish",
        "summary": "Publish a message",
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference("Publication")}}},
        "responses": {
            "201": as_json("It is in the log, under this id", an_object(id=reference("Id"))),
            "200": as_json("The key was known: this is the first message's id", an_object(id=reference("Id"))),
            "202": as_json("It was transient, and is on its way", an_object(transient={"const": True})),
            **refused(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
        },
    }
    history = {
        "operationId": "history",
        "summary": "Read a room's log, oldest first, or wait for what comes next",
        "parameters": [
            query("after", reference("Id"), "What follows this id. Without it: the newest messages."),
            query("before", reference("Id"), "Only what is older than this id."),
            query("ticket", {"type": "string"}, "A permission that the application made for this room."),
            query("limit", up_to(settings.history_length, default=50), "At most so many messages."),
            *_named(settings),
            query("wait", up_to(settings.max_wait, "number"), "Seconds to wait where there is nothing (long poll)."),
        ],
        "responses": {
            "200": as_json("What the log holds; ask again after `cursor`", reference("History")),
            **refused(401, 403, 422, 429, 500, 503),
        },
    }
    paths: Json = {"/rooms/{room}/messages": {"parameters": [ROOM], "get": history, "post": publish}}
    if settings.presence:
        answers = {
            "200": as_json("Everybody, as far as is known", reference("Presence")),
            **refused(401, 403, 422, 429, 500, 503),
        }
        present = get("presence", "Who is in a room, in all processes", answers)
        paths["/rooms/{room}/presence"] = {"parameters": [ROOM], "get": present}
    return paths


def _api(settings: Settings) -> Json:
    if not settings.api:
        return {}
    to_a_room = {"type": "object", "required": ["room"], "properties": {"room": reference("Room")}}
    message = {"allOf": [to_a_room, reference("Publication")]}
    messages = {"type": "array", "items": to_a_room, "minItems": 1, "maxItems": settings.api_max_batch}
    result = {"oneOf": [an_object(id=reference("Id")), reference("Refusal")]}
    publish = {
        "operationId": "publishTrusted",
        "summary": "Publish one message or several, as another backend",
        "description": "With a key or a token of its own. Messages of a batch are accepted or refused each on its own.",
        "security": [{"backend": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [message, an_object(messages=messages)]}}},
        },
        "responses": {
            "201": as_json("It is in the log, under this id", an_object(id=reference("Id"))),
            "200": as_json(
                "The key was known: the first message's id; or what became of each message of a batch, in its place",
                {"oneOf": [an_object(id=reference("Id")), an_object(results={"type": "array", "items": result})]},
            ),
            **refused(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
        },
    }
    return {"/api/publish": {"post": publish}}


def _operation() -> Json:
    status = reference("Status")
    ready = {"200": as_json("Ready for traffic", status), "503": as_json("Draining, or the bus is away", status)}
    text = {"200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {
        "/healthz": {"get": get("healthz", "Whether the process lives", {"200": as_json("It does", status)})},
        "/readyz": {"get": get("readyz", "Whether it should get traffic", ready)},
        "/metrics": {"get": get("metrics", "Counters and gauges", text)},
    }


def _documents() -> Json:
    a_document = {"200": as_json(HTTPStatus(200).phrase, {"type": "object"}), **refused(403)}
    return {
        "/openapi.json": {"get": get("openapi", "This document", a_document)},
        "/asyncapi.json": {"get": get("asyncapi", "The rooms and their events, as AsyncAPI 3.0", a_document)},
    }
