"""Socket.IO's packets at the door (Socket.IO protocol 5): what is none ends its client's session; CONNECT comes first.

The library logs a malformed packet and keeps its client, and sends what a ``connect`` handler emits ahead of the
CONNECT packet. This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

import re
import time
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Final, Protocol

import socketio
from socketio import packet

from ..errors import RateLimited, RealtimeError
from .eventpackets import is_event
from .packets import BadPacket

_CONNECTING: ContextVar[str | None] = ContextVar("realtime_connecting", default=None)
_NAMESPACE: Final = re.compile(r"[0-9](?:[0-9]+-)?(/[^,]*),")


class Counting(Protocol):
    """Counts what a session does, in its environment, and raises ``RateLimited`` when it is once too often."""

    def event(self, eio_sid: str, environ: MutableMapping[str, Any] | None) -> None:
        """It sends an event."""

    def join(self, eio_sid: str, environ: MutableMapping[str, Any] | None) -> None:
        """It joins a room, or connects to a namespace."""


class EventDoor(socketio.Server):
    """A Socket.IO server that keeps to the protocol.

    Attributes:
        attachments_seconds: how long the attachments of one packet may take, looked at with each ping.
        greeting: guards that CONNECT is sent once.
        limits: how often a client may do what.
        max_depth: the most that arrays and objects in a packet may be nested.
    """

    attachments_seconds = 30.0
    greeting: AbstractContextManager[Any]
    limits: Counting
    max_depth: int

    def is_member(self, eio_sid: str) -> bool:
        """Whether a session is connected, or just connecting, to any namespace."""
        return any(
            self.manager.sid_from_eio_sid(eio_sid, one) is not None for one in tuple(self.manager.get_namespaces())
        )

    def is_stuck(self, eio_sid: str) -> bool:
        """Whether a session announced attachments too long ago that did not come."""
        pkt = self._binary_packet.get(eio_sid)
        return pkt is not None and time.monotonic() - pkt.since > self.attachments_seconds

    def refused(self, eio_sid: str) -> dict[str, Any] | None:
        """What a session's event is answered when it is one too many; ``None`` when it is not."""
        try:
            self.limits.event(eio_sid, self.environ.get(eio_sid))
        except RateLimited as exc:
            return {"ok": False, "error": exc.as_dict()}
        return None

    def connects_too_often(self, eio_sid: str) -> RateLimited | None:
        """Why a session's CONNECT is one too many; ``None`` when it is not."""
        try:
            self.limits.join(eio_sid, self.environ.get(eio_sid))
        except RateLimited as exc:
            return exc
        return None

    def greet(self, eio_sid: str, namespace: str) -> None:
        """Answer a CONNECT whose handler is still at it: it has something for the client, which may not come first."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        with self.greeting:
            if sid is None or not self.manager.is_pre_connected(sid, namespace):
                return
            accepted = self.accepted(eio_sid, sid)
            if not self.accept_at_once(eio_sid, namespace, accepted):
                answer = self.packet_class(packet.CONNECT, accepted, namespace=namespace)
                answer.greets = True
                self._send_packet(eio_sid, answer)
            self.manager.connect(sid, namespace)

    def greet_caller(self, namespace: str) -> None:
        """The same for the client in whose ``connect`` handler this is called, if it is called in one."""
        eio_sid = _CONNECTING.get()
        if eio_sid is not None and self.manager.pending_connect:
            self.greet(eio_sid, namespace)

    def accepted(self, eio_sid: str, sid: str) -> dict[str, Any]:  # noqa: ARG002  for who says more
        """What CONNECT is answered with."""
        return {"sid": sid}

    def accept_at_once(self, eio_sid: str, namespace: str, accepted: dict[str, Any]) -> bool:  # noqa: ARG002  the same
        """Write CONNECT's answer on a shorter way than a packet's, where there is one; whether there is."""
        return False

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        try:
            pkt = self._whole(eio_sid, data)
            if pkt is not None:
                self._dispatch(eio_sid, pkt)
        except BadPacket as exc:
            self.eio.break_off(eio_sid, str(exc), limit=exc.limit)

    def _whole(self, eio_sid: str, data: str | bytes) -> Any:
        """The packet that is whole now ("Packet encoding": attachments follow their packet, and nothing in between)."""
        pkt = self._binary_packet.get(eio_sid)
        if pkt is not None:
            if not pkt.add_attachment(data):
                return None
            del self._binary_packet[eio_sid]
            return pkt
        if not data:
            raise BadPacket("not a Socket.IO packet")
        try:
            pkt = self.packet_class(encoded_packet=data)
        except (ValueError, TypeError, LookupError, RecursionError) as exc:
            # A serializer of the application's own says it in its own way.
            raise exc if isinstance(exc, BadPacket) else BadPacket("not a Socket.IO packet") from exc
        if not pkt.attachment_count:
            return pkt
        if self.manager.sid_from_eio_sid(eio_sid, pkt.namespace or "/") is None:
            raise BadPacket("attachments for a namespace that is not connected")
        pkt.since = time.monotonic()
        self._binary_packet[eio_sid] = pkt
        return None

    def _dispatch(self, eio_sid: str, pkt: Any) -> None:
        namespace = pkt.namespace or "/"
        if pkt.packet_type == packet.CONNECT:
            if self.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
                raise BadPacket("connected to this namespace already")
            if not self._knows(namespace):
                # "Connection to a namespace": an object. The library sends a bare string, without the reason.
                refusal = self.packet_class(packet.CONNECT_ERROR, {"message": "Invalid namespace"}, namespace=namespace)
                self._send_packet(eio_sid, refusal)
                return
            error = self.connects_too_often(eio_sid)
            if error is not None:
                self._refuse_to_connect(eio_sid, namespace, error)
                return
            self._handle_connect(eio_sid, pkt.namespace, pkt.data)
        elif pkt.packet_type == packet.DISCONNECT:
            self._handle_disconnect(eio_sid, pkt.namespace, self.reason.CLIENT_DISCONNECT)
        elif self.manager.sid_from_eio_sid(eio_sid, namespace) is None:
            # It may have been disconnected while this was on its way. Who is connected to nothing has not begun.
            if not self.is_member(eio_sid):
                raise BadPacket("CONNECT comes first")
        elif is_event(pkt):
            # The application's own events count like this package's: whatever they do, they are done here.
            refused = self.refused(eio_sid)
            if refused is None:
                self._handle_event(eio_sid, pkt.namespace, pkt.id, pkt.data)
            elif pkt.id is not None:
                self._send_packet(eio_sid, self.packet_class(packet.ACK, [refused], namespace=namespace, id=pkt.id))
        elif pkt.packet_type in {packet.ACK, packet.BINARY_ACK}:
            self._handle_ack(eio_sid, pkt.namespace, pkt.id, pkt.data)
        else:
            raise BadPacket("not a packet that a client sends")

    def _knows(self, namespace: str) -> bool:
        known = namespace in self.handlers or namespace in self.namespace_handlers
        return known or self.namespaces == "*" or namespace in self.namespaces

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        mark = _CONNECTING.set(eio_sid)
        try:
            if self.asks_on_connect(namespace or "/"):
                super()._handle_connect(eio_sid, namespace, data)
            else:
                self._connect(eio_sid, namespace or "/")
        except Exception:  # noqa: BLE001  the application's, of any kind
            # The library leaves such a client waiting for ever.
            self._fail_to_connect(eio_sid, namespace or "/")
        finally:
            _CONNECTING.reset(mark)

    def asks_on_connect(self, namespace: str) -> bool:
        """Whether code of the application has a say in who connects."""
        return bool("connect" in self.handlers.get(namespace, {}) or self.handlers.get("*") or self.namespace_handlers)

    def _connect(self, eio_sid: str, namespace: str) -> None:
        """The same where nobody is asked."""
        if self.manager.pre_connect(eio_sid, namespace) is None:
            refusal = self.packet_class(packet.CONNECT_ERROR, {"message": "Unable to connect"}, namespace=namespace)
            self._send_packet(eio_sid, refusal)
        else:
            self.greet(eio_sid, namespace)

    def _refuse_to_connect(self, eio_sid: str, namespace: str, error: RealtimeError) -> None:
        """ "Connection to a namespace": stock clients have ``data`` as that of the error."""
        answer = {"message": error.message, "data": error.as_dict()}
        self._send_packet(eio_sid, self.packet_class(packet.CONNECT_ERROR, answer, namespace=namespace))

    def _fail_to_connect(self, eio_sid: str, namespace: str) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if eio_sid in self.environ:
            self.logger.exception("a connect handler failed")  # noqa: LOG004  called by one
            answer = {"message": "the server failed; it was logged"}
            self._send_packet(eio_sid, self.packet_class(packet.CONNECT_ERROR, answer, namespace=namespace))
        if sid is not None:
            self.manager.disconnect(sid, namespace, ignore_queue=True)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._binary_packet.pop(eio_sid, None)
        super()._handle_eio_disconnect(eio_sid, reason)

    def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        if self.manager.pending_connect or pkt.packet_type in {packet.CONNECT, packet.CONNECT_ERROR}:
            pkt = self._in_order(eio_sid, pkt)
        if pkt is not None:
            super()._send_packet(eio_sid, pkt)

    def _in_order(self, eio_sid: str, pkt: Any) -> Any:
        """ "Connection to a namespace": CONNECT, or CONNECT_ERROR, is the first that a client gets of a namespace."""
        namespace = pkt.namespace or "/"
        if pkt.packet_type == packet.CONNECT:
            if getattr(pkt, "greets", False):
                return pkt
            self.greet(eio_sid, namespace)  # if it has not been yet
            return None
        if pkt.packet_type == packet.CONNECT_ERROR:
            sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
            if sid is not None and not self.manager.is_pre_connected(sid, namespace):
                # It was greeted before it was refused.
                return self.packet_class(packet.DISCONNECT, namespace=namespace)
            return pkt
        self.greet(eio_sid, namespace)
        return pkt

    def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> None:
        if self.manager.pending_connect and isinstance(eio_pkt.data, str):
            named = _NAMESPACE.match(eio_pkt.data)
            self.greet(eio_sid, named[1] if named else "/")
        super()._send_eio_packet(eio_sid, eio_pkt)
