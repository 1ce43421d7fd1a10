"""A WebSocket and HTTP spoken byte by byte, so that everything can be said that must not be said.

Nothing here checks what it sends. Reading is strict, as clients are.
"""

from __future__ import annotations

import json
import socket
import time
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def connected(base: str, *, within: float = 10) -> socket.socket:
    """A connection on which nothing was said yet."""
    parts = urlsplit(base)
    line = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=within)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def head(method: str, target: str, *fields: str) -> bytes:
    """A request's head."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


def frame(
    payload: bytes, opcode: int = TEXT, *, fin: bool = True, size: int | None = None, mask: bytes = b"mask"
) -> bytes:
    """A masked frame. ``size`` is what it declares, if that is not what it has."""
    declared = len(payload) if size is None else size
    first = bytes(((0x80 if fin else 0) | opcode,))
    if declared < 126:
        length = bytes((0x80 | declared,))
    elif declared < 65536:
        length = b"\xfe" + declared.to_bytes(2, "big")
    else:
        length = b"\xff" + declared.to_bytes(8, "big")
    return first + length + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload XORed with the mask."""
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def taken(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the first whole frame of a server from the buffer: opcode and payload."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        if len(buffer) < start:
            return None
        size = int.from_bytes(buffer[2:start], "big")
    if len(buffer) < start + size:
        return None
    opcode, payload = buffer[0] & 0x0F, bytes(buffer[start : start + size])
    del buffer[: start + size]
    return opcode, payload


class Ended(Exception):
    """The server ended the connection. Attribute ``code``: what its close frame said, or ``None``."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"ended with {code}")
        self.code = code


class Line:
    """A WebSocket of Engine.IO, open; after ``connect`` also a Socket.IO client of the default namespace.

    Args:
        base: the server.
        query: more of the query.
        fields: more header fields.
    """

    def __init__(self, base: str, *fields: str, query: str = "", within: float = 10) -> None:
        self.socket = connected(base, within=within)
        upgrade = (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {KEY}",
        )
        self.socket.sendall(head("GET", f"/socket.io/?EIO=4&transport=websocket{query}", *upgrade, *fields))
        self.buffer = bytearray()
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        answer, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        self.status = int(answer.split()[1])
        self._within = within

    def connect(self) -> None:
        """Become a client of the default namespace."""
        assert self.read()[1][:1] == b"0"
        self.say("40")
        assert self.read()[1][:2] == b"40"

    def say(self, *texts: str) -> None:
        """Send texts, a frame each."""
        self.socket.sendall(b"".join(frame(text.encode()) for text in texts))

    def ask(self, event: str, request: Any, number: int = 0) -> Any:
        """Emit and wait for the acknowledgement."""
        self.say(f"42{number}{json.dumps([event, request])}")
        mark = f"43{number}".encode()
        while not (payload := self.read()[1]).startswith(mark):
            pass
        return json.loads(payload[len(mark) :])[0]

    def read(self) -> tuple[int, bytes]:
        """The next frame; answers Engine.IO's pings on the way. Raises ``Ended``."""
        while (found := taken(self.buffer)) is None:
            self._receive()
        opcode, payload = found
        if opcode == CLOSE:
            raise Ended(int.from_bytes(payload[:2], "big") if payload else None)
        if (opcode, payload) == (TEXT, b"2"):
            self.say("3")
        return opcode, payload

    def outcome(self, *, within: float) -> int | str | None:
        """How the server ended it: a close code, ``None`` without one; ``"open"`` when it did not."""
        deadline = time.monotonic() + within
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                self.read()
        except TimeoutError:
            pass
        except Ended as exc:
            return exc.code
        return "open"

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _receive(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            raise Ended(None)
        self.buffer += data

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def answered(line: socket.socket) -> int:
    """The status of the response that comes next; 0 when the connection ends without one."""
    data = b""
    while b"\r\n" not in data:
        try:
            piece = line.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return 0
        data += piece
    return int(data.split()[1])


def response(line: socket.socket) -> HTTPResponse:
    """The response that comes next, its body unread."""
    found = HTTPResponse(line)
    found.begin()
    return found


def trickled(line: socket.socket, byte: bytes) -> bytes:
    """Send a byte, and again one every 50 ms, until the server says something; what that is."""
    line.settimeout(0.05)
    while True:
        line.sendall(byte)
        try:
            return line.recv(100)
        except TimeoutError:
            continue
