"""Realtime, the Flask extension: joins settings, bus, hub and doors, and is the face that applications use.

Importing it patches nothing, opens nothing and starts nothing; the bus is followed from the first use on, in each
process by itself.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask, current_app, has_app_context
from flask_socketio import SocketIO

from .bus.base import Bus, Replay
from .bus.open import open_bus
from .concurrency import Concurrency, detected, for_mode
from .config import Settings
from .errors import BusUnavailable, ConfigError
from .hub.hub import Hub
from .message import Message, Position
from .names import check_room
from .web import events, health, http, origin, rooms
from .web.connections import SocketConnections
from .web.engine import adopt
from .web.manager import BusManager
from .web.sockets import SocketHandlers

EXTENSION = "realtime"


@dataclass
class State:
    """Everything of one application. It lives in ``app.extensions["realtime"]``."""

    settings: Settings
    concurrency: Concurrency
    bus: Bus
    hub: Hub
    socketio: SocketIO
    manager: BusManager
    _started_in: int = 0
    _failed_at: float = 0.0
    _lock: Any = field(init=False)

    def __post_init__(self) -> None:
        self._lock = self.concurrency.lock()

    def ready(self) -> None:
        """Follow the bus in this process, from now on. Late, so that it works after a fork and under the reloader.

        Raises:
            BusUnavailable: it cannot be reached; the next call tries again.
        """
        if self._started_in == os.getpid():
            return
        asked = time.monotonic()
        with self._lock:
            if self._started_in == os.getpid():
                return
            if self._failed_at > asked:
                # Somebody tried while this caller waited. Trying in turn, the last of many would wait for minutes.
                raise BusUnavailable("the bus cannot be reached")
            try:
                self.bus.start(self.hub)
            except BusUnavailable:
                self._failed_at = time.monotonic()
                raise
            self._started_in = os.getpid()

    def close(self) -> None:
        """End every stream and connection of this process, so that clients come back elsewhere, and let the bus go."""
        self.hub.close()
        for socket in tuple(self.socketio.server.eio.sockets.values()):
            # Not waiting: one slow client would hold up the farewell to all others.
            socket.close(wait=False)
        self.bus.stop()


class Realtime:
    """Server push for a Flask application: Socket.IO rooms and an SSE route on one log.

    Args:
        app: the application, or none and ``init_app`` later.
        socketio: an existing ``SocketIO`` of the application, with all its handlers. Default: the one that was
        initialised
            with the app, else one is made.
    """

    def __init__(self, app: Flask | None = None, *, socketio: SocketIO | None = None) -> None:
        self._socketio = socketio
        self._states: list[State] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set the application up: read its settings, add the routes, put its Socket.IO server on the bus.

        Raises:
            ConfigError: a setting is wrong, or the application was set up before.
        """
        if EXTENSION in app.extensions:
            raise ConfigError(
                f"Realtime was initialised for {app.name!r} already. Make one Realtime() at module level and call "
                "init_app(app) once per application"
            )
        settings = Settings.load(app.config, os.environ)
        socketio = self._socketio_of(app, settings)
        concurrency = for_mode(socketio.server.eio.async_mode)
        bus = open_bus(settings, concurrency)
        hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=settings.max_pending_bytes)
        connections = SocketConnections(hub=hub, concurrency=concurrency, ids=settings.event_ids)
        manager = BusManager(bus=bus, hub=hub, connections=connections, max_message_bytes=settings.max_message_bytes)
        hub.on_control = manager.relayed
        state = State(settings, concurrency, bus, hub, socketio, manager)
        manager.ready = state.ready
        adopt(socketio.server, manager=manager, connections=connections, concurrency=concurrency)
        SocketHandlers(settings=settings, bus=bus, manager=manager, hub=hub, ready=state.ready).register(
            socketio.server
        )
        _add_routes(app, state)
        app.extensions[EXTENSION] = state
        self._states.append(state)

    def publish(self, room: str, data: object, *, event: str = "message", key: str | None = None) -> str:
        """Publish one message to everybody who reads the room, on any transport, in any process.

        Args:
            room: where to.
            data: anything with a JSON form.
            event: the event's name.
            key: idempotency key: the same key again is the same message, published once.

        Returns:
            The message's id. It is in the log.

        Raises:
            InvalidValue, MessageTooLarge, KeyConflict: the message is not acceptable; see its text.
            BusUnavailable: not accepted; trying again with the same key is safe.
        """
        state = self._state()
        message = Message.new(room, data, event=event, key=key, max_bytes=state.settings.max_message_bytes)
        return str(state.manager.publish(message))

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> Replay:
        """Read the room's log.

        Args:
            room: which.
            after: an id; what follows it is returned, oldest first. Without it: the newest messages, oldest first.
            limit: at most so many messages.

        Returns:
            ``messages``, and ``recovered``: whether nothing between ``after`` and now is missing.

        Raises:
            InvalidValue: not a room's name, or not an id.
            BusUnavailable: the log cannot be read.
        """
        state = self._state()
        check_room(room)
        state.ready()
        if after is None:
            return state.bus.latest([room], limit=limit)
        return state.bus.replay([room], Position.parse(after), limit=limit)

    @property
    def socketio(self) -> SocketIO:
        """The application's ``SocketIO``, for handlers and ``emit``."""
        return self._state().socketio

    def _state(self) -> State:
        if has_app_context() and EXTENSION in current_app.extensions:
            state: State = current_app.extensions[EXTENSION]
            return state
        if len(self._states) != 1:
            raise ConfigError(
                "there is no application here: call init_app(app) first, and with several applications work inside "
                "`with app.app_context():`"
            )
        return self._states[0]

    def _socketio_of(self, app: Flask, settings: Settings) -> SocketIO:
        socketio = self._socketio or app.extensions.get("socketio")
        if socketio is not None and socketio.server is not None:
            return socketio
        options: dict[str, Any] = {
            "async_mode": detected().mode,
            "cors_allowed_origins": lambda _origin, environ: origin.is_allowed(environ, settings.allowed_origins),
            "ping_interval": settings.heartbeat,
            # Escaped JSON, event name and packet head around the largest allowed message.
            "max_http_buffer_size": settings.max_message_bytes * 3 + 4096,
        }
        socketio = socketio or SocketIO()
        for name in socketio.server_options:
            options.pop(name, None)
        socketio.init_app(app, **options)
        return socketio


def _add_routes(app: Flask, state: State) -> None:
    app.url_map.converters["realtime_room"] = http.RoomConverter
    settings, bus, hub, concurrency, ready = state.settings, state.bus, state.hub, state.concurrency, state.ready
    doors = Blueprint("realtime", __name__)
    http.guard(doors, settings.allowed_origins)
    events.register(doors, settings=settings, hub=hub, concurrency=concurrency, ready=ready)
    rooms.register(doors, settings=settings, bus=bus, hub=hub, concurrency=concurrency, ready=ready)
    app.register_blueprint(doors)
    operators = Blueprint("realtime_health", __name__)
    health.register(operators, bus=bus, hub=hub, ready=ready)
    app.register_blueprint(operators)
