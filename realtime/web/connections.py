"""The registry of this process's Socket.IO clients as the hub knows them. It makes and forgets; it may not deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..concurrency import Concurrency
from ..hub.hub import Hub
from ..hub.resuming import Join
from ..message import Position
from ..presence import About
from .connection import SocketConnection


class SocketConnections:
    """The connections of this process's Socket.IO clients, made when a client first enters a room.

    Args:
        hub: where they subscribe.
        concurrency: handed to each.
        ids: whether events carry ids, unless the client said otherwise.

    Attributes:
        ids: the same.
        recoverable: whether clients may come back to what they had.
    """

    def __init__(self, *, hub: Hub, concurrency: Concurrency, ids: bool) -> None:
        self.ids = ids
        self.recoverable = False
        self._hub = hub
        self._concurrency = concurrency
        self._lock = concurrency.lock()
        self._by_sid: dict[str, SocketConnection] = {}
        self._by_eio_sid: dict[str, SocketConnection] = {}
        self._server: Any = None

    def serve(self, server: Any) -> None:
        """Use this Socket.IO server to write."""
        self._server = server

    def get(self, sid: str) -> SocketConnection | None:
        """The client's connection, if it is in any room."""
        return self._by_sid.get(sid)

    def of_engine(self, eio_sid: str) -> SocketConnection | None:
        """The same, by its Engine.IO session id."""
        return self._by_eio_sid.get(eio_sid)

    def of(self, sid: str, eio_sid: str) -> SocketConnection:
        """The client's connection, made now if need be."""
        with self._lock:
            connection = self._by_sid.get(sid)
            if connection is None:
                connection = self._made(sid, eio_sid)
                self._hub.attach(connection)
                self._known(connection)
            return connection

    def resumed(
        self, sid: str, eio_sid: str, joins: dict[str, Join], *, after: Position, about: Mapping[str, About]
    ) -> SocketConnection:
        """The connection of a client that came back: in its rooms, with everything held back until ``resume``.

        Raises:
            ConnectionClosed: this server is going.
        """
        with self._lock:
            connection = self._made(sid, eio_sid)
            connection.joins, connection.held, connection.about = joins, True, about or None
            if not all(one.sees for one in about.values()):
                self._hub.some_blind = True
            self._hub.attach(connection, tuple(joins), after=after)
            self._known(connection)
            return connection

    def _made(self, sid: str, eio_sid: str) -> SocketConnection:
        ids = self.ids and (self._server.environ.get(eio_sid) or {}).get("realtime.ids", True)
        connection = SocketConnection(
            sid, eio_sid, server=self._server, hub=self._hub, concurrency=self._concurrency, ids=ids
        )
        if ids and self.recoverable:
            connection.joins = {}
        return connection

    def _known(self, connection: SocketConnection) -> None:
        self._by_sid[connection.id] = self._by_eio_sid[connection.engine_id] = connection
        socket = self._server.eio.sockets.get(connection.engine_id)
        if socket is not None:
            socket.owned_by(connection)

    def forget(self, sid: str) -> None:
        """The client is gone. Nothing of it remains."""
        with self._lock:
            connection = self._by_sid.pop(sid, None)
            if connection is not None:
                self._by_eio_sid.pop(connection.engine_id, None)
                self._hub.detach(connection)
