"""State: everything that one application's Realtime consists of, joined here.

The bus is followed from the first use on, in each process by itself. This file may not be imported by what it joins.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Blueprint, Flask
from flask_socketio import SocketIO

from .access import Access
from .adopted import check_order, check_patched, in_request, socketio_of
from .bus.base import Bus
from .bus.open import open_bus
from .concurrency import Concurrency, for_mode
from .config import Settings
from .errors import BusUnavailable, ConfigError
from .grants import Ledger
from .hub.hub import Hub
from .rules import Rules
from .tickets import Tickets
from .web import api, assets, cookies, documents, events, health, http, rooms
from .web.access import Gate
from .web.admission import Admission
from .web.announcer import Announcer
from .web.connections import SocketConnections
from .web.cursors import Cursors
from .web.engine import adopt
from .web.greeter import Greeter
from .web.limits import Limits
from .web.manager import BusManager
from .web.outage import Outage
from .web.pipeline import Pipeline
from .web.presence import Presence
from .web.sockets import SocketHandlers
from .web.streaming import Streams
from .web.who import Introduction, introduced


@dataclass
class State:
    """Everything of one application. It lives in ``app.extensions["realtime"]``."""

    settings: Settings
    concurrency: Concurrency
    bus: Bus
    hub: Hub
    socketio: SocketIO
    manager: BusManager
    pipeline: Pipeline
    access: Access
    gate: Gate
    tickets: Tickets
    streams: Streams
    presence: Presence | None
    cursors: Cursors = field(init=False)
    check: Callable[[], None] = lambda: None
    """Raises where the application was changed since in a way that would part it from the log."""
    _started_in: int = 0
    _failed_at: float = 0.0
    _lock: Any = field(init=False)

    def __post_init__(self) -> None:
        self._lock = self.concurrency.lock()

    def ready(self) -> None:
        """Follow the bus in this process, from now on. Late, so that it works after a fork and under the reloader.

        Raises:
            BusUnavailable: it cannot be reached; the next call tries again.
            ConfigError: a SocketIO was initialised for the application after Realtime; or it uses gevent and Redis in a
                process that is not patched; or this is a fork of a process that serves memory://.
        """
        if self._started_in == os.getpid():
            return
        self.check()
        check_patched(self.concurrency.mode, shared=self.bus.shared)
        asked = time.monotonic()
        with self._lock:
            if self._started_in == os.getpid():
                return
            if self._failed_at > asked:
                # Somebody tried while this caller waited. Trying in turn, the last of many would wait for minutes.
                raise BusUnavailable("the bus cannot be reached")
            if self._started_in:
                self._forked()
            try:
                self.bus.start(self.hub)
            except BusUnavailable:
                self._failed_at = time.monotonic()
                raise
            self._started_in = os.getpid()

    def _forked(self) -> None:
        """This process was forked from one that followed the bus. That one's clients are its own business."""
        inherited = tuple(self.hub.connections)
        if inherited and not self.bus.shared:
            raise ConfigError(
                "this process was forked from the one that serves memory://, and what it publishes would reach nobody; "
                "publish from the server's process, or set REALTIME_BUS_URL=redis://…"
            )
        # They are not gone, so that nobody is told they were; and whatever is closed here must not close them.
        tell, self.hub.on_connection = self.hub.on_connection, lambda _connection, _opened: None
        for connection in inherited:
            self.hub.detach(connection)
        self.hub.on_connection = tell
        sockets = self.socketio.server.eio.sockets
        for socket in tuple(sockets.values()):
            socket.give_back()
        sockets.clear()
        if self.presence is not None:
            self.presence.forked()

    def close(self) -> None:
        """End every stream and connection of this process, so that clients come back elsewhere, and let the bus go."""
        self.streams.close()
        if self.presence is not None:
            self.presence.close(within=self.settings.retry + self.settings.restart_window)
        self.hub.close(retry=self.settings.retry, window=self.settings.restart_window)
        for socket in tuple(self.socketio.server.eio.sockets.values()):
            socket.go_away()
        self.manager.recovery.close()
        self.bus.stop()


