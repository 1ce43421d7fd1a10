"""Runs one generator beside the response that it feeds, so that the response can say something while it is silent.

It hands over a few items at most: a slow client slows the generator down. This file may not know requests, nor what
the items are.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from ..concurrency import Concurrency

AHEAD: Final = 16
"""Items that the generator may be ahead of the client."""


class Pump:
    """One generator in a thread or greenlet of its own.

    Args:
        concurrency: how to run it.
        produce: makes the items; called in the background, closed there. It handles its own errors.
        gone: whether nobody listens any more; asked every now and then while nothing comes.
        heartbeat: longest silence, in seconds.
        look: seconds between two looks at ``gone``.
    """

    def __init__(
        self,
        *,
        concurrency: Concurrency,
        produce: Callable[[], Iterator[bytes]],
        gone: Callable[[], bool],
        heartbeat: float,
        look: float,
    ) -> None:
        self._concurrency = concurrency
        self._produce = produce
        self._gone = gone
        self._heartbeat = heartbeat
        self._look = look
        self._items: deque[bytes] = deque()
        self._something = concurrency.event()
        self._room = concurrency.event()
        self._stopped = False
        self._over = False

    def run(self, silence: bytes) -> Iterator[bytes]:
        """Start the generator; what it made, joined where more was ready, and ``silence`` at every heartbeat."""
        self._concurrency.spawn(self._run, name="realtime-stream")
        written = time.monotonic()
        while True:
            self._something.clear()
            over = self._over
            if self._items:
                yield self._taken()
                written = time.monotonic()
                continue
            if over or self._stopped:
                return
            due = written + self._heartbeat - time.monotonic()
            if due <= 0:
                yield silence
                written = time.monotonic()
            elif not self._something.wait(min(due, self._look)) and self._gone():
                return

    def stop(self) -> None:
        """Want nothing more: the generator is closed as soon as it yields next. Harmless when repeated."""
        self._stopped = True
        self._something.set()
        self._room.set()

    def _taken(self) -> bytes:
        taken = []
        while self._items:
            taken.append(self._items.popleft())
        self._room.set()
        return b"".join(taken)

    def _run(self) -> None:
        try:
            self._hand_over()
        except Exception:
            logging.getLogger(__name__).exception("what belongs to a stream's end failed")
        finally:
            self._over = True
            self._something.set()

    def _hand_over(self) -> None:
        items = self._produce()
        try:
            for item in items:
                if item:
                    self._items.append(item)
                    self._something.set()
                while len(self._items) >= AHEAD and not self._stopped:
                    self._room.clear()
                    if len(self._items) >= AHEAD and not self._stopped:
                        self._room.wait(1)
                if self._stopped:
                    return
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
