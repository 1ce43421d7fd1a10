"""What a reader reads of the shared log: its next entries, over a connection of the reader's own.

The connection blocks in Redis while there is nothing new. This file checks nothing of what it reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from ..errors import BusUnavailable, InvalidValue
from ..message import Position
from .base import BusSilent
from .channel import Channel, packed
from .entries import Raw

_BLOCK_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.25
_BATCH: Final = 512


class Following:
    """A ``reader.Source``.

    Args:
        connect: opens the connection.
        log: the log's key.
        about: packs the question for the log's newest id and its birth, given an id that was seen of the log and its
            entry's mark.

    Raises:
        BusUnavailable: it cannot be opened.
    """

    def __init__(self, *, connect: Callable[[], Channel], log: str, about: Callable[[Position, bytes], bytes]) -> None:
        self._connect = connect
        self._log = log
        self._about = about
        self._channel: Channel | None = None
        # At once, not with the first read: what is published meanwhile would come in one large batch.
        self._open()

    def read(self, after: Position, *, wait: bool) -> Sequence[Raw]:
        """The log's next entries; where it waits, about a second for the first. Raises ``BusUnavailable``,
        ``BusSilent``.
        """
        block = ("BLOCK", int(_BLOCK_SECONDS * 1000)) if wait else ()
        ask = packed("XREAD", "COUNT", _BATCH, *block, "STREAMS", self._log, str(after))
        answer = self._asked(ask, seconds=_BLOCK_SECONDS + _GRACE_SECONDS)
        return answer[0][1] if answer else ()

    def state(self, seen: Position, mark: bytes = b"") -> tuple[Position, Position]:
        """The log's newest id and its birth. Raises ``BusUnavailable``, ``BusSilent``."""
        head, birth = self._asked(self._about(seen, mark), seconds=_GRACE_SECONDS)
        try:
            return Position.parse(head.decode()), Position.parse(birth.decode())
        except (InvalidValue, UnicodeDecodeError) as exc:
            raise BusUnavailable(f"Redis says of the log what nobody wrote: {exc}") from exc

    def _asked(self, ask: bytes, *, seconds: float) -> Any:
        until = time.monotonic() + seconds
        channel = self._open()
        try:
            channel.look()
            channel.send(ask, until=until)
            answer = self._received(channel, until)
            if isinstance(answer, RedisError):
                raise answer
        except (OSError, RedisError) as exc:
            channel.doubt()
            self.close()
            failure = BusSilent if isinstance(exc, TimeoutError) else BusUnavailable
            raise failure(f"Redis cannot be asked: {exc}") from exc
        return answer

    @staticmethod
    def _received(channel: Channel, until: float) -> Any:
        """The answer. Where the primary may become another node, that is looked for meanwhile."""
        while True:
            step = time.monotonic() + _LOOK_SECONDS if channel.moves else until
            try:
                return channel.receive(until=min(step, until))
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
                channel.look()

    def close(self) -> None:
        """Close the connection. The next read opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> Channel:
        if self._channel is None:
            try:
                self._channel = self._connect()
            except (OSError, RedisError) as exc:
                raise BusUnavailable(f"Redis cannot be reached: {exc}") from exc
        return self._channel
