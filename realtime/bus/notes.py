"""Notes: small values under a name that every process of a bus can see, for a while or for good.

What was granted or revoked, which tickets are used up, where a client stood when its worker died: such things. They are
small, few per user or connection, and read by name only. This file may not know what they mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Final

_SWEEP: Final = 1024
"""After so many new notes those that are over are dropped: each costs its share of one look at all of them."""


class Notebook(ABC):
    """The part of a bus that keeps notes."""

    @abstractmethod
    def note(self, name: str, value: str, *, ttl: float | None = None, once: bool = False) -> bool:
        """Keep a small value for every process: for ``ttl`` seconds, or for good.

        Args:
            once: only if there is none under this name; of several that try at once, one does it.

        Returns:
            Whether it was kept.

        Raises:
            BusUnavailable: nothing is known of it.
        """

    @abstractmethod
    def note_all(self, values: Mapping[str, str], *, ttl: float) -> None:
        """Keep several, by their names, for ``ttl`` seconds: one round trip.

        Raises:
            BusUnavailable: nothing is known of them.
        """

    @abstractmethod
    def noted(self, names: Sequence[str]) -> list[str | None]:
        """The values under these names, ``None`` where there is none. Raises ``BusUnavailable``."""

    @abstractmethod
    def unnote(self, name: str) -> bool:
        """Remove a note; whether there was one. Of several that try at once, one removes it.

        Raises:
            BusUnavailable: nothing is known of it.
        """


class Notes:
    """Values in this process's memory. Whoever shares it guards it with a lock.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: dict[str, tuple[str, float]] = {}
        self._room = _SWEEP

    def put(self, name: str, value: str, *, ttl: float | None, once: bool) -> bool:
        """See ``Notebook.note``."""
        now = self._clock()
        known = self._values.get(name)
        if once and known is not None and known[1] > now:
            return False
        if len(self._values) >= self._room:
            self._values = {name: kept for name, kept in self._values.items() if kept[1] > now}
            self._room = len(self._values) + _SWEEP
        self._values[name] = (value, float("inf") if ttl is None else now + ttl)
        return True

    def get(self, names: Sequence[str]) -> list[str | None]:
        """See ``Notebook.noted``."""
        now = self._clock()
        found = map(self._values.get, names)
        return [None if known is None or known[1] <= now else known[0] for known in found]

    def remove(self, name: str) -> bool:
        """See ``Notebook.unnote``."""
        known = self._values.pop(name, None)
        return known is not None and known[1] > self._clock()
