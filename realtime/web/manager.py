"""The client manager that puts Flask-SocketIO on the bus.

Every emit of the application to a room of the default namespace becomes a message of the log, so that it reaches SSE
subscribers and other processes too, with one id and in one order. Everything that a log cannot carry (callbacks, binary data,
other namespaces, broadcasts to everybody, single clients of another process) is relayed through the same order and
keeps its meaning. This file holds no sockets: it may not write to clients but through the server it is given.
"""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from socketio.manager import Manager
from socketio.packet import Packet

from ..bus.base import Bus
from ..errors import BusUnavailable, ConnectionClosed
from ..hub.hub import Hub
from ..message import START, Message, Position, is_event_name, is_room_name
from .connections import SocketConnection, SocketConnections

PRIVATE_MARK = "~"
"""Ends every Socket.IO session id. No room name may contain it, so that nobody can subscribe to another's session."""

_SETTLE_SECONDS = 1.0


class BusManager(Manager):  # type: ignore[misc]  # the library has no types
    """Keeps the clients of this process, and speaks to those of all processes over the bus.

    Args:
        bus: where room emits are published and the rest is relayed.
        hub: delivers what comes back, to this process's clients.
        connections: the hub's face of each client.
        max_message_bytes: as for every other publisher.
    """

    def __init__(self, *, bus: Bus, hub: Hub, connections: SocketConnections, max_message_bytes: int) -> None:
        super().__init__()
        self._bus = bus
        self._hub = hub
        self._connections = connections
        self._max_message_bytes = max_message_bytes
        self._published = START
        self._host = secrets.token_hex(8)
        self.ready: Callable[[], None] = lambda: None
        self._log = logging.getLogger(__name__)

    def initialize(self) -> None:
        """The first client is connecting: follow the bus. Where it is away, the client's own requests will be told."""
        with suppress(BusUnavailable):
            self.ready()

    # ---- what the application asks for -----------------------------------------------------------------------------

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **_kwargs: Any,
    ) -> None:
        """Emit to a room, a client, or everybody; the parameters are Flask-SocketIO's.

        Raises:
            MessageTooLarge: the data for a room is over the configured size.
            BusUnavailable: the bus cannot be reached; nobody got it.
        """
        namespace = namespace or "/"
        room = to or room
        skip = _as_list(skip_sid)
        if callback is None and namespace == "/" and self._is_message(event, data, room):
            rooms = (room,) if isinstance(room, str) else tuple(dict.fromkeys(room))
            spread = isinstance(data, tuple) or data is None
            value = list(data or ()) if spread else data
            self.publish(
                Message.new(
                    rooms, value, event=event, skip=skip, spread=spread, max_bytes=self._max_message_bytes
                )
            )
        elif isinstance(room, str) and self.is_sid_room(namespace, room):
            self._settle()
            super().emit(event, data, namespace, room=room, skip_sid=skip, callback=callback)
        else:
            self._relay_emit(event, data, namespace, room, skip, callback)

    def publish(self, message: Message) -> Position:
        """Publish and remember how far this process must have delivered before what it does next takes effect."""
        self.ready()
        published = self._bus.publish(message).id
        self._published = max(self._published, published)
        return published

    def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Whether the server may disconnect the client itself; one of another process is asked for there."""
        if self.is_connected(sid, namespace) or self.is_pre_connected(sid, namespace):
            self._settle()
            return True
        self._relay({"method": "disconnect", "sid": sid, "namespace": namespace})
        return False

    def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Put a client into a room, wherever it is connected."""
        if self.is_sid_room(namespace, sid):
            super().enter_room(sid, namespace, room, eio_sid=eio_sid)
            if namespace == "/" and is_room_name(room):
                self._hub.join(self.connection(sid), room)
        elif not isinstance(sid, str) or not sid.endswith(PRIVATE_MARK):
            raise ValueError("sid is not connected to requested namespace")
        else:
            self._relay({"method": "enter_room", "sid": sid, "namespace": namespace, "room": room})

    def connection(self, sid: str) -> SocketConnection:
        """The hub's connection of a client of this process.

        Raises:
            ConnectionClosed: the client is not connected here (any more).
        """
        eio_sid = self.eio_sid_from_sid(sid, "/") if self.is_sid_room("/", sid) else None
        if eio_sid is None:
            raise ConnectionClosed("the client is not connected")
        connection = self._connections.of(sid, eio_sid)
        if not self.is_sid_room("/", sid):
            # It left while its connection was being made: nobody else would forget it.
            self._connections.forget(sid)
            raise ConnectionClosed("the client is not connected")
        return connection

    def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client out of a room, after what this process emitted to it before."""
        if self.is_sid_room(namespace, sid):
            self._settle()
            self._leave(sid, namespace, room)
        else:
            self._relay({"method": "leave_room", "sid": sid, "namespace": namespace, "room": room})

    def close_room(self, room: Any, namespace: str) -> None:
        """Take everybody out of a room, in every process, after what was emitted to it before."""
        self._relay({"method": "close_room", "room": room, "namespace": namespace})

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        super().disconnect(sid, namespace, **kwargs)
        if namespace == "/":
            self._connections.forget(sid)

    # ---- what comes back over the bus ------------------------------------------------------------------------------

    def relayed(self, payload: dict[str, Any]) -> None:
        """Do what a process asked of all. The payload comes from a shared place: a wrong one is left out."""
        try:
            handle = _RELAYED[payload["method"]]
            handle(self, payload)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as exc:
            self._log.warning("a relayed request was left out: %r", exc)

    def _relayed_emit(self, request: dict[str, Any]) -> None:
        callback = request["callback"]
        if callback is not None:
            owner, number = callback
            callback = partial(self._answer, str(owner), str(request["room"]), int(number))
        attachments = [base64.b64decode(one, validate=True) for one in request["attachments"]]
        arguments = Packet.reconstruct_binary(request["data"], attachments) if attachments else request["data"]
        super().emit(
            str(request["event"]),
            tuple(arguments),
            str(request["namespace"]),
            room=request["room"],
            skip_sid=list(request["skip"]),
            callback=callback,
        )

    def _relayed_disconnect(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_connected(sid, namespace):
            # The application's handler runs: not in the one task that delivers to everybody.
            self.server.start_background_task(
                self.server.disconnect, sid, namespace=namespace, ignore_queue=True
            )

    def _relayed_enter_room(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_sid_room(namespace, sid):
            self.enter_room(sid, namespace, request["room"])

    def _relayed_leave_room(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_sid_room(namespace, sid):
            self._leave(sid, namespace, request["room"])

    def _relayed_close_room(self, request: dict[str, Any]) -> None:
        room, namespace = request["room"], str(request["namespace"])
        for sid, _ in list(self.get_participants(namespace, room)):
            self._leave(sid, namespace, room)

    def _relayed_answer(self, request: dict[str, Any]) -> None:
        if request["owner"] == self._host:
            room, number, arguments = str(request["room"]), int(request["number"]), list(request["arguments"])
            self.server.start_background_task(self.trigger_callback, room, number, arguments)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _is_message(self, event: object, data: object, room: Any) -> bool:
        """Whether the log can carry this emit. Odd names that Flask-SocketIO allows are not refused but relayed."""
        rooms = (room,) if isinstance(room, str) else room
        return (
            isinstance(rooms, list | tuple)
            and len(rooms) > 0
            and all(is_room_name(one) for one in rooms)
            and is_event_name(event)
            and not Packet.data_is_binary(list(data) if isinstance(data, tuple) else data)
        )

    def _relay_emit(
        self, event: str, data: Any, namespace: str, room: Any, skip: list[str], callback: Any
    ) -> None:
        number = None
        if callback is not None:
            if not isinstance(room, str):
                raise ValueError("Cannot use callback without a room set.")
            number = [self._host, self._generate_ack_id(room, callback)]
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        attachments: list[bytes] = []
        if Packet.data_is_binary(arguments):
            arguments, attachments = Packet.deconstruct_binary(arguments)
        self._relay(
            {
                "method": "emit",
                "event": event,
                "data": arguments,
                "attachments": [base64.b64encode(one).decode("ascii") for one in attachments],
                "namespace": namespace,
                "room": list(room) if isinstance(room, set | tuple) else room,
                "skip": skip,
                "callback": number,
            }
        )

    def _answer(self, owner: str, room: str, number: int, *arguments: Any) -> None:
        """A client answered: its answer goes to the process that asked."""
        if owner == self._host:
            self.trigger_callback(room, number, arguments)
        else:
            request = {"method": "answer", "owner": owner, "room": room, "number": number, "arguments": arguments}
            self._bus.relay(request)

    def _leave(self, sid: str, namespace: str, room: Any) -> None:
        super().leave_room(sid, namespace, room)
        connection = self._connections.get(sid)
        if namespace == "/" and connection is not None and isinstance(room, str):
            connection.push()
            self._hub.leave(connection, room)

    def _relay(self, payload: dict[str, Any]) -> None:
        self.ready()
        self._published = max(self._published, self._bus.relay(payload))

    def _settle(self) -> None:
        """Let what this process published before take effect first, as it does where rooms are served directly."""
        self._hub.wait_for(self._published, timeout=_SETTLE_SECONDS)


_RELAYED: dict[str, Callable[[BusManager, dict[str, Any]], None]] = {
    "emit": BusManager._relayed_emit,
    "disconnect": BusManager._relayed_disconnect,
    "enter_room": BusManager._relayed_enter_room,
    "leave_room": BusManager._relayed_leave_room,
    "close_room": BusManager._relayed_close_room,
    "answer": BusManager._relayed_answer,
}


def _as_list(skip: Iterable[str] | str | None) -> list[str]:
    if skip is None:
        return []
    return [skip] if isinstance(skip, str) else list(skip)
