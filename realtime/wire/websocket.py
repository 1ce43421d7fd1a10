"""WebSocket frames (RFC 6455), the server's side: an incremental parser that trusts nothing, and frames as bytes.

No extension is negotiated, so that every frame stands for itself. Sizes are checked on a frame's head, before its
payload is waited for. This file does no I/O; what is wrong is raised with the close code that says so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_CONTROL: Final = 0x8
_MAX_CONTROL: Final = 125
MAX_FRAGMENTS: Final = 1024

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
INVALID_TEXT: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_LARGE: Final = 1009


class WebSocketError(Exception):
    """The peer broke the protocol.

    Attributes:
        code: the close code to answer with (RFC 6455, 7.4.1).
        limit: what it counts as.
    """

    def __init__(self, code: int, reason: str, *, limit: str = "frames") -> None:
        super().__init__(reason)
        self.code = code
        self.limit = limit


class Received(NamedTuple):
    """One whole message or control frame; the bytes of TEXT are valid UTF-8."""

    opcode: int
    data: bytes


def frame(data: bytes, opcode: int = TEXT) -> bytes:
    """One unfragmented, unmasked frame (RFC 6455, 5.2: a server masks nothing)."""
    size = len(data)
    if size < 126:
        return bytes((0x80 | opcode, size)) + data
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + data
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + data


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what a control frame may carry."""
    text = reason.encode()[: _MAX_CONTROL - 2].decode("utf-8", "ignore").encode()
    return frame(code.to_bytes(2, "big") + text, CLOSE)


def close_code(payload: bytes) -> int:
    """The code that answers a peer's close frame: its own (RFC 6455, 5.5.1), or that all is well."""
    return int.from_bytes(payload[:2], "big") if payload else NORMAL


def unmask(data: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask (RFC 6455, 5.3), the whole payload at once: byte by byte would stop everybody else."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Parser:
    """Takes what a client sent, in pieces of any size, and returns whole messages.

    Args:
        max_bytes: the most bytes that one message may have, all its fragments together.
        max_fragments: the most of these.
    """

    __slots__ = ("_buffer", "_fragments", "_max_bytes", "_max_fragments", "_opcode", "_size")

    def __init__(self, *, max_bytes: int, max_fragments: int = MAX_FRAGMENTS) -> None:
        self._max_bytes = max_bytes
        self._max_fragments = max_fragments
        self._buffer = bytearray()
        self._opcode = CONTINUATION
        self._fragments: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Received]:
        """Take the next bytes; return what they complete.

        Raises:
            WebSocketError: a rule of RFC 6455 is broken or the message is too large. Feed nothing more.
        """
        received: list[Received] = []
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= 6:
            head = self._head(buffer, start)
            if head is None:
                break
            body, end = head
            if end > len(buffer):
                break
            payload = unmask(bytes(buffer[body:end]), bytes(buffer[body - 4 : body])) if end > body else b""
            message = self._take(buffer[start], payload)
            if message is not None:
                received.append(message)
            start = end
        del buffer[:start]
        if len(buffer) >= 2:
            self._check(buffer[0], buffer[1])
        return received

    def _head(self, buffer: bytearray, start: int) -> tuple[int, int] | None:
        """Where the payload begins and ends; ``None`` when the head itself is not there yet."""
        size = self._check(buffer[start], buffer[start + 1])
        body = start + 6
        if size >= 126:
            length = 2 if size == 126 else 8
            if len(buffer) < body + length:
                return None
            size = int.from_bytes(buffer[start + 2 : start + 2 + length], "big")
            if size < (126 if length == 2 else 65536):
                raise WebSocketError(PROTOCOL_ERROR, "a length takes as few bytes as it needs")  # RFC 6455, 5.2
            body += length
        if size + self._size > self._max_bytes and not buffer[start] & _CONTROL:
            raise WebSocketError(TOO_LARGE, f"a message may have {self._max_bytes} bytes", limit="message_bytes")
        return body, body + size

    def _check(self, first: int, second: int) -> int:
        """The rules of a frame's first two bytes; returns its 7-bit length."""
        if first & 0x70:
            raise WebSocketError(PROTOCOL_ERROR, "reserved bits are set")
        opcode = first & 0x0F
        if not second & 0x80:
            raise WebSocketError(PROTOCOL_ERROR, "a client's frames are masked")
        size = second & 0x7F
        if opcode & _CONTROL:
            if opcode > PONG:
                raise WebSocketError(PROTOCOL_ERROR, "unknown opcode")
            if not first & 0x80 or size > _MAX_CONTROL:
                raise WebSocketError(PROTOCOL_ERROR, "control frames are short and not fragmented")
        elif opcode > BINARY:
            raise WebSocketError(PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise WebSocketError(PROTOCOL_ERROR, "a message's fragments must follow each other")
        return size

    def _take(self, first: int, payload: bytes) -> Received | None:
        opcode = first & 0x0F
        if opcode & _CONTROL:
            return Received(opcode, _checked_close(payload) if opcode == CLOSE else payload)
        if first & 0x80 and not self._fragments:
            return _message(opcode, payload)
        self._opcode = self._opcode or opcode
        self._fragments.append(payload)
        self._size += len(payload)
        if len(self._fragments) > self._max_fragments:
            raise WebSocketError(TOO_LARGE, f"a message may have {self._max_fragments} fragments", limit="fragments")
        if not first & 0x80:
            return None
        opcode, whole = self._opcode, b"".join(self._fragments)
        self._opcode, self._fragments, self._size = CONTINUATION, [], 0
        return _message(opcode, whole)


def _message(opcode: int, payload: bytes) -> Received:
    if opcode != TEXT:
        return Received(opcode, payload)
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise WebSocketError(INVALID_TEXT, "text is UTF-8") from None
    return Received(TEXT, payload)


def _checked_close(payload: bytes) -> bytes:
    """RFC 6455, 5.5.1 and 7.4: a close frame has no body, or a code that may be sent and a reason in UTF-8."""
    if payload:
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 0
        if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise WebSocketError(PROTOCOL_ERROR, "not a close code")
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            raise WebSocketError(INVALID_TEXT, "a close reason is UTF-8") from None
    return payload
