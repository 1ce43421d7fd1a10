"""What one process asks of all: the half of the client manager that speaks over the bus and is spoken to.

Emits that a log cannot carry, and requests about clients of another process, travel as payloads in the order of the
log and are done by every process, the asking one included. What comes back is from a shared place: a wrong payload is
left out. This file decides nothing about what an application's call means.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from socketio.packet import Packet

from ..bus.base import Bus, Outcome, Published
from ..errors import ConnectionClosed, RealtimeError
from ..hub.hub import Hub
from ..message import START, Message, Position
from ..names import is_room_name
from ..seldom import Seldom
from .clients import Clients
from .connection import SocketConnection
from .connections import SocketConnections
from .packets import library_json
from .pipeline import Pipeline

_SETTLE_SECONDS = 1.0
_WRONG = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, RealtimeError)


class RelayingManager(Clients):
    """Keeps the clients of this process and relays what concerns those of others.

    Args:
        bus: where what cannot be logged is relayed.
        pipeline: where room emits are published.
        hub: delivers what comes back, to this process's clients.
        connections: the hub's face of each client.

    Attributes:
        ready: makes sure that this process follows the bus; called before each use of it.
    """

    def __init__(self, *, bus: Bus, pipeline: Pipeline, hub: Hub, connections: SocketConnections) -> None:
        super().__init__()
        self._bus = bus
        self._pipeline = pipeline
        self._hub = hub
        self._connections = connections
        self.shared = bus.shared
        self._published = START
        self._host = secrets.token_hex(8)
        self._doubts = Seldom(logging.getLogger(__name__))
        self.ready: Callable[[], None] = lambda: None

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

    def publish(self, rooms: str | Sequence[str], data: object, **options: Any) -> Position:
        """Publish and remember how far this process must have delivered before what it does next takes effect.

        Args and raises: as ``Pipeline.publish``.
        """
        published = self._pipeline.publish(rooms, data, **options).id
        self._published = max(self._published, published)
        return published

    def publish_all(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """The same for several that were prepared; nothing is raised."""
        outcomes = self._pipeline.publish_all(messages)
        for one in outcomes:
            if isinstance(one, Published) and one.id > self._published:
                self._published = one.id
        return outcomes

    def relayed(self, payload: dict[str, Any]) -> None:
        """Do what a process asked of all. The payload comes from a shared place: a wrong one is left out."""
        try:
            handle = _RELAYED[payload["method"]]
            handle(self, payload)
        except _WRONG as exc:
            self._doubts.warn("a relayed request was left out: %s", repr(exc))

    def _relayed_emit(self, request: dict[str, Any]) -> None:
        callback = request["callback"]
        if callback is not None:
            owner, number = callback
            callback = partial(self._answer, str(owner), str(request["room"]), int(number))
        event, namespace, arguments = str(request["event"]), str(request["namespace"]), tuple(_unpacked(request))
        self._emit_here(event, arguments, namespace, request["room"], list(request["skip"]), callback)

    def _relayed_disconnect(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_connected(sid, namespace):
            # The application's handler runs: not in the one task that delivers to everybody, which goes on without it.
            self.leaving.add((namespace, sid))
            if namespace == "/" and (connection := self._connections.get(sid)) is not None:
                for room in tuple(connection.rooms):
                    self._hub.leave(connection, room)
            self.server.start_background_task(self.server.disconnect, sid, namespace=namespace, ignore_queue=True)

    def _relayed_enter_room(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_sid_room(namespace, sid):
            self._enter(sid, namespace, request["room"])

    def _relayed_leave_room(self, request: dict[str, Any]) -> None:
        sid, namespace = str(request["sid"]), str(request["namespace"])
        if self.is_sid_room(namespace, sid) and request["room"] is not None:
            self._leave(sid, namespace, request["room"])

    def _relayed_close_room(self, request: dict[str, Any]) -> None:
        room, namespace = request["room"], str(request["namespace"])
        if room is None or self.is_sid_room(namespace, room):
            # Under these names the library keeps who is connected, and each client's own address.
            raise ValueError("not a room that can be closed")
        for sid, _ in list(self.get_participants(namespace, room)):
            self._leave(sid, namespace, room)

    def _relayed_answer(self, request: dict[str, Any]) -> None:
        if request["owner"] == self._owner:
            room, number, arguments = str(request["room"]), int(request["number"]), _unpacked(request)
            self.server.start_background_task(self.trigger_callback, room, number, arguments)

    def _emit_here(self, event: str, data: Any, namespace: str, room: Any, skip: list[str], callback: Any) -> None:
        """Emit to the clients of this process."""
        arguments = _listed(data)
        if callback is None and Packet.data_is_binary(arguments):
            # The library queues a packet and its attachments one by one; they must stay together.
            packet = self.server.packet_class(data=[event, *arguments], namespace=namespace)
            for sid, eio_sid in self.get_participants(namespace, room):
                if sid not in skip:
                    self.server._send_packet(eio_sid, packet)
        else:
            super().emit(event, data, namespace, room=room, skip_sid=skip, callback=callback)

    def _relay_emit(self, event: str, data: Any, namespace: str, room: Any, skip: list[str], callback: Any) -> None:
        number = None
        if callback is not None:
            if not isinstance(room, str):
                raise ValueError("Cannot use callback without a room set.")
            number = [self._owner, self._generate_ack_id(room, callback)]
        packed = _packed(_listed(data))
        self._relay(
            {
                "method": "emit",
                "event": event,
                "data": self._plain(packed["data"]),
                "attachments": packed["attachments"],
                "namespace": namespace,
                "room": list(room) if isinstance(room, set | tuple) else room,
                "skip": skip,
                "callback": number,
            }
        )

    def _answer(self, owner: str, room: str, number: int, *arguments: Any) -> None:
        """A client answered: its answer goes to the process that asked."""
        if owner == self._owner:
            self.trigger_callback(room, number, arguments)
        else:
            request = {"method": "answer", "owner": owner, "room": room, "number": number}
            self._bus.relay(request | _packed(list(arguments)))

    @property
    def _owner(self) -> str:
        """This process's name as the one that asked. After a fork it is another's."""
        return f"{self._host}.{os.getpid()}"

    def _enter(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        super().enter_room(sid, namespace, room, eio_sid=eio_sid)
        if namespace == "/" and is_room_name(room):
            self._hub.join(self.connection(sid), room)

    def _leave(self, sid: str, namespace: str, room: Any) -> None:
        super().leave_room(sid, namespace, room)
        connection = self._connections.get(sid)
        if namespace == "/" and connection is not None and isinstance(room, str):
            connection.push()
            self._hub.leave(connection, room)

    def _relay(self, payload: dict[str, Any]) -> None:
        self.ready()
        self._published = max(self._published, self._bus.relay(payload))

    def _plain(self, value: Any) -> Any:
        """What the application's own JSON (Flask-SocketIO's ``json=``) makes of a value: dates and such become text."""
        return value if self.json is library_json else json.loads(self.json.dumps(value))

    @property
    def settled(self) -> bool:
        """Whether ``settle`` would not wait."""
        return self._hub.position >= self._published

    def settle(self) -> None:
        """Let what this process published before take effect first, as it does where rooms are served directly.

        Never in the task that delivers: it would wait for itself.
        """
        if not self._hub.wait_for(self._published, timeout=_SETTLE_SECONDS):
            # The bus is away. What comes next is not made to wait for the same again.
            self._published = START


def _listed(data: Any) -> list[Any]:
    """The arguments of an emit, as python-socketio reads them."""
    return list(data) if isinstance(data, tuple) else [] if data is None else [data]


def _packed(arguments: list[Any]) -> dict[str, Any]:
    """Arguments that may be binary, as JSON can carry them."""
    attachments: list[bytes] = []
    if Packet.data_is_binary(arguments):
        arguments, attachments = Packet.deconstruct_binary(arguments)
    return {"data": arguments, "attachments": [base64.b64encode(one).decode("ascii") for one in attachments]}


def _unpacked(request: dict[str, Any]) -> list[Any]:
    """What ``_packed`` packed."""
    attachments = [base64.b64decode(one, validate=True) for one in request["attachments"]]
    return list(Packet.reconstruct_binary(request["data"], attachments) if attachments else request["data"])


_RELAYED: dict[str, Callable[[RelayingManager, dict[str, Any]], None]] = {
    "emit": RelayingManager._relayed_emit,
    "disconnect": RelayingManager._relayed_disconnect,
    "enter_room": RelayingManager._relayed_enter_room,
    "leave_room": RelayingManager._relayed_leave_room,
    "close_room": RelayingManager._relayed_close_room,
    "answer": RelayingManager._relayed_answer,
}
