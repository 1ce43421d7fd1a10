"""Channel: one connection to Redis that is spoken on directly, for the hot paths: publishing, and following the log.

The Redis client makes the connection: address, TLS, login and database are its business. From then on packed commands
go out and answers come through its own C parser, without the layers in between, which cost several times what they
carry. This file decides nothing about trying again; after any error but a time-out of ``receive``, drop the channel.
"""

from __future__ import annotations

import time
from typing import Any, Final

import hiredis
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

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

    Attributes:
        moves: the primary may become another node.

    Raises:
        RedisError: it cannot be opened.
    """

    def __init__(self, pool: ConnectionPool) -> None:
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
        self._socket.settimeout(max(until - time.monotonic(), _LEAST))
        self._socket.sendall(data)

    def receive(self, *, until: float) -> Any:
        """The next answer; an error that Redis answers is returned, as a ``ResponseError``.

        Raises:
            TimeoutError: it is not there yet; it can be asked for again.
            OSError, RedisError: the connection is broken.
        """
        while (answer := self._parser.gets()) is _NOTHING:
            self._socket.settimeout(max(until - time.monotonic(), _LEAST))
            count = self._socket.recv_into(self._buffer)
            if not count:
                raise RedisConnectionError("Redis closed the connection")
            self._parser.feed(self._buffer, 0, count)  # type: ignore[arg-type]  # any buffer will do
        return answer

    def close(self) -> None:
        """Close it. Harmless when repeated, and in a process that only inherited it."""
        self._connection.disconnect()
