"""Engine.IO packets: those that many share, encoded once for each transport, and what a client sent, read strictly.

This file may not know who gets or sent them.
"""

from __future__ import annotations

import base64
from typing import Final

from engineio import json as library_json
from engineio import packet as eio_packet

from ..message import Message
from ..wire import socketio as wire
from ..wire import websocket

__all__ = ["BadPacket", "RoomPacket", "encode_with_id", "encode_without_id", "library_json", "read", "read_payload"]

SEPARATOR: Final = "\x1e"

_OF_CLIENTS: Final = {str(one): one for one in (eio_packet.CLOSE, eio_packet.PONG, eio_packet.MESSAGE)}


class BadPacket(ValueError):
    """A client sent what is no packet, or none that clients send. It costs the client its session.

    Args:
        text: which rule it breaks.
        limit: what it counts as.
    """

    def __init__(self, text: str, *, limit: str = "packets") -> None:
        super().__init__(text)
        self.limit = limit


class RoomPacket(eio_packet.Packet):
    """A packet from the hub. Every other packet goes behind what the hub has pending; these are what is pending."""

    def __init__(self, text: str) -> None:
        super().__init__(eio_packet.MESSAGE, text)
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The packet as a WebSocket frame, made once for all who get it that way."""
        if self._frame is None:
            self._frame = websocket.frame(f"{eio_packet.MESSAGE}{self.data}".encode())
        return self._frame


def encode_with_id(message: Message) -> RoomPacket:
    """The packet that every client of a room shares: ``event(data, id)``."""
    return RoomPacket(wire.encode(message, ids=True))


def encode_without_id(message: Message) -> RoomPacket:
    """The same for clients that asked for events without ids: ``event(data)``."""
    return RoomPacket(wire.encode(message, ids=False))


def framed(pkt: eio_packet.Packet) -> bytes:
    """An Engine.IO packet as one WebSocket frame."""
    encoded = pkt.encode()
    if isinstance(encoded, str):
        return websocket.frame(encoded.encode())
    return websocket.frame(bytes(encoded), websocket.BINARY)


def read(data: str | bytes) -> eio_packet.Packet:
    """What a client sent as one WebSocket message (Engine.IO protocol, "Packet encoding").

    The library takes any digit for a type and parses the text of a message as JSON, which is Socket.IO's to do. What
    only servers send, and what belongs to an upgrade, is no packet here.

    Raises:
        BadPacket: it is no packet that a client sends.
    """
    if isinstance(data, bytes):
        return eio_packet.Packet(eio_packet.MESSAGE, data)
    kind = _OF_CLIENTS.get(data[:1])
    if kind is None:
        raise BadPacket("not a packet that a client sends")
    return eio_packet.Packet(kind, data[1:])


def read_payload(body: bytes) -> list[eio_packet.Packet]:
    """What a client posted (Engine.IO protocol, "Packet encoding"): packets between separators, bytes in base64.

    Their number has no bound of its own: the body has one. The library takes sixteen at once, and the stock client of
    browsers sends more.

    Raises:
        BadPacket: one of them is none; none of them is handled then.
    """
    try:
        return [_polled(one) for one in body.decode().split(SEPARATOR)]
    except UnicodeDecodeError as exc:
        raise BadPacket("a payload is UTF-8") from exc


def _polled(text: str) -> eio_packet.Packet:
    if text[:1] == "b":
        try:
            return eio_packet.Packet(eio_packet.MESSAGE, base64.b64decode(text[1:], validate=True))
        except ValueError as exc:  # binascii's own error, and a plain one for what is not ASCII
            raise BadPacket("what follows a b is base64") from exc
    return read(text)
