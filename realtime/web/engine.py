"""The seams in python-socketio: a subclass that an existing server is turned into, its Engine.IO server with it.

Flask-SocketIO makes its server itself and offers no place to name another class. Turning the finished object into a
subclass reaches every server, also one that the application made before us. Each override says which rule it serves.
This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import engineio
import socketio
from socketio import packet

from ..concurrency import Concurrency
from ..config import Settings
from ..errors import ConfigError
from ..seldom import Seldom
from .abuse import Abuse, expel
from .connections import SocketConnections
from .delays import Delays
from .enginequeue import feeding
from .engineserver import EngineServer
from .enginesocket import EngineSocket
from .eventpackets import of_clients
from .greeter import Greeter
from .keeping import SAVED
from .limits import Limits
from .outage import CONNECTING
from .packets import RoomPacket
from .portable import ThreadedWebSockets
from .shortcuts import ShortCuts


class SocketServer(ShortCuts):
    """A Socket.IO server that keeps what the hub has pending for a client ahead of what is sent to it directly."""

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        environ = self.environ.get(eio_sid)
        if environ is not None and namespace in {None, "/"}:
            environ[CONNECTING] = True
        # CONNECT may carry {"ids": false}: this client wants events without the id (contract, Socket.IO).
        if isinstance(data, dict) and data.get("ids") is False and eio_sid in self.environ:
            self.environ[eio_sid]["realtime.ids"] = False
        super()._handle_connect(eio_sid, namespace, data)
        if environ is not None and environ.pop(CONNECTING, False):
            self.manager.outage.connected(eio_sid)
        if eio_sid not in self.environ:
            # It went while the application's handler ran. The library would keep it as connected for ever.
            self._handle_disconnect(eio_sid, namespace, self.reason.TRANSPORT_CLOSE)
        elif namespace in {None, "/"}:
            if self.realtime_greeter.active(self.environ[eio_sid]):
                self.realtime_greeter.greet(eio_sid)
            self.manager.resume(self.manager.sid_from_eio_sid(eio_sid, "/"))

    def accepted(self, eio_sid: str, sid: str) -> dict[str, Any]:
        """What CONNECT is answered with: the session id, and what a client has to say to have it again."""
        answer, pid = super().accepted(eio_sid, sid), self.manager.pid(sid)
        return answer if pid is None else {**answer, "pid": pid}

    def save_session(self, sid: str, session: Any, namespace: str | None = None) -> None:
        """Store a client's session; the parameters are the library's. It is restored when the client comes back."""
        super().save_session(sid, session, namespace=namespace)
        self.manager.saved(sid)

    def register_namespace(self, namespace_handler: Any) -> None:
        """Register a class of handlers. Those of the default namespace keep the names that Realtime handles, too."""
        super().register_namespace(namespace_handler)
        handlers = self.handlers.get(namespace_handler.namespace, {})
        for name in [name for name, handler in handlers.items() if getattr(handler, "realtime", False)]:
            if hasattr(namespace_handler, f"on_{name}"):
                del handlers[name]

    def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: list[Any]) -> None:
        # What cannot take long is done where it was read: a client's own order is kept and no task is spent.
        handler = self.handlers.get(namespace or "/", {}).get(data[0]) if data and isinstance(data[0], str) else None
        if not getattr(handler, "at_once", False):
            super()._handle_event(eio_sid, namespace, id, data)
            return
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if self.manager.is_connected(sid, namespace or "/"):
            self._handle_event_internal(self, sid, eio_sid, data, namespace or "/", id)

    def _handle_event_internal(
        self, server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        # A join holds live messages back until its acknowledgement is on its way, which is known here alone.
        try:
            super()._handle_event_internal(server, sid, eio_sid, data, namespace, id)
        finally:
            connection = self.realtime_connections.of_engine(eio_sid)
            if connection is not None and len(data) > 1:
                connection.answered(data[1])
            if namespace == "/" and self.environ.get(eio_sid, {}).get(SAVED):
                self.manager.saved(sid)

    def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        if pkt.packet_type in {packet.ACK, packet.BINARY_ACK}:
            # What a handler emitted to rooms goes ahead of what it answers.
            self.manager.settle()
        connection = self.realtime_connections.of_engine(eio_sid)
        with nullcontext() if connection is None else connection.together():
            super()._send_packet(eio_sid, pkt)

    def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> None:
        connection = self.realtime_connections.of_engine(eio_sid)
        if connection is not None and not isinstance(eio_pkt, RoomPacket):
            connection.push()
        super()._send_eio_packet(eio_sid, eio_pkt)


def adopt(
    server: Any,
    *,
    settings: Settings,
    manager: Any,
    connections: SocketConnections,
    concurrency: Concurrency,
    greeter: Greeter,
    limits: Limits,
) -> None:
    """Turn a Flask-SocketIO application's server into ours and give it the bus's client manager.

    Raises:
        ConfigError: it is not a plain server, it has a message queue of its own, or it is serving already.
    """
    if type(server) is not socketio.Server or type(server.eio) is not engineio.Server:
        raise ConfigError(f"Realtime works with a plain Flask-SocketIO server, not with {type(server).__name__}")
    if type(server.manager) is not socketio.Manager:
        raise ConfigError(
            "SocketIO was given message_queue= or client_manager=; leave it out: Realtime connects the processes "
            "itself, and both together would deliver every message twice. Set REALTIME_BUS_URL instead"
        )
    if server.eio.sockets:
        raise ConfigError("Realtime must be initialised before the first client connects")
    server.__class__ = SocketServer
    server.packet_class = of_clients(
        server.packet_class, max_attachments=settings.max_attachments, max_depth=settings.max_json_depth
    )
    server.max_depth = settings.max_json_depth
    server.greeting, server.limits = concurrency.mutex(), limits
    _adopt_engine(server.eio, settings=settings, concurrency=concurrency, refuse=limits.counters.refuse)
    server.eio.at_once, server.eio.is_member, server.eio.is_stuck = (
        server.answer_at_once,
        server.is_member,
        server.is_stuck,
    )
    # The library bound its own methods when it was made.
    server.eio.on("message", server._handle_eio_message)
    server.eio.on("disconnect", server._handle_eio_disconnect)
    server.realtime_connections = connections
    server.realtime_greeter = greeter
    server.eio.admission = server.admission = limits.admission
    most, window = settings.abuse_refusals, settings.abuse_window
    limits.abuse = Abuse(most, window, close=partial(server.start_background_task, expel, server))
    connections.serve(server)
    server.manager = manager
    manager.set_server(server)
    server.manager_initialized = False


def _adopt_engine(eio: Any, *, settings: Settings, concurrency: Concurrency, refuse: Callable[[str], None]) -> None:
    eio.__class__ = EngineServer
    eio.concurrency = concurrency
    eio.doubts = Seldom(logging.getLogger(__name__))
    eio.max_fragments, eio.refuse = settings.max_fragments, refuse
    eio._async = {**eio._async, "queue": feeding(eio._async["queue"])}
    if eio.async_mode == "threading":
        eio._async["websocket"] = ThreadedWebSockets
    ping_after, gone_after = eio.ping_interval, eio.ping_timeout
    eio.pings = Delays(concurrency=concurrency, delay=ping_after, action=EngineSocket.ping)
    eio.deadlines = Delays(concurrency=concurrency, delay=gone_after, action=EngineSocket.expire)
    eio.newcomers = Delays(concurrency=concurrency, delay=settings.connect_timeout, action=EngineSocket.expect_connect)
    # Instead of a task that looks at every client again and again.
    eio.start_service_task = False
