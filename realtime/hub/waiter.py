"""Waiter: a connection that only wants to know that something came. For long polls, which then read the log
themselves.
"""

from __future__ import annotations

from typing import Any

from ..concurrency import Concurrency
from ..message import Message, Position
from .connection import Connection, State


def _news(message: Message) -> bytes | None:
    """A waiter needs no bytes. What the log does not keep is nothing to it: it could not read it there."""
    return None if message.transient else b""


class Waiter(Connection):
    """Waits for any message of its rooms.

    Args:
        concurrency: for waiting.
    """

    __slots__ = ("_news",)

    transport = "longpoll"
    counts = False

    def __init__(self, concurrency: Concurrency) -> None:
        super().__init__("", _news)
        self._news = concurrency.event()

    def wake(self) -> None:
        self._news.set()

    def size(self, payload: Any) -> int:  # noqa: ARG002  the face
        return 0

    def reset(self, cursor: Position) -> list[Any]:  # noqa: ARG002  the reader of the log sees it by itself
        return []

    def wait(self, timeout: float) -> bool:
        """Whether something came within ``timeout`` seconds; false at once when it was closed."""
        if timeout <= 0 or self.state is State.CLOSED:
            return False
        came = self._news.wait(timeout)
        self._news.clear()
        return came
