"""The client manager that puts Flask-SocketIO on the bus.

Every emit of the application to a room of the default namespace becomes a message of the log, so that it reaches SSE
subscribers and other processes too, with one id and in one order. Everything that a log cannot carry (callbacks, binary
data, other namespaces, broadcasts to everybody, single clients of another process) is relayed through the same order
and keeps its meaning. This file may not write to clients but through the server it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from socketio.packet import Packet

from ..errors import BusUnavailable
from ..names import is_event_name, is_room_name
from .outage import Outage
from .recovering import RecoveringManager

_RETRY_SECONDS = 0.5

PRIVATE_MARK = "~"
"""Ends every Socket.IO session id. No room name may contain it, so that nobody can subscribe to another's session."""


class BusManager(RecoveringManager):
    """What Flask-SocketIO calls: the parameters and meanings are python-socketio's.

    Args:
        bus: where what cannot be logged is relayed.
        pipeline: where room emits are published.
        hub: delivers what comes back, to this process's clients.
        connections: the hub's face of each client.

    Attributes:
        outage: tells clients of outages.
    """

    outage: Outage

    def initialize(self) -> None:
        """The first client is connecting: follow the bus. Where it is away, as soon as it is there.

        Requests that need the bus are told meanwhile; a client that was only put into rooms would wait for ever.
        """
        try:
            self.ready()
        except BusUnavailable:
            self.server.start_background_task(self._follow_later)

    def _follow_later(self) -> None:
        while not self._hub.draining:
            self.server.sleep(_RETRY_SECONDS)
            with suppress(BusUnavailable):
                self.ready()
                return

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **_kwargs: Any,
    ) -> None:
        """Emit to a room, a client, or everybody; the parameters are Flask-SocketIO's.

        Raises:
            InvalidValue, MessageTooLarge: the data for a room is not what the event carries, or over the size allowed.
            Refused, HookFailed: a hook refused it, or failed.
            BusUnavailable: the bus cannot be reached; nobody got it.
        """
        room = to or room
        skip = _as_list(skip_sid)
        if callback is None and namespace == "/" and self._is_message(event, data, room):
            rooms = (room,) if isinstance(room, str) else tuple(dict.fromkeys(room))
            spread = isinstance(data, tuple) or data is None
            value = self._plain(list(data or ()) if spread else data)
            self.publish(rooms, value, event=event, skip=skip, spread=spread)
        elif isinstance(room, str) and self.is_sid_room(namespace, room):
            self.settle()
            self._emit_here(event, data, namespace, room, skip, callback)
        else:
            if room is None:
                self.server.greet_caller(namespace)  # Everybody: the newcomer is one of them.
            self._relay_emit(event, data, namespace, room, skip, callback)

    def connected(self, eio_sid: str) -> str | None:
        """The id of a session's client of the default namespace, unless it is just connecting or disconnecting."""
        sid: str | None = self.sid_from_eio_sid(eio_sid, "/")
        settled = not self.pending_connect and not self.pending_disconnect
        return sid if sid is not None and (settled or self.is_connected(sid, "/")) else None

    def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Whether the server may disconnect the client itself; one of another process is asked for there."""
        if self.is_sid_room(namespace, sid):
            self.settle()
            return bool(super().can_disconnect(sid, namespace))
        self._relay({"method": "disconnect", "sid": sid, "namespace": namespace})
        return False

    def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Put a client into a room, wherever it is connected, after what this process emitted to the room before."""
        _check_not_private(room, "enter")
        if self.is_sid_room(namespace, sid):
            self.settle()
            self._enter(sid, namespace, room, eio_sid)
        elif not _is_private(sid):
            raise ValueError("sid is not connected to requested namespace")
        else:
            self._relay({"method": "enter_room", "sid": sid, "namespace": namespace, "room": room})

    def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client out of a room, after what this process emitted to it before."""
        if self.is_sid_room(namespace, sid):
            self.settle()
            self._leave(sid, namespace, room)
        else:
            self._relay({"method": "leave_room", "sid": sid, "namespace": namespace, "room": room})

    def close_room(self, room: Any, namespace: str) -> None:
        """Take everybody out of a room, in every process, after what was emitted to it before."""
        _check_not_private(room, "close")
        self._relay({"method": "close_room", "room": room, "namespace": namespace})

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        super().disconnect(sid, namespace, **kwargs)
        if namespace == "/":
            self._connections.forget(sid)

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


def _is_private(room: object) -> bool:
    return isinstance(room, str) and room.endswith(PRIVATE_MARK)


def _check_not_private(room: object, verb: str) -> None:
    """A client's own room is its private address, in whichever process it is. The words are python-socketio's."""
    if _is_private(room):
        raise ValueError(f"cannot {verb} a sid room")


def _as_list(skip: Iterable[str] | str | None) -> list[str]:
    if skip is None:
        return []
    return [skip] if isinstance(skip, str) else list(skip)
