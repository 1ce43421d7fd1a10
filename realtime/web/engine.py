"""The seams in python-socketio and python-engineio: two subclasses that an existing server is turned into.

Flask-SocketIO makes its server itself and offers no place to name another class. Turning the finished object into a
subclass
(which adds no state of its own but one attribute) reaches every server, also one that the application made before us.
Each override says which rule it serves. This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

from typing import Any

import engineio
import socketio

from ..errors import ConfigError
from .connection import SocketConnection
from .connections import SocketConnections
from .manager import PRIVATE_MARK


class EngineServer(engineio.Server):
    """An Engine.IO server whose session ids cannot be room names."""

    def generate_id(self) -> str:
        """A session id that no client can name as a room: nobody subscribes to another client's private events."""
        return f"{super().generate_id()}{PRIVATE_MARK}"


def feeding(kind: type) -> type:
    """A subclass of Engine.IO's queue class that tells the hub's connection when its writer comes back for more."""

    class FeedingQueue(kind):
        owner: SocketConnection | None = None

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            # Engine.IO's writer blocks here exactly when it has written everything that it took before.
            if block and self.owner is not None:
                self.owner.written()
            return super().get(block, timeout)

    return FeedingQueue


class SocketServer(socketio.Server):
    """A Socket.IO server that keeps what the hub has pending for a client ahead of what is sent to it directly."""

    realtime_connections: SocketConnections

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        # CONNECT may carry {"ids": false}: this client wants events without the id (contract, Socket.IO).
        if isinstance(data, dict) and data.get("ids") is False and eio_sid in self.environ:
            self.environ[eio_sid]["realtime.ids"] = False
        super()._handle_connect(eio_sid, namespace, data)

    def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        self._push_pending(eio_sid)
        super()._send_packet(eio_sid, pkt)

    def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> None:
        self._push_pending(eio_sid)
        super()._send_eio_packet(eio_sid, eio_pkt)

    def _push_pending(self, eio_sid: str) -> None:
        connection = self.realtime_connections.of_engine(eio_sid)
        if connection is not None and connection.pending and not connection.pushing:
            connection.push()


def adopt(server: Any, *, manager: Any, connections: SocketConnections) -> None:
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
    server.realtime_connections = connections
    connections.serve(server)
    server.manager = manager
    manager.set_server(server)
    server.manager_initialized = False
