"""Expiry: things to do at a time of their own, in one task for all. It exists only while something is due."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable

from ..concurrency import Concurrency


class Expiry:
    """Does things when they are due.

    Args:
        concurrency: for the one task.
    """

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._mutex = concurrency.mutex()
        self._sooner = concurrency.event()
        self._running = False

    def add(self, due: float, action: Callable[[], None]) -> None:
        """Do it at this time of ``time.monotonic``. It may not block."""
        with self._mutex:
            heapq.heappush(self._due, (due, next(self._numbers), action))
            if self._running:
                self._sooner.set()
                return
            self._running = True
        self._concurrency.spawn(self._run, name="realtime-expiry")

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._due:
                    self._running = False
                    return
                self._sooner.clear()
                wait = self._due[0][0] - time.monotonic()
                action = heapq.heappop(self._due)[2] if wait <= 0 else None
            if action is None:
                self._sooner.wait(wait)
                continue
            try:
                action()
            except Exception:
                logging.getLogger(__name__).exception("something that was due failed")
