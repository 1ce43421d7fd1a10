"""``GET /events``: the SSE edge. It validates and answers; the stream itself is the hub's.

Everything that can be refused is refused before the response begins; afterwards only events and comments are written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from flask import Blueprint, Response, request

from ..concurrency import Concurrency
from ..config import Settings
from ..errors import InvalidValue
from ..hub.ending import EndingStream
from ..hub.hub import Hub
from ..hub.stream import EventStream
from ..message import UNKNOWN, Position
from ..wire import envelope
from .access import Gate
from .dialects import End, end, padding, resumed_id
from .hangup import socket_of
from .http import number, position, rooms_asked
from .limits import Limits
from .lookout import Lookout
from .servers import check_turns
from .who import Introduction

HEADERS: Final = {
    "Content-Type": "text/event-stream",
    # no-transform: compressing proxies would hold events back until a block is full.
    "Cache-Control": "no-cache, no-transform",
    # nginx buffers responses by default; this turns it off for this one response.
    "X-Accel-Buffering": "no",
}

_POLL_RETRY: Final = 0.5
_BARE_RETRY: Final = 0.001
"""Seconds. Who has no cursor hears nothing between two answers: the sooner it asks again, the less it misses."""


def register(
    blueprint: Blueprint,
    *,
    settings: Settings,
    hub: Hub,
    concurrency: Concurrency,
    ready: Callable[[], None],
    gate: Gate,
    limits: Limits,
    introduction: Introduction,
) -> None:
    """Add the route to a blueprint."""
    lookout = Lookout(concurrency=concurrency, patience=settings.heartbeat)

    @blueprint.get("/events")
    def events() -> Response:
        rooms = rooms_asked(request.args.getlist("room"), most=settings.max_rooms_per_connection)
        grant = gate.grant("subscribe", *rooms, mark=hub.mark)
        visible, enclosed = _visible(), _enclosed()
        after, latest = _cursor(), int(number("history", most=settings.history_length))
        if after is not None:
            # Nothing of the log for whom may not read it; that something was missed is the truth.
            after = after if gate.allows("history", *rooms) else UNKNOWN
        elif latest:
            gate.admit("history", *rooms)
            # Not with a cursor: for a browser's EventSource that comes back, any refusal is for good.
            limits.read()
        ending = end(most_wait=settings.max_wait)
        if ending is None or ending.wait is None:
            check_turns(request.environ)
        stream = EventStream(
            hub=hub,
            concurrency=concurrency,
            rooms=rooms,
            after=after,
            latest=latest,
            heartbeat=settings.heartbeat,
            retry=settings.retry,
            padding=padding(),
        )
        stream.grant = grant
        stream.about = introduction.about(request.args.get("name"), rooms)
        stream.visible = visible
        if enclosed:
            stream.encode = envelope.encode
        stream.watched = partial(lookout.over, socket_of(request.environ))
        body = stream if ending is None else _ended(stream, ending, retry=settings.retry)
        ready()
        if request.method == "HEAD":
            return Response(status=200, headers=HEADERS)
        stream.slot = limits.admission.stream(grant)
        if stream.slot is not None:
            stream.begun = limits.admission.begun(request.environ)
        # Passed through untouched: a server that can give its socket away finds the stream itself, not a wrapper.
        return Response(body, status=200, headers=HEADERS, direct_passthrough=True)


def _ended(stream: EventStream, ending: End, *, retry: float) -> EndingStream:
    """The stream for a client that cannot take one that stays open."""
    if ending.wait is not None:
        stream.visible = False
        stream.heartbeat = ending.wait
        stream.retry = _BARE_RETRY if ending.bare else min(_POLL_RETRY, retry)
    return EndingStream(stream, most=ending.most, polled=ending.wait is not None, bare=ending.bare)


def _visible() -> bool:
    """Whether the client wants heartbeats as events: a script sees no comment of an EventSource."""
    asked = request.args.get("heartbeat", "comment")
    if asked not in ("comment", "event"):
        raise InvalidValue(f"heartbeat is comment or event, not {asked[:40]!r}")
    return asked == "event"


def _enclosed() -> bool:
    """Whether the client wants each message in an envelope that says its rooms."""
    asked = request.args.get("envelope", "false")
    if asked not in ("true", "false"):
        raise InvalidValue(f"envelope is true or false, not {asked[:40]!r}")
    return asked == "true"


def _cursor() -> Position | None:
    """The client's cursor, first found: the header, the polyfills' queries, ``after``.

    A client library repeats by itself whatever id its last server gave. One that is not ours is an unknown cursor and
    gets a stream that says ``recovered: false``; an error would end a browser's EventSource for good. ``after`` is
    written by a person: nonsense there is refused.
    """
    resumed = resumed_id()
    if not resumed:
        return position("after")
    try:
        return Position.parse(resumed)
    except InvalidValue:
        return UNKNOWN
