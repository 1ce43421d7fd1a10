"""How what the hub has for a Socket.IO client is written: into Engine.IO's queue, or frames for a WebSocket of our own.

The lower half of ``connection``. Nothing here reads the log or decides what a client gets.
"""

from __future__ import annotations

from typing import Any, Final

from ..concurrency import Concurrency, Event
from ..errors import ConnectionClosed
from ..hub.connection import State
from ..hub.groups import Group, SharingConnection
from ..hub.hub import Hub
from ..hub.polling import Writer
from ..message import Position
from ..wire import socketio as wire
from .packets import RoomPacket, encode_with_id, encode_without_id

DRAIN_SECONDS: Final = 1.0
"""How long to wait for a client before looking whether it is still there."""


class SocketOutput(SharingConnection):
    """The output of one client; the parameters are ``SocketConnection``'s.

    Attributes:
        engine_id: its Engine.IO session id.
        hub: where it subscribes.
        link: its WebSocket, once that was handed over.
    """

    __slots__ = ("_concurrency", "_queueing", "_server", "_unwritten", "_written", "engine_id", "hub", "link")

    transport = "socketio"
    ends_without_rooms = False
    told_by_hub = False

    def __init__(self, sid: str, eio_sid: str, *, server: Any, hub: Hub, concurrency: Concurrency, ids: bool) -> None:
        super().__init__(sid, encode_with_id if ids else encode_without_id)
        self.engine_id = eio_sid
        self.hub = hub
        self.link: Writer | None = None
        self._server = server
        self._concurrency = concurrency
        # What belongs together is queued together; nothing waits meanwhile.
        self._queueing = concurrency.mutex()
        self._written: Event | None = None
        self._unwritten = 0

    @property
    def carrier(self) -> str:
        socket = self._server.eio.sockets.get(self.engine_id)
        return "websocket" if self.link is not None or (socket is not None and socket.upgraded) else "polling"

    def size(self, payload: Any) -> int:
        return len(payload.data)

    def reset(self, cursor: Position) -> list[Any]:
        return self.control("realtime.reset", {"cursor": str(cursor)})

    def control(self, event: str, data: Any) -> list[Any]:
        return [RoomPacket(wire.encode_control(event, data))]

    def farewell(self, retry_ms: int) -> list[Any]:
        return self.control("realtime.closing", {"retry": retry_ms})

    def put(self, data: bytes) -> None:
        if self.link is not None:
            self.link.put(data)

    def flush_soon(self, group: Group) -> None:
        if self.link is not None:
            poller = self.link.poller
            poller.soon(group) if group.gathering is None else poller.gather(group)

    def joined(self, payloads: list[Any]) -> bytes:
        return payloads[0].frame if len(payloads) == 1 else b"".join([payload.frame for payload in payloads])

    def _enqueue(self, payloads: list[Any]) -> None:
        self._unwritten += sum(map(self.size, payloads))
        with self._queueing:
            if self.link is not None:
                self.link.send_joined(self.joined(payloads) if payloads else b"")
                return
            for payload in payloads:
                self._server._send_eio_packet(self.engine_id, payload)

    def _queued(self) -> int:
        if self.link is not None:
            return int(self.link.busy)
        socket = self._server.eio.sockets.get(self.engine_id)
        return 0 if socket is None else socket.queue.qsize()

    def _wait_until_written(self) -> None:
        """Wait until Engine.IO's writer has taken what is queued. A client that is gone ends the wait."""
        written = self._written = self._written or self._concurrency.event()
        written.clear()
        while self._queued() > 0 and not written.wait(DRAIN_SECONDS):
            if self.state is State.CLOSED:
                raise ConnectionClosed("the connection is closed")
