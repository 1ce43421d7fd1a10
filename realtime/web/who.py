"""``GET /rooms/<room>/presence``: who is in a room. And what a client says of itself where it joins one.

This file keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b

from flask import Blueprint, Response, jsonify, request

from ..bus.base import Bus
from ..concurrency import Concurrency
from ..config import Settings
from ..hub.connection import Grant
from ..hub.hub import Hub
from ..names import check_person, check_room
from ..presence import About
from .access import Gate
from .presence import Presence

_PATH = "/rooms/<realtime_room:room>/presence"


class Introduction:
    """Takes down, on every way in, what a client says of itself. Where presence is off, it does nothing.

    Args:
        presence: remembers it.
        gate: says who may see who is in a room.
    """

    def __init__(self, presence: Presence | None, gate: Gate) -> None:
        self.presence = presence
        self._gate = gate

    def register(self, blueprint: Blueprint, *, ready: Callable[[], None], limit: Callable[[], None]) -> None:
        """Add the route to a blueprint, where presence is on. ``limit`` refuses whom asks too often."""
        presence, gate = self.presence, self._gate
        if presence is None:
            return

        @blueprint.get(_PATH, merge_slashes=False)
        def present(room: str) -> Response:
            check_room(room)
            gate.admit("presence", room)
            limit()
            ready()
            response = jsonify(presence.view(room).as_dict(room))
            response.cache_control.no_store = True
            return response

    def about(self, name: object, rooms: Iterable[str]) -> Mapping[str, About] | None:
        """What is remembered of the client in the rooms. Raises ``InvalidValue``: not a name."""
        if self.presence is None:
            return None
        sees = self._sees if self._gate.active() else lambda _room: True
        return self.presence.about(name, rooms, sees)

    def polling(self, room: str, grant: Grant | None) -> AbstractContextManager[None]:
        """Around a long poll, in its request. Raises ``InvalidValue``: not a name."""
        if self.presence is None:
            return nullcontext()
        name = check_person(request.args.get("name"))
        said = f"{request.remote_addr}\0{request.headers.get('User-Agent', '')}"
        client = blake2b(said.encode("utf-8", "replace"), digest_size=8).hexdigest()
        return self.presence.polling(room, grant, name, client)

    def _sees(self, room: str) -> bool:
        return self._gate.allows("presence", room)


def introduced(settings: Settings, *, bus: Bus, hub: Hub, gate: Gate, concurrency: Concurrency) -> Introduction:
    """The introduction, and where presence is on, that too: from now on it hears what others hear already."""
    if not settings.presence:
        return Introduction(None, gate)
    presence = Presence(bus=bus, hub=hub, concurrency=concurrency, ttl=settings.presence_ttl)
    on_control, on_gap, on_change = hub.on_control, hub.on_gap, bus.on_change

    def gap() -> None:
        on_gap()
        presence.missed()

    def change(up: bool) -> None:
        if on_change is not None:
            on_change(up)
        presence.bus(up)

    hub.on_control = presence.before(on_control or (lambda _payload: None))
    hub.on_gap, bus.on_change = gap, change
    return Introduction(presence, gate)
