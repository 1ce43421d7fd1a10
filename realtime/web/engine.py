"""The seams in python-socketio and python-engineio: two subclasses that an existing server is turned into.

Flask-SocketIO makes its server itself and offers no place to name another class. Turning the finished object into a
subclass
(which adds no state of its own but one attribute) reaches every server, also one that the application made before us.
Each override says which rule it serves. This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import engineio
import socketio
from socketio import packet

from ..concurrency import Concurrency
from ..errors import ConfigError
from ..message import encode_json
from .access import AUTH, IDENTITY, USER
from .connections import SocketConnections
from .enginesocket import Delays, EngineSocket, Sockets, feeding
from .manager import PRIVATE_MARK
from .packets import RoomPacket

_PUBLISH = re.compile(r'42(\d{0,15})(?=\["publish",)')


class EngineServer(engineio.Server):
    """An Engine.IO server whose session ids cannot be room names and whose sessions are ours."""

    pings: Delays
    deadlines: Delays
    at_once: Callable[[Any, str | bytes], str | None]

    def generate_id(self) -> str:
        """A session id that no client can name as a room: nobody subscribes to another client's private events."""
        return f"{super().generate_id()}{PRIVATE_MARK}"

    def send_packet(self, sid: str, pkt: Any) -> None:
        """Send a packet, if the client is still there: that it goes right now is no reason to forget the others."""
        with suppress(engineio.exceptions.SocketIsClosedError):
            super().send_packet(sid, pkt)


class SocketServer(socketio.Server):
    """A Socket.IO server that keeps what the hub has pending for a client ahead of what is sent to it directly."""

    realtime_connections: SocketConnections

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        environ = self.environ.get(eio_sid)
        if environ is not None and namespace in {None, "/"}:
            # What hooks may know the client by. Whoever connects anew on the same session may be somebody else.
            environ[AUTH] = data if isinstance(data, dict) else {}
            environ.pop(IDENTITY, None)
            environ.pop(USER, None)
        # CONNECT may carry {"ids": false}: this client wants events without the id (contract, Socket.IO).
        if isinstance(data, dict) and data.get("ids") is False and eio_sid in self.environ:
            self.environ[eio_sid]["realtime.ids"] = False
        super()._handle_connect(eio_sid, namespace, data)
        if eio_sid not in self.environ:
            # It went while the application's handler ran. The library would keep it as connected for ever.
            self._handle_disconnect(eio_sid, namespace, self.reason.TRANSPORT_CLOSE)

    def register_namespace(self, namespace_handler: Any) -> None:
        """Register a class of handlers. Those of the default namespace keep the names that Realtime handles, too."""
        super().register_namespace(namespace_handler)
        handlers = self.handlers.get(namespace_handler.namespace, {})
        for name in [name for name, handler in handlers.items() if getattr(handler, "realtime", False)]:
            if hasattr(namespace_handler, f"on_{name}"):
                del handlers[name]

    def answer_at_once(self, socket: Any, message: str | bytes) -> str | None:
        """Do what waits for nothing and return the packet that answers it, ``""`` for none; ``None`` for all the rest.

        A short cut past two libraries' layers for ``publish``, which is most of what clients say besides PONG.
        """
        match = _PUBLISH.match(message) if isinstance(message, str) else None
        if match is None or socket.sid in self._binary_packet:
            return None
        handler = self.handlers.get("/", {}).get("publish")
        if handler is None or not getattr(handler, "at_once", False) or handler.may_wait():
            return None
        sid = self.manager.sid_from_eio_sid(socket.sid, "/")
        if not self.manager.is_connected(sid, "/"):
            return None
        try:
            arguments = json.loads(message[match.end(1) :])
        except (ValueError, RecursionError):
            return None  # The library says what is wrong.
        answer = handler(sid, *arguments[1:])
        return f"43{match[1]}[{encode_json(answer)}]" if match[1] else ""

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


def _never(_socket: Any, _message: str | bytes) -> str | None:
    """On a shared bus everything may have to wait."""
    return None


def adopt(server: Any, *, manager: Any, connections: SocketConnections, concurrency: Concurrency) -> None:
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
    server.eio.__class__ = EngineServer
    server.eio._async = {**server.eio._async, "queue": feeding(server.eio._async["queue"])}
    server.eio.sockets = Sockets()
    server.eio.at_once = _never if manager.shared else server.answer_at_once
    ping_after, gone_after = server.eio.ping_interval, server.eio.ping_timeout
    server.eio.pings = Delays(concurrency=concurrency, delay=ping_after, action=EngineSocket.ping)
    server.eio.deadlines = Delays(concurrency=concurrency, delay=gone_after, action=EngineSocket.expire)
    # Instead of a task that looks at every client again and again.
    server.eio.start_service_task = False
    server.realtime_connections = connections
    connections.serve(server)
    server.manager = manager
    manager.set_server(server)
    server.manager_initialized = False
