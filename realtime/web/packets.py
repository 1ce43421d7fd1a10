"""Packets that many share: what rooms get, encoded once as text for polling and once as a frame for WebSockets.

This file may not know who gets them.
"""

from __future__ import annotations

from engineio import json as library_json
from engineio import packet as eio_packet

from ..message import Message
from ..wire import socketio as wire
from ..wire import websocket

__all__ = ["RoomPacket", "encode_with_id", "encode_without_id", "library_json"]


class RoomPacket(eio_packet.Packet):
    """A packet from the hub. Every other packet goes behind what the hub has pending; these are what is pending."""

    def __init__(self, text: str) -> None:
        super().__init__(eio_packet.MESSAGE, text)
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The packet as a WebSocket frame, made once for all who get it that way."""
        if self._frame is None:
            self._frame = websocket.frame(self.encode().encode())
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
