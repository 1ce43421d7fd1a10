"""Sends one input to a server and looks at what becomes of its client. What must not happen is a ``Finding``."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from tests.hostile.lines import CLOSE, UPGRADE, frame, head, taken

from . import judge
from .making import Input

CLOSED_WITHIN = 1.0
"""Seconds in which a client that broke the protocol is closed."""
_TOKEN = b"are you there"
_MAY_WAIT = re.compile(rb"wait=|/socket\.io/|X-Requested-With|evs_buffer_size_limit", re.IGNORECASE)
"""Requests that may be right to stay open: long polls, and streams that wait for their first news like one."""


class Finding(Exception):
    """Something that must not happen."""


class Gun:
    """Sends inputs to one server.

    Args:
        base: the server's address.
        patience: seconds for whatever is to happen at once: more where other programs keep the machine busy.
    """

    def __init__(self, base: str, *, patience: float = CLOSED_WITHIN) -> None:
        parts = urlsplit(base)
        self._to = (parts.hostname or "", parts.port or 80)
        self._patience = patience

    def shoot(self, one: Input, number: int) -> str:
        """Send it; what became of it, in a word. Raises ``Finding``."""
        # From many addresses, so that what is allowed to one of them does not end the whole.
        source = f"127.0.{number // 250 % 250}.{number % 250 + 1}"
        with closing(
            socket.create_connection(self._to, timeout=self._patience + 4, source_address=(source, 0))
        ) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            how: Callable[[socket.socket, Input], str] = getattr(self, f"_{one.kind}")
            return how(line, one)

    def _frames(self, line: socket.socket, one: Input) -> str:
        verdict = judge.frames(one.data)
        return self._websocket(line, one.data, verdict=verdict)

    def _packets(self, line: socket.socket, one: Input) -> str:
        verdict = "bad" if judge.packets(one.pieces) else "fine"
        return self._websocket(line, frame(b"40") + one.data, verdict=verdict)

    def _websocket(self, line: socket.socket, data: bytes, *, verdict: str) -> str:
        line.sendall(head("GET", "/socket.io/?EIO=4&transport=websocket", *UPGRADE))
        buffer = bytearray()
        while b"\r\n\r\n" not in buffer:
            buffer += self._some(line) or b"\r\n\r\n"
        answer = bytes(buffer).split(b"\r\n\r\n", 1)[0]
        if not answer.startswith(b"HTTP/1.1 101"):
            if answer.startswith((b"HTTP/1.1 429", b"HTTP/1.1 503")):
                return "not let in"
            raise Finding(f"no WebSocket: {answer[:200]!r}")
        del buffer[: len(answer) + 4]
        try:
            line.sendall(data if verdict == "partial" else data + frame(_TOKEN, 9))
        except OSError:
            return "closed"
        deadline = time.monotonic() + self._patience
        there = False
        while time.monotonic() < deadline:
            while (found := taken(buffer)) is not None:
                if found[0] == CLOSE:
                    return "closed"
                there = there or found == (10, _TOKEN)
            if there and verdict != "bad":
                return "served"
            if verdict == "partial" and not there:
                # It may wait for the rest, or have refused it already.
                return "waited for"
            line.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = self._some(line)
            except TimeoutError:
                break
            if not piece:
                return "closed"
            buffer += piece
        raise Finding("a bad client was not closed" if verdict == "bad" else "neither served nor closed")

    def _polling(self, line: socket.socket, one: Input) -> str:
        line.sendall(head("GET", "/socket.io/?EIO=4&transport=polling"))
        status, body = self._answer(line)
        if status in {429, 503}:
            return "not let in"
        if status != 200:
            raise Finding(f"no session: {status} {body[:200]!r}")
        sid = json.loads(body[1:].split(b"\x1e")[0])["sid"]
        target = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        for said in (b"40", one.data, b"3"):
            line.sendall(head("POST", target, "Content-Type: text/plain", f"Content-Length: {len(said)}") + said)
            status, body = self._answer(line)
            if status not in {200, 400, 408, 413, 429}:
                raise Finding(f"answered {status} {body[:200]!r}")
            if status != 200:
                return "refused"
        return "served"

    def _heads(self, line: socket.socket, one: Input) -> str:
        verdict = judge.request(one.data)
        status = self._whole(line, one.data)
        if verdict == "bad" and 100 <= status < 400 and max(one.data.split(b"\r\n\r\n")[0]) < 0x80:
            raise Finding(f"what h11 refuses was answered with {status}")
        return f"{status // 100}xx"

    def _queries(self, line: socket.socket, one: Input) -> str:
        return f"{self._whole(line, one.data) // 100}xx"

    _bodies = _queries

    def _whole(self, line: socket.socket, data: bytes) -> int:
        """Send a request, and that there is no more; the status of what comes, 0 for none."""
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It was refused already.
        deadline, got = time.monotonic() + self._patience, b""
        while True:
            line.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = self._some(line)
            except TimeoutError:
                if _MAY_WAIT.search(data):
                    return 0
                raise Finding(f"not closed after {got[:200]!r}") from None
            if not piece:
                break
            got += piece
        if not got:
            return 0
        match = re.match(rb"HTTP/1\.1 (\d\d\d)", got)
        if match is None:
            raise Finding(f"no response: {got[:200]!r}")
        if match[1] >= b"500":
            raise Finding(f"the server failed: {got[:300]!r}")
        return int(match[1])

    def _answer(self, line: socket.socket) -> tuple[int, bytes]:
        """The next response of a kept-alive connection."""
        line.settimeout(self._patience)
        data = b""
        try:
            while b"\r\n\r\n" not in data:
                piece = self._some(line)
                if not piece:
                    raise Finding(f"closed without an answer: {data[:200]!r}")
                data += piece
            front, _, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", front)
            if length is None:
                raise Finding(f"a response without a length: {front[:300]!r}")
            while len(body) < int(length[1]):
                body += self._some(line) or b" " * int(length[1])
        except TimeoutError:
            raise Finding(f"no answer: {data[:200]!r}") from None
        return int(front.split()[1]), body

    @staticmethod
    def _some(line: socket.socket) -> bytes:
        try:
            return line.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            return b""
