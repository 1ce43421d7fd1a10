"""Engine.IO's socket, with its heartbeat in one task for all, and its WebSocket handed over where the server can.

Two seams of python-engineio that are no override of a method: its server makes the sockets itself, so that the table
they are put
into turns them into ours; and its queue says here when its writer comes back for more. This file may not know rooms.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import engineio
import engineio.socket
from engineio import packet as eio_packet

from ..concurrency import Concurrency
from .connection import SocketConnection
from .link import Link


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


class EngineSocket(engineio.socket.Socket):
    """One Engine.IO session. ``link`` is its WebSocket once that was handed over, until then ``None``."""

    link: Link | None = None
    server: Any
    connected: bool
    last_ping: float | None

    @classmethod
    def directly(cls, server: Any, sid: str) -> EngineSocket:
        """A session that begins on a WebSocket: it never polls, so that it needs no queue."""
        session = cls.__new__(cls)
        session.server, session.sid, session.queue, session.session = server, sid, _NO_QUEUE, {}
        session.last_ping = None
        session.connected = session.upgraded = True
        session.upgrading = session.closing = session.closed = False
        return session

    def owned_by(self, connection: SocketConnection) -> None:
        """Let the hub's connection write through this session."""
        if self.queue is not _NO_QUEUE:
            self.queue.owner = connection
        if self.link is not None:
            connection.link, self.link.connection = self.link, connection

    def send(self, pkt: Any) -> None:
        """Send a packet: directly where the socket was handed over, else through the queue."""
        if self.link is None:
            super().send(pkt)
        elif self.check_ping_timeout():
            self.link.send(pkt)

    def check_ping_timeout(self) -> bool:
        """Whether the client still answers. If not, it is closed, which runs the application's disconnect handlers:
        not in the task that found out, which may be the one that delivers to everybody.
        """
        if not self.closed and self.last_ping and time.monotonic() - self.last_ping >= self.server.ping_timeout:
            if not self.closing:
                self.server.start_background_task(self.close, wait=False, reason=self.server.reason.PING_TIMEOUT)
            return False
        if self.closed:
            raise engineio.exceptions.SocketIsClosedError
        return True

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session."""
        link = self.link
        super().close(wait=wait and link is None, abort=abort, reason=reason)
        # The library forgets a session when a request meets it again, or when a task that looks at all of them does.
        self.server.sockets.pop(self.sid, None)
        if link is not None:
            link.finish()

    def hears(self, message: bytes) -> bool:
        """Whether a text was a PONG, which counts when it is read: what the client said before may take its time."""
        if message != b"3":
            return False
        self.schedule_ping()
        return True

    def schedule_ping(self) -> None:
        """The client answered: the next ping is due in one interval. The library spends a task on each."""
        if self.last_ping:
            self.last_ping = None
            self.server.pings.add(self)

    def ping(self) -> None:
        """Send the ping that is due."""
        if not self.closing and not self.closed:
            self.last_ping = time.monotonic()
            self.server.deadlines.add(self)
            self.send(eio_packet.Packet(eio_packet.PING))

    def expire(self) -> None:
        """The time for the answer to a ping is over."""
        if not self.closing and not self.closed:
            self.check_ping_timeout()

    def _websocket_handler(self, ws: Any) -> list[Any]:
        handler = getattr(getattr(ws, "_sock", None), "handler", None)
        if handler is None or not hasattr(handler, "give_socket"):
            answer: list[Any] = super()._websocket_handler(ws)
            return answer
        if self.connected and not self._upgraded_by(ws, handler):
            return []
        self.connected = self.upgraded = True
        self.upgrading = False
        fd, ahead, poller = handler.give_socket()
        self.link = Link(socket=self, fd=fd, poller=poller, max_bytes=self.server.max_http_buffer_size)
        while not self.queue.empty():
            pkt = self.queue.get(block=False)
            # The NOOP that ends a poll has nothing to end here.
            if pkt is not None and pkt.packet_type != eio_packet.NOOP:
                self.link.send(pkt)
        if self.queue.owner is not None:
            self.owned_by(self.queue.owner)
        self.link.open(ahead)
        return []

    def _upgraded_by(self, ws: Any, handler: Any) -> bool:
        """The probe of Engine.IO's upgrade: PING probe, PONG probe, then UPGRADE. Until then polling goes on."""
        handler.socket.settimeout(self.server.ping_interval + self.server.ping_timeout)
        self.upgrading = True
        try:
            if ws.wait() != "2probe":
                return False
            ws.send(eio_packet.Packet(eio_packet.PONG, data="probe").encode())
            self.queue.put(eio_packet.Packet(eio_packet.NOOP))  # ends the poll that waits
            return bool(ws.wait() == "5")
        finally:
            self.upgrading = False


class _NoQueue:
    """In place of the queue of a session that writes directly: nobody waits for what is put in."""

    def put(self, _pkt: Any) -> None:
        """A session that ends puts ``None`` for its writer."""

    def join(self) -> None:
        """Everything is written."""

    def qsize(self) -> int:
        """Nothing waits here."""
        return 0


_NO_QUEUE: Final = _NoQueue()


class Sockets(dict[str, Any]):
    """Engine.IO's table of sessions, which turns each into ours as it is put in."""

    def __setitem__(self, sid: str, socket: Any) -> None:
        if type(socket) is engineio.socket.Socket:
            socket.__class__ = EngineSocket
        super().__setitem__(sid, socket)


class Delays:
    """Things to do for sessions, each one delay after it was added: one task for all of them.

    All have the same delay, so that the order of adding is the order in time.

    Args:
        concurrency: for the one task.
        delay: seconds.
        action: what to do. It may not block.
    """

    def __init__(self, *, concurrency: Concurrency, delay: float, action: Callable[[EngineSocket], None]) -> None:
        self._concurrency = concurrency
        self._delay = delay
        self._action = action
        self._due: deque[tuple[float, EngineSocket]] = deque()
        self._mutex = concurrency.mutex()
        self._running = False

    def add(self, socket: EngineSocket) -> None:
        """It is due in one delay."""
        with self._mutex:
            self._due.append((time.monotonic() + self._delay, socket))
            if self._running:
                return
            self._running = True
        self._concurrency.spawn(self._run, name="realtime-heartbeats")

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._due:
                    self._running = False
                    return
                due, socket = self._due[0]
            wait = due - time.monotonic()
            if wait > 0:
                self._concurrency.sleep(wait)
                continue
            self._due.popleft()
            try:
                self._action(socket)
            except Exception:
                socket.server.logger.exception("a heartbeat failed")
