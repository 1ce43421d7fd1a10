"""``POST /api/publish``: other backends publish, one message or several, with a key or a token of their own.

Cookies count for nothing here, so that no page can make a visitor's browser use it. Only where credentials were
configured is there such a route. This file may not let anybody read.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from flask import Blueprint, Response, jsonify, request

from ..bus.base import Outcome, Published
from ..config import Settings
from ..credentials import digest
from ..errors import BusUnavailable, Forbidden, InvalidValue, RealtimeError, Unauthorized
from ..message import Message
from ..names import check_room
from ..rules import Filter, Origin
from ..tokens import Tokens
from .bodies import json_object, most_for
from .limits import Limits
from .pipeline import Pipeline

PATH: Final = "/api/publish"
_WANTED: Final = (
    'the body is {"room", "data"}, with "event" and "key" if you like, or {"messages": [of these, …]} and nothing else'
)
_KNOWN: Final = frozenset({"room", "data", "event", "key"})


class Backend(NamedTuple):
    """Who publishes: a name for hooks and signals that is no secret, and where to."""

    name: str
    rooms: tuple[Filter, ...]


class Backends:
    """Knows the other backends by their credentials.

    Raises:
        ConfigError: the keys of tokens cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = [
            (key.digest, Backend(f"key:{key.digest.hex()[:8]}", _filters(key.rooms))) for key in settings.api_keys
        ]
        audience = settings.api_jwt_audience or None
        self._tokens = Tokens(settings.api_jwt_keys, audience=audience) if settings.api_jwt_keys else None

    def caller(self, authorization: str | None) -> Backend:
        """Who has sent this header (RFC 6750, 2.1). Raises ``Unauthorized``."""
        scheme, _, text = (authorization or "").partition(" ")
        credential = text.strip()
        if scheme.lower() != "bearer" or not credential:
            raise Unauthorized("send Authorization: Bearer and a key or a token")
        given, found = digest(credential), None
        for known, backend in self._keys:
            # All of them, each in the same time: how long it takes says nothing.
            if hmac.compare_digest(known, given):
                found = backend
        if found is not None:
            return found
        if self._tokens is None or credential.count(".") != 2:
            raise Unauthorized("the key is not valid")
        claims = self._tokens.read(credential)
        return Backend(f"token:{claims.subject or ''}", _filters(claims.rooms))


def register(blueprint: Blueprint, *, settings: Settings, pipeline: Pipeline, limits: Limits) -> None:
    """Add the route to a blueprint, if anybody may use it."""
    if not settings.api:
        return
    backends = Backends(settings)
    most = max(settings.api_max_bytes, most_for(settings.max_message_bytes))

    @blueprint.post(PATH)
    def publish_trusted() -> Response:
        backend = backends.caller(request.headers.get("Authorization"))
        body = json_object(most=most, wanted=_WANTED, depth=settings.max_json_depth)
        if "messages" not in body:
            limits.backend(backend.name, 1)
            return _single(_prepared(body, backend, pipeline), backend, pipeline)
        items = body["messages"]
        if len(body) > 1 or not isinstance(items, list) or not 1 <= len(items) <= settings.api_max_batch:
            raise InvalidValue(f'"messages" is a list of 1 to {settings.api_max_batch}, and there is nothing beside it')
        limits.backend(backend.name, len(items))
        return _batch(items, backend, pipeline, limits)


def _single(message: Message, backend: Backend, pipeline: Pipeline) -> Response:
    (outcome,) = pipeline.publish_all([message], origin=_origin(backend))
    if isinstance(outcome, RealtimeError):
        raise outcome
    response = jsonify(id=str(outcome.id))
    response.status_code = 200 if outcome.duplicate else 201
    return response


def _batch(items: Sequence[Any], backend: Backend, pipeline: Pipeline, limits: Limits) -> Response:
    """Each is accepted or refused on its own, and answered in its place."""
    prepared: list[Message | RealtimeError] = []
    for item in items:
        try:
            prepared.append(_prepared(item, backend, pipeline))
        except RealtimeError as exc:
            limits.counters.told(exc)
            prepared.append(exc)
    messages = [one for one in prepared if isinstance(one, Message)]
    published = pipeline.publish_all(messages, origin=_origin(backend)) if messages else []
    if messages and all(isinstance(one, BusUnavailable) for one in published):
        # Nothing was accepted: said so that also those are told who look at the status only.
        raise published[0]  # type: ignore[misc]  # all of them are
    outcomes = iter(published)
    return jsonify(results=[_said(next(outcomes) if isinstance(one, Message) else one) for one in prepared])


def _said(outcome: Outcome) -> dict[str, Any]:
    return {"id": str(outcome.id)} if isinstance(outcome, Published) else {"error": outcome.as_dict()}


def _prepared(item: Any, backend: Backend, pipeline: Pipeline) -> Message:
    if not isinstance(item, dict) or not {"room", "data"} <= item.keys() <= _KNOWN:
        raise InvalidValue(_WANTED)
    room = check_room(item["room"])
    if not any(one.fits((room,), "") for one in backend.rooms):
        raise Forbidden(f"this key or token may not publish to {room!r}")
    return pipeline.prepare(
        room, item["data"], event=item.get("event", "message"), key=item.get("key"), origin=_origin(backend)
    )


def _origin(backend: Backend) -> Origin:
    return Origin("api", identity=backend.name)


def _filters(rooms: Sequence[str]) -> tuple[Filter, ...]:
    return tuple(Filter(one, None) for one in rooms)
