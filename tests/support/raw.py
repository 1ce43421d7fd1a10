"""A plain socket on an HTTP server: sees when bytes come and how they were cut, and reads only when it is told to."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import quote, urlencode, urlsplit


class RawRequest:
    """One HTTP request whose response is read by hand.

    Args:
        base: ``http://host:port``.
        target: path and query.
        headers: beside ``Host``.
        body: sent as it is; set ``Content-Length`` yourself.
        version: of HTTP.
        receive_buffer: bytes that the kernel keeps for a reader that does not read; default: the kernel's choice.

    Attributes:
        head: status line and headers, once they have been read.
    """

    def __init__(
        self,
        base: str,
        target: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        version: str = "1.1",
        receive_buffer: int | None = None,
    ) -> None:
        parts = urlsplit(base)
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        lines = [f"{method} {target} HTTP/{version}", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            self.socket.connect((parts.hostname or "", parts.port or 80))
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        except OSError:
            # A server that goes just now: whoever asked is told, and no socket stays open.
            self.socket.close()
            raise
        self.head = ""
        self._buffer = b""
        self._body = b""

    def send(self, data: bytes) -> None:
        """Send more of the body."""
        self.socket.sendall(data)

    def read_head(self) -> str:
        """Read status line and headers, and return them."""
        self.head = self._until(b"\r\n\r\n").decode("latin-1")
        return self.head

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def read_piece(self) -> bytes:
        """Read what the server wrote at once: a chunk of a chunked body, else what one ``recv`` brings.

        One ``recv`` is one small write when the reader has been waiting for it. At the end of the body: nothing.
        """
        if "transfer-encoding: chunked" not in self.head.lower():
            found, self._buffer = self._buffer or self.socket.recv(1 << 20), b""
            return found
        size = int(self._until(b"\r\n"), 16)
        return self._exactly(size + 2)[:-2]

    def read_block(self) -> bytes:
        """Read the next block of an event stream: what stands before the next empty line, and that line."""
        while b"\n\n" not in self._body:
            piece = self.read_piece()
            assert piece, f"the stream ended after {self._body!r}"
            self._body += piece
        block, _, self._body = self._body.partition(b"\n\n")
        return block + b"\n\n"

    def read_opening(self) -> bytes:
        """Read the headers and the blocks up to the ready event, and return that."""
        self.read_head()
        while not (block := self.read_block()).startswith(b"event: realtime.ready\n"):
            pass
        return block

    def read_body(self) -> bytes:
        """Read as much as ``Content-Length`` says."""
        lines = self.head.lower().split("\r\n")
        return self._exactly(next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:")))

    def read_until(self, mark: bytes) -> bytes:
        """Read up to and with these bytes."""
        return self._until(mark) + mark

    def read_rest(self) -> bytes:
        """Read until the server closes the connection."""
        while self._receive():
            pass
        rest, self._buffer = self._buffer, b""
        return rest

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _receive(self) -> bool:
        data = self.socket.recv(1 << 20)
        self._buffer += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            assert self._receive(), f"the connection ended after {self._buffer!r}"
        found, self._buffer = self._buffer.split(mark, 1)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            assert self._receive(), f"the connection ended after {self._buffer!r}"
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def __enter__(self) -> RawRequest:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def events_target(*rooms: str, **query: Any) -> str:
    """Path and query of a stream."""
    return "/events?" + urlencode([*(("room", room) for room in rooms), *query.items()], quote_via=quote)
