"""Heartbeats and other times of sessions: one task for each kind, whatever the number of sessions.

This file may not know what is due.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..concurrency import Concurrency


class Delays:
    """Things to do for sessions, each one delay after it was added: one task for all of them.

    All have the same delay, so that the order of adding is the order in time.

    Args:
        concurrency: for the one task.
        delay: seconds.
        action: what to do. It may not block.
    """

    def __init__(self, *, concurrency: Concurrency, delay: float, action: Callable[[Any], None]) -> None:
        self._concurrency = concurrency
        self._delay = delay
        self._action = action
        self._due: deque[tuple[float, Any]] = deque()
        self._mutex = concurrency.mutex()
        self._running = False

    def add(self, socket: Any) -> None:
        """It is due in one delay."""
        with self._mutex:
            self._due.append((time.monotonic() + self._delay, socket))
            if self._running:
                return
            self._running = True
        self._concurrency.spawn(self._run, name="realtime-heartbeats")

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._due:
                    self._running = False
                    return
                due, socket = self._due[0]
            wait = due - time.monotonic()
            if wait > 0:
                self._concurrency.sleep(wait)
                continue
            self._due.popleft()
            try:
                self._action(socket)
            except Exception:
                socket.server.logger.exception("a heartbeat failed")
