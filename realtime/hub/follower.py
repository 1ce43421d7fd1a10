"""The hub's connection for this process itself: whoever follows rooms from Python gets messages, not bytes.

It has the contract of every other transport. This file does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..concurrency import Concurrency
from ..errors import BusUnavailable, ConnectionClosed
from ..message import Message, Position
from .connection import Connection
from .hub import Hub

_LOOK_AGAIN = 0.5
"""Seconds after which it looks whether the log can be read again, and lets a signal through."""


class Notice(NamedTuple):
    """What is no message: ``realtime.ready`` first, with ``recovered``; ``realtime.reset`` when something is gone."""

    event: str
    recovered: bool
    cursor: Position


def _itself(message: Message) -> Message:
    return message


class Follower(Connection):
    """Reads rooms for this process.

    Args:
        hub: where to subscribe.
        concurrency: for waiting.
    """

    __slots__ = ("_hub", "_something")

    transport = "follower"
    counts = False

    def __init__(self, *, hub: Hub, concurrency: Concurrency) -> None:
        super().__init__("", _itself)
        self.greeted = False
        self._hub = hub
        self._something = concurrency.event()

    def wake(self) -> None:
        self._something.set()

    def size(self, payload: Any) -> int:
        return len(payload.json) if isinstance(payload, Message) else 0

    def opening(self, *, recovered: bool, cursor: Position) -> list[Any]:
        return [Notice("realtime.ready", recovered, cursor)]

    def reset(self, cursor: Position) -> list[Any]:
        return [Notice("realtime.reset", False, cursor)]

    def follow(
        self, rooms: Sequence[str], *, after: Position | None = None, latest: int = 0
    ) -> Iterator[Message | Notice]:
        """What the rooms get, for ever, beginning with ``realtime.ready``. It ends when the hub is closed.

        Args:
            rooms: which.
            after: a cursor: what the log holds after it comes first.
            latest: without a cursor, how many of the newest messages come first.
        """
        try:
            self._hub.attach(self, rooms, after=after, latest=latest)
            while True:
                self._something.clear()
                try:
                    payloads = self._hub.take(self)
                except BusUnavailable:
                    payloads = []
                yield from payloads
                if not payloads:
                    self._something.wait(_LOOK_AGAIN)
        except ConnectionClosed:
            return
        finally:
            self._hub.detach(self)
