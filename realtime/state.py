"""State: everything that one application's Realtime consists of, joined here.

This file may not be imported by what it joins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from flask import Blueprint, Flask
from flask_socketio import SocketIO

from .access import Access
from .adopted import check_order, in_request, socketio_of
from .bus.base import Bus
from .bus.open import open_bus
from .concurrency import Concurrency, for_mode
from .config import Settings
from .grants import Ledger
from .hub.hub import Hub
from .rules import Rules
from .starting import Starting
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
    starting: Starting = field(init=False)

    def __post_init__(self) -> None:
        self.starting = Starting(
            bus=self.bus,
            hub=self.hub,
            concurrency=self.concurrency,
            engine=self.socketio.server.eio,
            presence=self.presence,
        )

    @property
    def ready(self) -> Callable[[], None]:
        """Makes sure that this process follows the bus; see ``Starting.ready``."""
        return self.starting.ready

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
    state.starting.check = partial(check_order, app, socketio, app.wsgi_app)
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
