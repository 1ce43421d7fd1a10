"""Engine.IO's socket, with its WebSocket handed over where the server can.

Each override names the rule that it keeps. This file may not know rooms.
"""

from __future__ import annotations

import socket
from typing import Any, Final

import engineio
import engineio.socket
from engineio import packet as eio_packet

from ..serve.handshake import LateWebSocket
from ..wire import websocket as wire
from .connection import SocketConnection
from .enginepolling import EMPTY, PAYLOAD_BYTES, PYTHON_PACKETS, Polls, encoded
from .enginequeue import NO_QUEUE
from .heartbeat import BeatingSocket
from .link import Link
from .packets import BadPacket
from .portable import BlockingWebSocket, converse, probed
from .quota import Slot

_LATER: Final = object()


class EngineSocket(BeatingSocket):
    """One Engine.IO session.

    Attributes:
        link: its WebSocket, once that was handed over.
        portable: its WebSocket, where it cannot be handed over.
        polls: its long polling, if it began with that.
        is_python: its client is python-engineio's, and polls.
        farewell: code and reason for the close frame.
        slot: what it takes up of what somebody may have open.
        broken: the rule that its client broke, which ended it.
    """

    link: Link | None = None
    portable: Any = None
    polls: Polls | None = None
    is_python = False
    farewell: tuple[int, str] = (wire.NORMAL, "")
    slot: Slot | None = None
    broken = ""
    server: Any
    connected: bool

    @classmethod
    def directly(cls, server: Any, sid: str) -> EngineSocket:
        """A session that begins on a WebSocket: it never polls, so that it needs no queue."""
        session = cls.__new__(cls)
        session.server, session.sid, session.queue, session.session = server, sid, NO_QUEUE, {}
        session.last_ping = None
        session.connected = session.upgraded = True
        session.upgrading = session.closing = session.closed = False
        return session

    def owned_by(self, connection: SocketConnection) -> None:
        """Let the hub's connection write through this session."""
        if self.queue is not NO_QUEUE:
            self.queue.owner = connection
        if self.link is not None:
            connection.link, self.link.connection = self.link, connection

    def send(self, pkt: Any) -> None:
        """Send a packet: directly where the socket was handed over, else through the queue."""
        if self.link is None:
            super().send(pkt)
        elif self.check_ping_timeout():
            self.link.send(pkt)

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session."""
        link = self.link
        self.give_back()  # Before code of the application runs: its client may be back by then.
        super().close(wait=wait and link is None, abort=abort, reason=reason)
        # The library forgets a session when a request meets it again, or when a task that looks at all of them does.
        self.server.sockets.pop(self.sid, None)
        if link is not None:
            # Who did not answer a ping will not say goodbye, either.
            link.finish(*self.farewell, wait=reason != self.server.reason.PING_TIMEOUT)
        elif reason != self.server.reason.TRANSPORT_CLOSE and hasattr(self.portable, "abort_soon"):
            # Its writer may be stuck with what the client does not take.
            late = reason == self.server.reason.PING_TIMEOUT
            self.portable.abort() if late else self.portable.abort_soon()

    def give_back(self) -> None:
        """It takes up nothing any more. Harmless when repeated."""
        if self.slot is not None:
            self.slot.free()

    def break_off(self, text: str, *, limit: str = "packets") -> None:
        """The client broke a rule: end this session, and only this one.

        A WebSocket is closed with 1002, for abuse 1008 (RFC 6455, 7.4.1), a poll that waits is answered with CLOSE.

        Args:
            text: which rule.
            limit: what it counts as.
        """
        if self.closing or self.closed:
            return
        self.server.refuse(limit)
        self.server.doubts.warn("a Socket.IO client was dropped: %s", text)
        code = wire.POLICY_VIOLATION if limit == "abuse" else wire.PROTOCOL_ERROR
        self.broken, self.farewell = text, (code, text)
        if self.link is not None:
            self.link.finish(*self.farewell)  # Nothing that the application says meanwhile goes out any more.
        self.close(wait=False, abort=self.upgraded, reason=self.server.reason.TRANSPORT_ERROR)

    def go_away(self) -> None:
        """This server is going: the client may come back elsewhere (RFC 6455, 7.4.1: 1001)."""
        self.farewell = (wire.GOING_AWAY, "")
        # Not CLOSE, where a WebSocket's end says it all: python-engineio's client stays away for good after one.
        # Without waiting: one slow client would hold up the farewell to all others.
        self.close(wait=False, abort=self.upgraded or self.is_python)

    def receive(self, pkt: Any) -> None:
        """Handle one packet of the client.

        Raises:
            BadPacket: only servers send it. (The library sends a stray NOOP for an UPGRADE out of place.)
        """
        if pkt.packet_type == eio_packet.MESSAGE:
            self.server._trigger_event("message", self.sid, pkt.data, run_async=self.server.async_handlers)
        elif pkt.packet_type in {eio_packet.PONG, eio_packet.CLOSE}:
            super().receive(pkt)
        else:
            raise BadPacket("not a packet that a client sends")

    def poll(self) -> list[Any]:
        """Wait for packets to send, and take them; past a bound the rest waits. Nothing, once the session is closed.

        Raises:
            QueueEmpty: nothing came for longer than a heartbeat takes.
        """
        empty = self.server.get_queue_empty_exception()
        try:
            one = self.queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)
        except empty:
            raise engineio.exceptions.QueueEmpty from None
        packets: list[Any] = []
        size = 0
        while one is not None:
            self.queue.task_done()
            packets.append(one)
            size += len(one.data) if isinstance(one.data, str | bytes) else 0
            try:
                full = size >= PAYLOAD_BYTES or (self.is_python and len(packets) == PYTHON_PACKETS)
                one = _LATER if full else self.queue.get(block=False)
            except empty:
                break
            if one is _LATER:
                break
        else:
            self.queue.task_done()
            if packets:
                self.queue.put(None)  # That it is over is said next time.
        return packets

    def next_payload(self) -> bytes:
        """What answers a poll ("HTTP long-polling"): NOOP while the session is upgraded, and once it is closed."""
        if self.upgrading or self.upgraded:
            return EMPTY
        return encoded(self.poll()) or EMPTY

    def expect_connect(self) -> None:
        """The time to connect to a namespace is over (Socket.IO protocol, "Connection to a namespace")."""
        if not self.closing and not self.closed and not self.server.is_member(self.sid):
            # Closing may run code of the application: not in the one task for all.
            self.server.start_background_task(self.break_off, "no CONNECT in time", limit="connect_timeout")

    def _upgrade_websocket(self, environ: dict[str, Any], start_response: Any) -> Any:
        asked: Any = environ.get("wsgi.websocket")
        if not isinstance(asked, LateWebSocket):
            return super()._upgrade_websocket(environ, start_response)
        if not asked.can_give or not self.connected:
            lent, head, ahead = asked.lend_socket()
            ws = BlockingWebSocket(lent, parser=self.server.parser(), refuse=self.server.refuse, ahead=ahead)
            ws.send_frames(head)
            return self._websocket_handler(ws)
        fd, head, ahead, poller = asked.take_socket()
        # Where sockets can be given away, this is gevent's: nobody else waits for the probe.
        given, parser = socket.socket(fileno=fd), self.server.parser()
        ws = BlockingWebSocket(given, parser=parser, refuse=self.server.refuse, ahead=ahead)
        ws.send_frames(head)
        if probed(self, ws):
            self._take_over(ws, poller)
        else:
            ws.close(wire.PROTOCOL_ERROR, "a probe was expected")
            ws.end()
        return []

    def _take_over(self, ws: BlockingWebSocket, poller: Any) -> None:
        """The client has changed to its WebSocket: what was queued for polling goes there, first."""
        fd, parser, messages = ws.detach()
        self.link = Link(socket=self, fd=fd, poller=poller, parser=parser)
        while not self.queue.empty():
            pkt = self.queue.get(block=False)
            # The NOOP that ends a poll has nothing to end here.
            if pkt is not None and pkt.packet_type != eio_packet.NOOP:
                self.link.send(pkt)
        owner = self.queue.owner
        if owner is not None:
            self.owned_by(owner)
        self.link.open(messages=messages)
        if owner is not None:
            # What came while something was queued waits for a poll to come back for more, and there is none any more.
            owner.wake()

    def _websocket_handler(self, ws: Any) -> list[Any]:
        if self.connected and not probed(self, ws):
            ws.close()
        else:
            self.connected = self.upgraded = True
            converse(self, ws)
        return []
