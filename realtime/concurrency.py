"""Threads or greenlets: the one small module that hides the difference.

The rest of the package asks a ``Concurrency`` for its lock, event, background task and sleep. Nothing is imported from
gevent unless greenlets are asked for, and nothing is started before ``spawn``.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

_READY, _LATE = object(), object()


class Event(Protocol):
    """What ``threading.Event`` and gevent's have in common."""

    def set(self) -> None:
        """Wake every waiter, now and later."""

    def clear(self) -> None:
        """Let waiters wait again."""

    def is_set(self) -> bool:
        """Whether waiting would return at once."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most ``timeout`` seconds; whether it is set."""


class Readable(Protocol):
    """A socket that is waited for many times, by one at a time."""

    def wait(self, until: float) -> bool:
        """Wait until there is something to read, at most until this moment (``time.monotonic()``); whether there is."""

    def close(self) -> None:
        """Forget the socket, before it is closed. Harmless when repeated."""


class Concurrency(ABC):
    """How this process runs several things at once."""

    mode: str
    """Flask-SocketIO's name for it (its ``async_mode``)."""

    @abstractmethod
    def lock(self) -> AbstractContextManager[Any]:
        """A new re-entrant lock."""

    @abstractmethod
    def mutex(self) -> AbstractContextManager[Any]:
        """A new re-entrant lock that is never held while waiting for anything: cheaper, where greenlets are in use."""

    @abstractmethod
    def event(self) -> Event:
        """A new event, not set."""

    @abstractmethod
    def spawn(self, task: Callable[[], None], *, name: str) -> None:
        """Run ``task`` in the background; it does not keep the process alive."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Let others run for this long."""

    def readable(self, fd: int) -> Readable | None:  # noqa: ARG002  the face, as above
        """What waits for a socket at less cost than the socket's own time-outs, where there is such a thing."""
        return None


class Threads(Concurrency):
    """The standard library's threads; under gevent's monkey patching these are greenlets by themselves."""

    mode = "threading"

    def lock(self) -> AbstractContextManager[Any]:
        return threading.RLock()

    def mutex(self) -> AbstractContextManager[Any]:
        return threading.RLock()

    def event(self) -> Event:
        return threading.Event()

    def spawn(self, task: Callable[[], None], *, name: str) -> None:
        threading.Thread(target=task, name=name, daemon=True).start()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Greenlets(Concurrency):
    """gevent's greenlets. Raises ``ImportError`` when gevent is not installed."""

    mode = "gevent"

    def __init__(self) -> None:
        import gevent  # noqa: PLC0415  gevent may only be imported when it is going to be used
        import gevent.event  # noqa: PLC0415
        import gevent.lock  # noqa: PLC0415
        import gevent.monkey  # noqa: PLC0415

        self._gevent = gevent
        self._mutex = gevent.monkey.get_original("_thread", "RLock")

    def lock(self) -> AbstractContextManager[Any]:
        lock: AbstractContextManager[Any] = self._gevent.lock.RLock()
        return lock

    def mutex(self) -> AbstractContextManager[Any]:
        # The thread's own lock: greenlets of one thread never meet in it, because none waits while holding it; it keeps
        # out other threads, and costs a fiftieth of a lock that greenlets can wait for.
        mutex: AbstractContextManager[Any] = self._mutex()
        return mutex

    def event(self) -> Event:
        return cast(Event, self._gevent.event.Event())

    def spawn(self, task: Callable[[], None], *, name: str) -> None:
        self._gevent.spawn(task).name = name

    def sleep(self, seconds: float) -> None:
        self._gevent.sleep(seconds)

    def readable(self, fd: int) -> Readable | None:
        return _Watching(self._gevent, fd)


class _Watching:
    """One watcher and one timer for all waits: a socket's own time-outs make both anew each time, at several times the
    price of what they wait for.
    """

    def __init__(self, gevent: Any, fd: int) -> None:
        self._hub, self._current = gevent.get_hub(), gevent.getcurrent
        self._io = self._hub.loop.io(fd, 1)
        self._timer: Any = None
        self._due = self._until = 0.0
        self._waiting: Any = None

    def wait(self, until: float) -> bool:
        self._until = until
        if self._timer is None or until < self._due:
            self._set_timer()
        self._waiting = self._current()
        self._io.start(self._waiting.switch, _READY)
        try:
            # Whoever else switches here is not who is waited for.
            while (came := self._hub.switch()) not in {_READY, _LATE}:
                continue
        finally:
            self._io.stop()
            self._waiting = None
        return came is _READY

    def close(self) -> None:
        self._io.close()
        self._stop_timer()

    def _set_timer(self) -> None:
        self._stop_timer()
        self._due = self._until
        self._timer = self._hub.loop.timer(max(self._due - time.monotonic(), 0))
        self._timer.start(self._look)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.close()

    def _look(self) -> None:
        """The timer was set for an earlier wait: it looks how long the present one may take."""
        self._stop_timer()
        if self._waiting is None:
            return
        if self._until > time.monotonic():
            self._set_timer()
        else:
            self._waiting.switch(_LATE)


def for_mode(mode: str) -> Concurrency:
    """The concurrency that fits a Flask-SocketIO ``async_mode``."""
    return Greenlets() if mode.startswith("gevent") else Threads()


def detected() -> Concurrency:
    """Greenlets where gevent has patched this process's sockets, else threads."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("socket"):
        return Greenlets()
    return Threads()
