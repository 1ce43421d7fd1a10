"""Writing behind: changes are written a few milliseconds later, many of them together, the last one of each key.

A change that could not be written is kept and written when that is possible again. This file may not know what is
written, nor where.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Generic, TypeVar

from ..concurrency import Concurrency
from ..errors import BusUnavailable

_BEHIND: Final = 0.005
"""Seconds that a change waits for others to be written with."""
_RETRY: Final = 1.0
_MOST_AT_ONCE: Final = 500

T = TypeVar("T")


class Behind(Generic[T]):
    """Changes to be written.

    Args:
        write: writes some of them, by their keys; raises ``BusUnavailable`` where it cannot now.
        concurrency: for the task that calls it, which begins with the first change, in whichever process that is.
        name: the task's.
    """

    def __init__(self, write: Callable[[Mapping[str, T]], None], *, concurrency: Concurrency, name: str) -> None:
        self._write = write
        self._concurrency = concurrency
        self._name = name
        self._log = logging.getLogger(__name__)
        self._runs_in = 0
        self._over = False
        self._renew()

    def _renew(self) -> None:
        self._changed: dict[str, T] = {}
        self._writing = self._concurrency.lock()
        self._mutex = self._concurrency.mutex()
        self._pid = os.getpid()

    def _here(self) -> None:
        """A fork has inherited its parent's changes, which are not its own, and locks of threads that it has not."""
        if self._pid != os.getpid():
            self._renew()

    def put(self, key: str, change: T, *, soon: bool = False) -> None:
        """Write a change, in place of what is not written yet of its key.

        Args:
            soon: before this returns.

        Raises:
            BusUnavailable: only with ``soon``; it is written later.
        """
        self._here()
        with self._mutex:
            self._changed.pop(key, None)
            self._changed[key] = change
        if soon:
            self.flush()
        else:
            self._start()

    def flush(self) -> None:
        """Return when all is written.

        Raises:
            BusUnavailable: the rest is written later.
        """
        self._here()
        with self._writing:
            while self._changed:
                self._write_some()

    def secure(self, key: str) -> None:
        """Return when this key's change is written, or cannot be now; many share a round trip."""
        self._here()
        with suppress(BusUnavailable), self._writing:
            while key in self._changed:
                self._write_some()

    def close(self) -> None:
        """Write what is not written yet, as far as that is possible. The task ends."""
        self._over = True
        with suppress(BusUnavailable):
            self.flush()

    def _write_some(self) -> None:
        with self._mutex:
            batch = {key: self._changed.pop(key) for key in list(self._changed)[:_MOST_AT_ONCE]}
        try:
            self._write(batch)
        except BusUnavailable:
            self._put_back(batch)
            raise
        except Exception:  # noqa: BLE001  whatever it is, it is one change's, and must not cost the others
            self._write_singly(batch)

    def _write_singly(self, batch: dict[str, T]) -> None:
        """One of them is at fault: it is left out."""
        for key in list(batch):
            try:
                self._write({key: batch[key]})
            except BusUnavailable:
                self._put_back(batch)
                raise
            except Exception:  # noqa: BLE001  see above
                self._log.exception("a change could not be written, and is left out")
            del batch[key]

    def _put_back(self, batch: dict[str, T]) -> None:
        with self._mutex:
            self._changed = batch | self._changed

    def _start(self) -> None:
        here = os.getpid()
        with self._mutex:
            if self._runs_in == here:
                return
            self._runs_in = here
        self._concurrency.spawn(self._run, name=self._name)

    def _run(self) -> None:
        pause = _BEHIND
        while True:
            self._concurrency.sleep(pause)
            try:
                self.flush()
                pause = _BEHIND
            except BusUnavailable:
                pause = _RETRY
            with self._mutex:
                if not self._changed or self._over:
                    self._runs_in = 0
                    return
