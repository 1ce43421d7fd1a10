"""Looks after connections that a thread or greenlet of its own serves each: whether the other end is still there.

Such a task notices nothing by itself. While it waits for something to write, it is told that the client has hung up.
Where the other end's machine vanished, the kernel takes what it writes, and once the kernel takes no more, it waits for
a quarter of an hour: such a connection is ended. This file may not read or write, and knows no transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from ..concurrency import Concurrency
from ..serve.peer import silence
from .hangup import cut, has_ended

_LOOKS: Final = 8
"""So many times in ``patience`` seconds it is looked."""
_OFTEN: Final = 2.0
"""Seconds between two looks at most."""
_TOGETHER: Final = 200
"""So many are looked at before others may run."""


class Lookout:
    """Watches descriptors, with one task for all of them, which ends when there are none.

    Args:
        concurrency: for the task.
        patience: seconds that the other end may leave unanswered what it is sent.
    """

    def __init__(self, *, concurrency: Concurrency, patience: float) -> None:
        self._concurrency = concurrency
        self._patience = patience
        self._pause = min(patience / _LOOKS, _OFTEN)
        self._mutex = concurrency.mutex()
        self._watched: dict[int, Callable[[], None] | None] = {}
        self._looking = False

    @contextmanager
    def over(self, descriptor: int | None, ended: Callable[[], None]) -> Iterator[None]:
        """Watch a connected socket meanwhile.

        Args:
            descriptor: of the socket; ``None`` where it is not known.
            ended: called once, from another task, when the other end has hung up. It is called perhaps a moment after
                this is over, then in vain.
        """
        if descriptor is None:
            yield
            return
        with self._mutex:
            self._watched[descriptor] = ended
            start, self._looking = not self._looking, True
        if start:
            self._concurrency.spawn(self._look, name="realtime-lookout")
        try:
            yield
        finally:
            # From here on the number may become another connection's.
            with self._mutex:
                self._watched.pop(descriptor, None)

    def _look(self) -> None:
        while True:
            self._concurrency.sleep(self._pause)
            with self._mutex:
                if not self._watched:
                    self._looking = False
                    return
                watched = list(self._watched)
            for start in range(0, len(watched), _TOGETHER):
                # Whoever is told may want locks of its own: outside of this one.
                for tell in self._gone(watched[start : start + _TOGETHER]):
                    tell()
                self._concurrency.sleep(0)

    def _gone(self, descriptors: list[int]) -> list[Callable[[], None]]:
        """Look at those that are still watched; who is to be told."""
        told = []
        with self._mutex:
            for descriptor in descriptors:
                if descriptor not in self._watched:
                    continue
                ended = self._watched[descriptor]
                if silence(descriptor) >= self._patience:
                    with suppress(OSError):  # Whoever writes to it comes back, and closes it.
                        cut(descriptor)
                if ended is not None and has_ended(descriptor):
                    told.append(ended)
                    self._watched[descriptor] = None
        return told
