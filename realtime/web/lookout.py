"""Ends connections whose other end has vanished, where a thread or greenlet of its own serves each of them.

Such a task notices nothing: what it writes is taken by the kernel, and once the kernel takes no more, it waits for a
quarter of an hour. This file may not read or write, and knows no transport.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from ..concurrency import Concurrency
from ..serve.peer import silence
from .hangup import cut

_LOOKS: Final = 8
"""So many times in ``patience`` seconds it is looked."""


class Lookout:
    """Watches descriptors, with one task for all of them, which ends when there are none.

    Args:
        concurrency: for the task.
        patience: seconds that the other end may leave unanswered what it is sent.
    """

    def __init__(self, *, concurrency: Concurrency, patience: float) -> None:
        self._concurrency = concurrency
        self._patience = patience
        self._mutex = concurrency.mutex()
        self._watched: set[int] = set()
        self._looking = False

    @contextmanager
    def over(self, descriptor: int | None) -> Iterator[None]:
        """Watch a connected socket meanwhile; ``None`` where it is not known."""
        if descriptor is None:
            yield
            return
        with self._mutex:
            self._watched.add(descriptor)
            start, self._looking = not self._looking, True
        if start:
            self._concurrency.spawn(self._look, name="realtime-lookout")
        try:
            yield
        finally:
            # From here on the number may become another connection's.
            with self._mutex:
                self._watched.discard(descriptor)

    def _look(self) -> None:
        while True:
            self._concurrency.sleep(self._patience / _LOOKS)
            with self._mutex:
                if not self._watched:
                    self._looking = False
                    return
                for descriptor in self._watched:
                    if silence(descriptor) >= self._patience:
                        with suppress(OSError):  # Whoever writes to it comes back, and closes it.
                            cut(descriptor)
