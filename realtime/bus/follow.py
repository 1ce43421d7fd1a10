"""What a reader reads of the shared log: its next entries, over a connection of the reader's own.

The connection blocks in Redis while there is nothing new. This file checks nothing of what it reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import RedisError

from ..errors import BusUnavailable
from ..message import Position
from .channel import Channel, packed
from .entries import Raw

_BLOCK_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 2.0
_BATCH: Final = 512


class Following:
    """A ``reader.Source``.

    Args:
        connect: opens the connection.
        log: the log's key.
        state: the log's newest id and its birth.

    Raises:
        BusUnavailable: it cannot be opened.
    """

    def __init__(
        self, *, connect: Callable[[], Channel], log: str, state: Callable[[], tuple[Position, Position]]
    ) -> None:
        self._connect = connect
        self._log = log
        self.state = state
        self._channel: Channel | None = None
        # At once, not with the first read: what is published meanwhile would come in one large batch.
        self._open()

    def read(self, after: Position) -> Sequence[Raw]:
        """The log's next entries, waiting about a second for the first. Raises ``BusUnavailable``."""
        block = int(_BLOCK_SECONDS * 1000)
        ask = packed("XREAD", "COUNT", _BATCH, "BLOCK", block, "STREAMS", self._log, str(after))
        until = time.monotonic() + _BLOCK_SECONDS + _GRACE_SECONDS
        channel = self._open()
        try:
            channel.send(ask, until=until)
            answer = channel.receive(until=until)
            if isinstance(answer, RedisError):
                raise answer
        except (OSError, RedisError) as exc:
            self.close()
            raise BusUnavailable(f"Redis cannot be asked: {exc}") from exc
        return answer[0][1] if answer else ()

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
