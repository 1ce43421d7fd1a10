"""``/rooms/<room>/messages``: publish with POST, read history or wait for news with GET.

For clients with nothing but plain HTTP. This file keeps no state between requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

from flask import Blueprint, Response, request

from ..bus.base import Bus
from ..concurrency import Concurrency
from ..config import Settings
from ..errors import ConnectionClosed, Forbidden, InvalidValue
from ..hub.hub import Hub
from ..hub.log import Slice, just_before
from ..hub.waiter import Waiter
from ..message import encode_json
from ..names import check_room
from ..rules import Origin
from .access import Gate
from .bodies import json_object, most_for
from .hangup import socket_of
from .http import number, position
from .limits import Limits
from .lookout import Lookout
from .pipeline import Pipeline
from .who import Introduction

_DEFAULT_LIMIT: Final = 50
_WANTED: Final = 'the body is an object with "data", and optionally "event", "key" and "transient"'
_PATH: Final = "/rooms/<realtime_room:room>/messages"


def register(  # noqa: PLR0913  each is a part of its own
    blueprint: Blueprint,
    *,
    settings: Settings,
    bus: Bus,
    hub: Hub,
    concurrency: Concurrency,
    ready: Callable[[], None],
    pipeline: Pipeline,
    gate: Gate,
    limits: Limits,
    introduction: Introduction,
) -> None:
    """Add the routes to a blueprint."""
    lookout = Lookout(concurrency=concurrency, patience=settings.heartbeat)

    @blueprint.post(_PATH, merge_slashes=False)
    def publish(room: str) -> Response:
        check_room(room)
        identity = gate.admit("publish", room)
        if identity is None and pipeline.calls_application():
            identity = gate.identity()
        limits.publish(identity)
        body = json_object(most=most_for(settings.max_message_bytes), wanted=_WANTED, depth=settings.max_json_depth)
        if "data" not in body:
            raise InvalidValue(_WANTED)
        published = pipeline.publish(
            room,
            body["data"],
            event=body.get("event", "message"),
            key=body.get("key"),
            transient=body.get("transient", False),
            origin=Origin("http", identity=identity),
        )
        if body.get("transient"):
            return Response('{"transient":true}\n', status=202, mimetype="application/json")
        # What jsonify would write, without asking the application's JSON what an id looks like.
        text, status = f'{{"id":"{published.id}"}}\n', 200 if published.duplicate else 201
        return Response(text, status=status, mimetype="application/json")

    @blueprint.get(_PATH, merge_slashes=False)
    def history(room: str) -> Response:
        check_room(room)
        after, before = position("after"), position("before")
        limit = int(number("limit", most=settings.history_length, default=_DEFAULT_LIMIT))
        wait = number("wait", most=settings.max_wait)
        grant = gate.grant("history", room, mark=hub.mark)
        limits.read()
        ready()

        def read() -> Slice:
            if after is None:
                return bus.latest([room], before=before, limit=limit)
            upto = None if before is None else just_before(before)
            return bus.replay([room], after, upto=upto, limit=limit)

        with introduction.polling(room, grant) if wait else nullcontext():
            replay = read()
            if wait and limit and not replay.messages and replay.recovered and before is None:
                waiter = Waiter(concurrency)
                waiter.grant = grant
                limits.admission.poll(grant, waiter)

                def again() -> Slice:
                    # What woke it was delivered already. Many who wait for the same share what is read of it.
                    if after is None:
                        return read()
                    return hub.log.replay([room], after, upto=max(after, hub.position), limit=limit)

                def gone() -> None:
                    hub.detach(waiter)
                    waiter.wake()

                with lookout.over(socket_of(request.environ), gone):
                    replay = _patient(replay, again, room=room, wait=wait, waiter=waiter, hub=hub)
        return _shown(replay, room)


def _patient(
    replay: Slice,
    read: Callable[[], Slice],
    *,
    room: str,
    wait: float,
    waiter: Waiter,
    hub: Hub,
) -> Slice:
    """Wait for the room's next message. Subscribed first and read again second, so that none slips through between."""
    deadline = time.monotonic() + wait
    grant = waiter.grant
    try:
        hub.attach(waiter, [room])
        replay = read()
        while not replay.messages and replay.recovered and waiter.wait(deadline - time.monotonic()):
            hub.take(waiter)
            replay = read()
    except ConnectionClosed:
        # This server is going, or the client is. What was read stands; who still listens (it may have closed its side
        # only) asks again, perhaps another server, with the cursor that it gets now.
        pass
    finally:
        hub.detach(waiter)
    if grant is not None and hub.was_revoked(grant, (room,)):
        raise Forbidden(f"access to {room!r} was revoked")
    return replay


def _shown(replay: Slice, room: str) -> Response:
    """A replay as JSON. Each message's data is copied as it is stored, not decoded and encoded again."""
    shown = ",".join(
        # An emit with several arguments is their list, one without any is null: as SSE shows it.
        f'{{"id":"{one.id}","room":{encode_json(room)},"event":{encode_json(one.event)},"data":{one.shown}}}'
        for one in replay.messages
    )
    text = f'{{"messages":[{shown}],"cursor":"{replay.cursor}","recovered":{encode_json(replay.recovered)}}}'
    response = Response(text, mimetype="application/json")
    # The next asker may get something else, or nothing: nobody in between keeps it.
    response.cache_control.no_store = True
    return response