def assemble(app: Flask, *, settings: Settings, socketio: SocketIO | None, rules: Rules, access: Access) -> State:
    """Make an application's parts, join them, and add the routes.

    Args:
        app: the application.
        settings: its settings.
        socketio: the ``SocketIO`` to put on the bus, if the application named one.
        rules: its hooks and schemas.
        access: who its clients are and what they may do.
    """
    socketio = socketio_of(app, settings, socketio)
    concurrency = for_mode(socketio.server.eio.async_mode)
    bus = open_bus(settings, concurrency)
    most = settings.max_pending_bytes
    hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=most, crowds=bus.shared)
    connections = SocketConnections(hub=hub, concurrency=concurrency, ids=settings.event_ids)
    pipeline = Pipeline(
        app, bus=bus, rules=rules, max_message_bytes=settings.max_message_bytes, strict=settings.strict_events
    )
    manager = BusManager(bus=bus, pipeline=pipeline, hub=hub, connections=connections)
    hub.on_control = manager.relayed
    tickets = Tickets(
        lambda: [*reversed(app.config.get("SECRET_KEY_FALLBACKS") or ()), *filter(None, [app.secret_key])]
    )
    manager.ledger = Ledger(bus, private=bool(settings.private_prefix))
    gate = Gate(access, tickets=tickets, ledger=manager.ledger, prefix=settings.private_prefix, concurrency=concurrency)
    limits = Limits(settings, bus=bus, gate=gate, concurrency=concurrency, counters=hub.counters)
    limits.admission = admission = Admission(app, settings=settings, gate=gate, hub=hub, concurrency=concurrency)
    hub.on_gap = lambda: concurrency.spawn(manager.look_again, name="realtime-access")
    manager.app, manager.gate, manager.in_request = app, gate, partial(in_request, socketio)
    manager.keep(seconds=settings.recovery_seconds, keys=tickets.keys, concurrency=concurrency)
    announcer = Announcer(app, concurrency=concurrency)
    manager.outage = outage = Outage(hub=hub, clients=manager, concurrency=concurrency, also=announcer.bus)
    hub.on_connection, bus.on_change = announcer.connection, outage.changed
    introduction = introduced(settings, bus=bus, hub=hub, gate=gate, concurrency=concurrency)
    streams = Streams(app, settings=settings, concurrency=concurrency, counters=hub.counters, admission=admission)
    state = State(
        settings,
        concurrency,
        bus,
        hub,
        socketio,
        manager,
        pipeline,
        access,
        gate,
        tickets,
        streams,
        introduction.presence,
    )
    manager.ready = pipeline.ready = state.ready
    passing = frozenset({"realtime", "realtime_health"})
    state.cursors = Cursors(app, bus=bus, hub=hub, ready=state.ready, passing=passing)
    adopt(
        socketio.server,
        settings=settings,
        manager=manager,
        connections=connections,
        concurrency=concurrency,
        greeter=Greeter(gate=gate, manager=manager, hub=hub, in_request=manager.in_request, admission=admission),
        limits=limits,
    )
    SocketHandlers(
        settings=settings,
        pipeline=pipeline,
        gate=gate,
        in_request=manager.in_request,
        manager=manager,
        hub=hub,
        ready=state.ready,
        limits=limits,
        introduction=introduction,
    ).register(socketio.server)
    _add_routes(app, state, rules, limits, introduction)
    cookies.use(app)
    state.check = partial(check_order, app, socketio, app.wsgi_app)
    return state


def _add_routes(app: Flask, state: State, rules: Rules, limits: Limits, introduction: Introduction) -> None:
    app.url_map.converters["realtime_room"] = http.RoomConverter
    settings, bus, hub, concurrency, ready = state.settings, state.bus, state.hub, state.concurrency, state.ready
    gate = state.gate
    doors = assets.blueprint("realtime", __name__)
    http.guard(doors, settings.allowed_origins, counters=hub.counters)
    events.register(
        doors,
        settings=settings,
        hub=hub,
        concurrency=concurrency,
        ready=ready,
        gate=gate,
        limits=limits,
        introduction=introduction,
    )
    rooms.register(
        doors,
        settings=settings,
        bus=bus,
        hub=hub,
        concurrency=concurrency,
        ready=ready,
        pipeline=state.pipeline,
        gate=gate,
        limits=limits,
        introduction=introduction,
    )
    introduction.register(doors, ready=ready, limit=limits.read)
    api.register(doors, settings=settings, pipeline=state.pipeline, limits=limits)
    if settings.api_documents:
        documents.register(doors, settings=settings, rules=rules)
    app.register_blueprint(doors)
    operators = Blueprint("realtime_health", __name__)
    health.register(operators, bus=bus, hub=hub, ready=ready)
    app.register_blueprint(operators)
