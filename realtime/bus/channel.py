"""Channel: one connection to Redis that is spoken on directly, for the hot paths: publishing, and following the log.

The Redis client makes the connection: address, TLS, login and database are its business. From then on packed commands
go out and answers come through its own C parser, without the layers in between, which cost several times what they
carry. This file decides nothing about trying again; after any error but a time-out of ``receive``, drop the channel.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import hiredis
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

from ..concurrency import Readable
from .locate import Primary

_NOTHING: Final = object()
_READ: Final = 64 * 1024
_GREETING: Final = 1.0
"""Seconds that Redis has for each answer while a connection is opened: one that is frozen takes connections, too."""
_LEAST: Final = 0.001
"""Seconds that a wait takes at least: none at all would mean a socket that does not wait."""


def packed(*words: str | bytes | int) -> bytes:
    """A command as Redis reads it (RESP 2)."""
    command: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub knows tuples of one element only
    return command


class Channel:
    """One connection, opened at once.

    Args:
        pool: says where to and how; the connection is not one of the pool's.
        readable: makes what waits for a descriptor; ``None`` where the socket's own time-outs do.

    Attributes:
        moves: the primary may become another node.

    Raises:
        RedisError: it cannot be opened.
    """

    def __init__(self, pool: ConnectionPool, *, readable: Callable[[int], Readable | None]) -> None:
        options = pool.connection_kwargs
        patience = min(options.get("socket_timeout") or _GREETING, _GREETING)
        self._connection = pool.connection_class(**{**options, "socket_timeout": patience})
        self._connection.connect()
        self._primary: Primary | None = getattr(self._connection, "primary", None)
        self.moves = self._primary is not None
        self._at = None if self._primary is None else self._primary.at
        self._socket = self._connection._sock
        self._parser = hiredis.Reader(
            protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_NOTHING
        )  # fmt: skip
        self._buffer = bytearray(_READ)
        # TLS has more to wait for than the socket.
        self._readable = None if isinstance(self._socket, ssl.SSLSocket) else readable(self._socket.fileno())

    @property
    def stale(self) -> bool:
        """Whether the primary is known to be another node by now."""
        return self._primary is not None and self._primary.at != self._at

    def look(self) -> None:
        """Look whether the primary is where it was, now and then.

        Raises:
            RedisConnectionError: it is not.
        """
        if self._primary is not None:
            self._primary.look()
            if self.stale:
                raise RedisConnectionError("the primary is another node now")

    def doubt(self) -> None:
        """What is at the other end is not the primary."""
        if self._primary is not None:
            self._primary.doubt()

    def send(self, data: bytes, *, until: float) -> None:
        """Send one packed command or several.

        Args:
            data: see ``packed``.
            until: the moment (``time.monotonic()``) after which to give up.

        Raises:
            OSError: it is not sent, or not whole.
        """
        sent = self._sent(data) if self._readable is not None else 0
        if sent < len(data):
            self._socket.settimeout(max(until - time.monotonic(), _LEAST))
            self._socket.sendall(memoryview(data)[sent:])

    def receive(self, *, until: float) -> Any:
        """The next answer; an error that Redis answers is returned, as a ``ResponseError``.

        Raises:
            TimeoutError: it is not there yet; it can be asked for again.
            OSError, RedisError: the connection is broken.
        """
        while (answer := self._parser.gets()) is _NOTHING:
            count = self._received(until)
            if not count:
                raise RedisConnectionError("Redis closed the connection")
            self._parser.feed(self._buffer, 0, count)  # type: ignore[arg-type]  # any buffer will do
        return answer

    def close(self) -> None:
        """Close it. Harmless when repeated, and in a process that only inherited it."""
        if self._readable is not None:
            self._readable.close()
        self._connection.disconnect()

    def _sent(self, data: bytes) -> int:
        """How many bytes the socket took at once."""
        self._socket.setblocking(False)
        try:
            return int(self._socket.send(data))
        except BlockingIOError:
            return 0

    def _received(self, until: float) -> int:
        """How many bytes came into the buffer."""
        if self._readable is None:
            self._socket.settimeout(max(until - time.monotonic(), _LEAST))
            return int(self._socket.recv_into(self._buffer))
        self._socket.setblocking(False)
        while True:
            try:
                return int(self._socket.recv_into(self._buffer))
            except BlockingIOError:
                if not self._readable.wait(until):
                    raise TimeoutError("no answer in time") from None
