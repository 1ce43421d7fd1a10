"""Publisher: publish from any process, without Flask, without gevent, without a server.

For scripts, cron jobs and workers. It opens a connection when it first publishes and follows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Self

from .arguments import MOST_MESSAGES, whole
from .bus.base import Outcome
from .bus.open import open_bus
from .bus.replay import Replay
from .concurrency import detected
from .config import Settings
from .errors import ConfigError
from .message import Message, Position
from .names import check_room
from .publishing import Publishing


class Publisher(Publishing):
    """Publishes into the rooms of an application that uses the same bus.

    Args:
        bus_url: ``redis://…``; default: as the application finds it (``REALTIME_BUS_URL``, then ``REDIS_URL``).
        namespace: the application's ``REALTIME_NAMESPACE``, where it has set one.

    Raises:
        ConfigError: the bus is ``memory://``, which lives inside one process and cannot be reached from another.
    """

    def __init__(self, bus_url: str | None = None, *, namespace: str | None = None) -> None:
        given = {"REALTIME_BUS_URL": bus_url, "REALTIME_NAMESPACE": namespace}
        settings = Settings.load(given, os.environ)
        self._max_message_bytes = settings.max_message_bytes
        self._bus = open_bus(settings, detected())
        if not self._bus.shared:
            raise ConfigError(
                "REALTIME_BUS_URL is memory://, which lives inside one process; a Publisher needs a redis:// URL that "
                "it shares with the application"
            )

    def _prepared(
        self, room: str, data: object, *, event: str = "message", key: str | None = None, transient: bool = False
    ) -> Message:
        return Message.new(room, data, event=event, key=key, max_bytes=self._max_message_bytes, transient=transient)

    def _publish_all(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        return self._bus.publish_many(messages)

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> Replay:
        """Read a room's log.

        Args:
            room: which.
            after: an id; what follows it is returned, oldest first. Without it: the newest messages, oldest first.
            limit: at most so many messages, up to a million.

        Raises:
            InvalidValue: not a room's name, not an id, or not such a limit.
            BusUnavailable: the log cannot be read.
        """
        check_room(room)
        whole("limit", limit, most=MOST_MESSAGES)
        if after is None:
            return self._bus.latest([room], limit=limit)
        return self._bus.replay([room], Position.parse(after), limit=limit)

    def close(self) -> None:
        """Close the connections."""
        self._bus.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
