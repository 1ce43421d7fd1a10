"""Engine.IO protocol 4 from the client's side, by hand: WebSocket and long polling, one packet after the other.

The stock Python client hands each packet to a thread of its own, so that it cannot tell in which order packets came,
and it reads whenever something comes. Tests of order and of slow readers need to know and to decide.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import websocket

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0", "1", "2", "3", "4", "5", "6"
SECONDS = 30


class Refused(AssertionError):
    """The server did not open a session. Attributes: ``status`` and ``body`` of its answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"refused: {status} {body}")
        self.status = status
        self.body = body


class Wire(ABC):
    """One Engine.IO session.

    Attributes:
        opening: what the server said in its OPEN packet.
    """

    opening: dict[str, Any]

    @abstractmethod
    def send(self, *messages: str | bytes) -> None:
        """Send messages, in this order and with nothing in between."""

    @abstractmethod
    def receive(self) -> Iterator[str | bytes]:
        """The messages that come next, at least the first of them waited for. Ends when the session has ended."""

    @abstractmethod
    def say_goodbye(self) -> None:
        """Tell the server that this was all."""

    @abstractmethod
    def hang_up(self) -> None:
        """End the connections without a word; ``receive`` ends."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is left, when nobody reads any more."""


class WebSocketWire(Wire):
    """A session over WebSocket from its first byte.

    Args:
        receive_buffer: bytes that the kernel keeps for a reader that does not read; default: the kernel's choice.
    """

    def __init__(
        self, base: str, *, headers: dict[str, str], query: dict[str, str], receive_buffer: int | None = None
    ) -> None:
        self._socket = dial(base, headers, query, receive_buffer)
        self._sending = threading.Lock()
        first = self._socket.recv()
        if not first:
            self._socket.close()
            raise Refused(101, "closed at once")
        assert isinstance(first, str)
        assert first[0] == OPEN
        self.opening = json.loads(first[1:])

    def send(self, *messages: str | bytes) -> None:
        with self._sending:
            for one in messages:
                if isinstance(one, bytes):
                    self._socket.send_binary(one)
                else:
                    self._socket.send(MESSAGE + one)

    def receive(self) -> Iterator[str | bytes]:
        while True:
            try:
                packet = self._socket.recv()
            except (websocket.WebSocketException, OSError):
                return
            if packet == PING:
                self.pong()
            elif isinstance(packet, bytes):
                yield packet
            elif packet[:1] == MESSAGE:
                yield packet[1:]
            elif packet[:1] != NOOP:
                return

    def pong(self) -> None:
        """Answer a ping, or pretend that one was read."""
        with self._sending, contextlib.suppress(websocket.WebSocketException, OSError):
            self._socket.send(PONG)

    def say_goodbye(self) -> None:
        with self._sending:
            self._socket.send_close()

    def hang_up(self) -> None:
        if self._socket.sock is not None:
            with contextlib.suppress(OSError):
                self._socket.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.shutdown()


class UpgradedWire(WebSocketWire):
    """The WebSocket of a session that began with polling, probed and ready."""

    def __init__(self, base: str, *, headers: dict[str, str], query: dict[str, str]) -> None:
        self._socket = dial(base, headers, query, None)
        self._sending = threading.Lock()
        self._socket.send(f"{PING}probe")
        assert self._socket.recv() == f"{PONG}probe"

    def take_over(self) -> None:
        """Tell the server that polling is over."""
        self._socket.send(UPGRADE)


def dial(base: str, headers: dict[str, str], query: dict[str, str], receive_buffer: int | None) -> websocket.WebSocket:
    """Open a WebSocket."""
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)] if receive_buffer is not None else []
    url = f"{base.replace('http', 'ws', 1)}/socket.io/?{urlencode({'EIO': '4', 'transport': 'websocket', **query})}"
    try:
        return websocket.create_connection(
            url,
            timeout=SECONDS,
            header=headers,
            sockopt=options,
            suppress_origin="Origin" not in headers,
            skip_utf8_validation=True,  # It is done in Python, byte by byte; decoding the text finds what is wrong.
        )
    except websocket.WebSocketBadStatusException as exc:
        raise Refused(exc.status_code, str(exc.resp_body)) from exc
