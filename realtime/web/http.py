"""What the HTTP routes share: the origin check, CORS answers, errors in the documented shape, values from the query.

This file may not know what a route does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from ..errors import ConfigError, Forbidden, InvalidValue, RealtimeError, over
from ..hub.log import Counters
from ..message import Position
from ..names import check_room
from . import origin

_complaints: Final = logging.getLogger(__name__)


class RoomConverter(BaseConverter):
    """A room name in a path. It may contain slashes, doubled or leading ones too. What is no name the route refuses."""

    regex = "(?s:.+?)"
    part_isolating = False


def error_response(error: RealtimeError) -> Response:
    """An error as HTTP: ``{"error": {"code", "message"}}``, with ``Retry-After`` where waiting helps."""
    response = jsonify(error=error.as_dict())
    response.status_code = error.status
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return _challenging(response)


def _challenging(response: Response) -> Response:
    """A 401 says how one could be known (RFC 9110, 15.5.2; RFC 6750). A browser asks nobody because of this scheme."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response


def error_code(error: HTTPException) -> str:
    """The stable word for what Flask or Werkzeug refuses: its name with underscores, or ours where we have one."""
    return (error.name or "error").lower().replace(" ", "_").replace("request_entity_too_large", "too_large")


def http_error_response(error: HTTPException) -> Response | HTTPException:
    """What Flask refuses by itself (404, 405, 413 …), in the same shape. Its redirects stay redirects."""
    if error.code is None or error.code < 400:
        return error
    name = error_code(error)
    response = jsonify(error={"code": name, "message": error.description or name})
    response.status_code = error.code
    allow = error.get_response().headers.get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return _challenging(response)


def foreign() -> RealtimeError:
    """What a page of a foreign origin is told."""
    return over("origins", Forbidden("pages of this origin may not use this server; see REALTIME_ALLOWED_ORIGINS"))


def guard(blueprint: Blueprint, allowed: frozenset[str], *, counters: Counters) -> None:
    """Give a blueprint the origin check, CORS answers for the allowed origins, and errors in the documented shape.

    Args:
        blueprint: what is guarded.
        allowed: other origins that may use it.
        counters: count what is refused.
    """

    @blueprint.before_request
    def check_origin() -> None:
        if not origin.is_allowed(request.environ, allowed):
            raise foreign()

    @blueprint.after_request
    def answer_cors(response: Response) -> Response:
        if response.mimetype == "application/json":
            # Nothing that is published becomes a script or a page because it looks like one.
            response.headers["X-Content-Type-Options"] = "nosniff"
        sender = request.environ.get("HTTP_ORIGIN")
        if sender:
            response.vary.add("Origin")
            if origin.is_allowed(request.environ, allowed):
                response.headers["Access-Control-Allow-Origin"] = sender
                response.headers["Access-Control-Allow-Credentials"] = "true"
                if request.method == "OPTIONS":
                    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
                    response.headers["Access-Control-Allow-Headers"] = (
                        "Content-Type, Last-Event-ID, Cache-Control, X-Requested-With"
                    )
                    response.headers["Access-Control-Max-Age"] = "600"
        return response

    def refused(error: RealtimeError) -> Response:
        if isinstance(error, ConfigError):
            # The client can do nothing about it; who runs the server can.
            _complaints.error("%s", error.message)
        counters.told(error)
        return error_response(error)

    def refused_by_flask(error: HTTPException) -> Response | HTTPException:
        if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            counters.refuse("message_bytes")
        return http_error_response(error)

    blueprint.register_error_handler(RealtimeError, refused)
    blueprint.register_error_handler(HTTPException, refused_by_flask)


def number(name: str, *, most: float, default: float = 0) -> float:
    """A number of the query, capped: asking for more than is allowed gets what is allowed.

    Raises:
        InvalidValue: it is not a number, or below zero.
    """
    text = request.args.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise InvalidValue(f"{name} is a number from 0 to {most:g}, not {text[:40]!r}")
    return min(value, most)


def rooms_asked(names: Iterable[str], *, most: int) -> list[str]:
    """The rooms of a request, each once, in the order given.

    Raises:
        InvalidValue: none, too many, or not a room's name.
    """
    rooms = list(dict.fromkeys(check_room(name) for name in names))
    if not rooms:
        raise InvalidValue("name at least one room: ?room=lobby")
    if len(rooms) > most:
        text = f"{len(rooms)} rooms are too many for one connection; at most {most} are allowed"
        raise over("rooms", InvalidValue(text))
    return rooms


def position(name: str) -> Position | None:
    """An id of the query, or ``None``. Raises ``InvalidValue`` for what is not an id."""
    text = request.args.get(name)
    return Position.parse(text) if text else None
