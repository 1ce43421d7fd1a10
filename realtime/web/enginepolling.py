"""Long polling of one session: one poll at a time, and the same payload again for a poll that is repeated.

A browser whose connection is reset repeats the request by itself, to the letter and without telling the page: the same
``t`` again. What the dead response carried is gone then, unless it is sent once more. This file may not know rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, Final

from engineio import packet as eio_packet

from ..concurrency import Concurrency
from .packets import SEPARATOR, BadPacket

PAYLOAD_BYTES: Final = 1024 * 1024
"""One poll takes no further packet past so many; the next takes what is left."""

PYTHON_PACKETS: Final = 16
"""More packets of a payload python-engineio's client does not take: it ends the connection, comes back for what it has
missed, is sent that, and ends it again.
"""

_PYTHON: Final = ("python-requests/", "Python/")

EMPTY: Final = str(eio_packet.NOOP).encode()
"""Ends a poll for which there is nothing."""

_MOST_DIGITS: Final = 18
"""Of a number that is read at all: Python itself refuses to read one of thousands."""

_MOST_WAITING: Final = 4
"""Repetitions of one poll that may wait for its payload at once."""


class SecondPoll(Exception):
    """A second poll came while one was waiting."""


class Polls:
    """The polls of one session.

    Args:
        concurrency: for waiting.

    Attributes:
        posting: a POST is being handled.
    """

    __slots__ = ("_done", "_mutex", "_payload", "_polling", "_posted", "_stamp", "_waiting", "posting")

    def __init__(self, concurrency: Concurrency) -> None:
        self._mutex: AbstractContextManager[Any] = concurrency.mutex()
        self._done = concurrency.event()
        self._stamp: str | None = None
        self._payload: bytes | None = None
        self._polling = False
        self._waiting = 0
        self._posted: tuple[str, bytes] | None = None
        self.posting = False

    @property
    def waiting(self) -> bool:
        """Whether a poll is being answered."""
        return self._polling

    def wait_until_answered(self, seconds: float) -> None:
        """Wait for the poll that is being answered, if there is one, at most so long."""
        if self._polling:
            self._done.wait(seconds)

    def is_repeated(self, stamp: str | None, body: bytes) -> bool:
        """Whether this POST is the last one again: the same ``t``, the same body. It is not to be handled twice."""
        if stamp is None:
            return False
        before, self._posted = self._posted, (stamp, blake2b(body, digest_size=16).digest())
        return self._posted == before

    def answer(self, stamp: str | None, take: Callable[[], bytes]) -> bytes:
        """The payload for a poll.

        Args:
            stamp: its ``t``. The last one again gets the last payload again, also while the first still waits for it:
                the copy is dropped when the next comes.
            take: waits for a payload.

        Raises:
            SecondPoll: another one is waiting.
        """
        with self._mutex:
            again = stamp is not None and stamp == self._stamp
            if again and not self._polling and self._payload is not None:
                return self._payload
            if self._polling:
                if not again or self._waiting >= _MOST_WAITING:
                    raise SecondPoll
                self._waiting += 1
            else:
                self._polling, self._stamp, self._payload = True, stamp, None
                self._done.clear()
                again = False
        if again:
            return self._wait()
        payload = b""
        try:
            payload = take()
        finally:
            with self._mutex:
                self._polling = False
                self._payload = payload if stamp is not None else None
            self._done.set()
        return payload

    def _wait(self) -> bytes:
        try:
            self._done.wait()
        finally:
            with self._mutex:
                self._waiting -= 1
        # The next poll came in between: its client has what it waited for.
        return self._payload or EMPTY


def is_python(environ: dict[str, Any]) -> bool:
    """Whether python-engineio's client asks, over requests or aiohttp."""
    return bool(environ.get("HTTP_USER_AGENT", "").startswith(_PYTHON))


def encoded(packets: list[eio_packet.Packet]) -> bytes:
    """Packets as a payload (Engine.IO protocol, "Packet encoding": binary ones are base64 behind a ``b``)."""
    return SEPARATOR.join([str(one.encode(b64=True)) for one in packets]).encode()


def posted(environ: dict[str, Any], *, most: int) -> bytes | None:
    """A POST's body; ``None`` when it is too large, which is seen before it is read.

    Args:
        environ: WSGI's.
        most: bytes.

    Raises:
        BadPacket: it was cut off.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        if not (length.isascii() and length.isdecimal()):
            raise BadPacket("Content-Length is a number")
        if len(length) > _MOST_DIGITS or int(length) > most:
            return None
        body: bytes = environ["wsgi.input"].read(int(length))
        if len(body) < int(length):
            raise BadPacket("the body was cut off")
    else:
        # In chunks, or none at all: a server that says that its input ends may be asked for one byte too many.
        body = environ["wsgi.input"].read(most + 1) if environ.get("wsgi.input_terminated") else b""
        if len(body) > most:
            return None
    return body
