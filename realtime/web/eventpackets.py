"""Socket.IO packets as clients may send them (Socket.IO protocol 5, "Packet encoding"), read strictly.

The library's class accepts counts of a billion attachments, text in place of an attachment, any JSON where the protocol
has an array, and events that bear the names of its own: a client could run the ``connect`` handler again. This file
may not know who sent them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from socketio import packet

from ..names import RESERVED_EVENTS
from ..wire.depth import MAX_DEPTH, is_too_deep
from .packets import BadPacket

_EVENTS: Final = frozenset({packet.EVENT, packet.BINARY_EVENT})
_HEAD: Final = re.compile(r"(?:([0-4])|([56])([0-9]{1,9})-)(?:(/[^,]*+)(?:,|\Z))?([0-9]{1,20}+)?")


class EventPacket(packet.Packet):
    """The library's packet, decoding what clients send.

    Attributes:
        max_attachments: the most that one packet may announce (CVE-2026-48804: it was any number).
        max_depth: the most that its arrays and objects may be nested.
    """

    max_attachments = 10
    max_depth = MAX_DEPTH
    namespace: str | None

    def decode(self, encoded_packet: Any) -> int:
        """Read a packet's text; return how many attachments follow.

        Raises:
            BadPacket: it breaks a rule of the protocol.
        """
        head = _HEAD.match(encoded_packet) if isinstance(encoded_packet, str) else None
        if head is None:
            raise BadPacket("not a Socket.IO packet")
        plain, binary, count, namespace, number = head.groups()
        self.packet_type = int(plain or binary)
        self.namespace = namespace.partition("?")[0] if namespace else None
        self.id = int(number) if number else None
        attachments = int(count or 0)
        if attachments > self.max_attachments:
            raise BadPacket(f"a packet may have {self.max_attachments} attachments", limit="attachments")
        rest = encoded_packet[head.end() :]
        self.data = self._parsed(rest) if rest else None
        self._check()
        return attachments

    def _parsed(self, text: str) -> Any:
        if is_too_deep(text, self.max_depth):
            raise BadPacket("the data is nested too deeply", limit="json_depth")
        try:
            # NaN and Infinity pass, which are no JSON but are what Python's clients send: where they are not taken,
            # the acknowledgement says so.
            return self.json.loads(text)
        except (ValueError, TypeError, RecursionError) as exc:
            raise BadPacket("the data is not JSON") from exc

    def _check(self) -> None:
        """What each type carries. The reference implementation calls anything else an invalid payload."""
        kind, data = self.packet_type, self.data
        if kind in _EVENTS:
            if not (isinstance(data, list) and data and isinstance(data[0], str)) or data[0] in RESERVED_EVENTS:
                raise BadPacket("an event is an array that begins with its name, which is not a reserved one")
        elif kind in {packet.ACK, packet.BINARY_ACK}:
            if not isinstance(data, list) or self.id is None:
                raise BadPacket("an acknowledgement is a number and an array")
        elif kind == packet.CONNECT:
            if not (data is None or isinstance(data, dict)) or self.id is not None:
                raise BadPacket("CONNECT carries an object, or nothing")
        elif kind == packet.DISCONNECT:
            if data is not None or self.id is not None:
                raise BadPacket("DISCONNECT carries nothing")
        else:
            raise BadPacket("clients send no CONNECT_ERROR")

    def add_attachment(self, attachment: Any) -> bool:
        """Take the next attachment; return whether it was the last.

        Raises:
            BadPacket: it is text, or a placeholder names none of them.
        """
        if not isinstance(attachment, bytes):
            raise BadPacket("text where an attachment was announced")
        return bool(super().add_attachment(attachment))

    @classmethod
    def _reconstruct_binary_internal(cls, data: Any, attachments: list[bytes]) -> Any:
        if isinstance(data, list):
            return [cls._reconstruct_binary_internal(one, attachments) for one in data]
        if not isinstance(data, dict):
            return data
        if data.get("_placeholder") is not True:
            return {name: cls._reconstruct_binary_internal(one, attachments) for name, one in data.items()}
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise BadPacket("a placeholder names an attachment by its number")
        return attachments[number]


def of_clients(kind: type, *, max_attachments: int, max_depth: int) -> type:
    """The class for a server: ours where it has the library's; a serializer of the application's own is kept."""
    if kind is not packet.Packet:
        return kind
    return type("EventPacket", (EventPacket,), {"max_attachments": max_attachments, "max_depth": max_depth})


def is_event(pkt: Any) -> bool:
    """Whether it is an event, with attachments or without."""
    return pkt.packet_type in _EVENTS
