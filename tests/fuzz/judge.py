"""Who is to be closed: what independent implementations of the protocols say (wsproto for RFC 6455, h11 for RFC 9112),
and for packets a second reading of the two protocol documents. Nothing of the project is imported here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable

import h11
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

MOST_ATTACHMENTS = 10
_PACKET = re.compile(r"([0-6])(?:(\d+)-)?(?:(/[^,]*)(?:,|$))?(\d*)(.*)", re.DOTALL)


def frames(data: bytes) -> str:
    """``bad``, ``closing`` (it says goodbye), ``partial`` (more is to come), or ``fine``."""
    protocol = FrameProtocol(client=False, extensions=[])
    whole, head = _ends(data)
    # Text may be checked when the frame is whole (RFC 6455, 8.1): of one that is not, wsproto is shown the head alone.
    protocol.receive_bytes(data[:head])
    try:
        for one in protocol.received_frames():
            if one.opcode is Opcode.CLOSE:
                # wsproto answers some wrong codes by itself.
                code = one.payload[0] if one.payload else None
                return "bad" if code == CloseReason.PROTOCOL_ERROR else "closing"
    except ParseFailed as exc:
        # What is no text may be found with each fragment or with the whole message (RFC 6455, 8.1).
        if exc.code != CloseReason.INVALID_FRAME_PAYLOAD_DATA:
            return "bad"
    return "fine" if whole == len(data) else "partial"


def _ends(data: bytes) -> tuple[int, int]:
    """Where the last whole frame ends, and where the head of the one behind it does."""
    start = 0
    while True:
        if len(data) - start < 2:
            return start, len(data)
        size, body = data[start + 1] & 0x7F, start + 2
        if size >= 126:
            length = 2 if size == 126 else 8
            size, body = int.from_bytes(data[body : body + length], "big"), body + length
        body += 4 if data[start + 1] & 0x80 else 0
        if body + size > len(data):
            return start, min(body, len(data))
        start = body + size


def request(data: bytes) -> str:
    """``bad``, ``partial`` or ``fine``: the head of the first request. Empty lines before it are passed over
    (RFC 9112, 2.2).
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(data.lstrip(b"\r\n"))
        return "partial" if connection.next_event() is h11.NEED_DATA else "fine"
    except h11.RemoteProtocolError:
        return "bad"


class _Bad(Exception):
    pass


def packets(said: Iterable[str | bytes]) -> bool:
    """Whether the packets of one client of the default namespace, already connected, break a rule of Engine.IO 4 or
    Socket.IO 5. Only what no reading of the documents allows counts; ``said`` ends with whatever ends the session.
    """
    waited = 0
    try:
        for one in said:
            if isinstance(one, str) and one[:1] == "b":
                one = _decoded(one[1:])  # noqa: PLW2901  what it stands for
            if isinstance(one, bytes):
                if not waited:
                    return True
                waited -= 1
                continue
            kind, text = one[:1], one[1:]
            if kind == "1":
                return False
            if kind not in {"2", "3", "4", "5", "6"}:
                return True
            if kind == "4":
                if waited:
                    return True
                waited = _checked(text)
                if text[:1] == "1":
                    return False
    except _Bad:
        return True
    return False


def _checked(text: str) -> int:
    """How many attachments follow."""
    match = _PACKET.fullmatch(text)
    if match is None:
        raise _Bad
    kind, count, _namespace, _number, rest = match.groups()
    if (count is not None) != (kind in "56"):
        raise _Bad
    if count is not None and (not count.isascii() or int(count[:9]) > MOST_ATTACHMENTS):
        raise _Bad
    if kind in "01" and not rest:
        return 0
    try:
        data = json.loads(rest)
    except (ValueError, RecursionError):
        raise _Bad from None
    if kind in "25" and not (isinstance(data, list) and data and isinstance(data[0], str | int)):
        raise _Bad
    if kind in "36" and not isinstance(data, list):
        raise _Bad
    return int(count or 0)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _Bad from None
