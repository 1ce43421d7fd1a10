"""The poller: one epoll set of our own, nested in gevent's loop, for all sockets that were handed over.

gevent keeps two watchers and some kilobytes for every socket that it knows; here a socket is one entry of one dict.
A single greenlet serves all of them and never waits for one. What may block runs in a greenlet of its own.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Final

import gevent
import gevent.event
from gevent import get_hub, monkey

from ..hub.gathering import LONGEST_WAIT
from ..hub.polling import Flushed, Gathered, Watched
from .peer import silence

HAS_EPOLL: Final = sys.platform == "linux"

_close: Final[Callable[[int], None]] = monkey.get_original("os", "close")

_IN, _OUT, _RDHUP, _ERR, _HUP = 0x001, 0x004, 0x2000, 0x008, 0x010  # epoll_ctl(2)
_IDLE: Final = _IN | _RDHUP
_GONE: Final = _HUP | _ERR
_SPREAD: Final = 16
"""Heartbeats are spread over so many moments of their interval."""
_LATEST: Final = LONGEST_WAIT
"""Seconds that output waits at most for the end of a loop turn, where the loop has more to do than it can, or where
more is expected."""


class GeventPoller:
    """See ``hub.polling.Poller``.

    Args:
        heartbeat: seconds between two calls of ``beat`` for one socket.
        expects_more: whether more to write comes within a moment.
    """

    def __init__(self, *, heartbeat: float, expects_more: Callable[[], bool] = lambda: False) -> None:
        self._expects_more = expects_more
        # gevent takes epoll out of the patched module, because it blocks; ours is only ever asked without waiting.
        self._epoll = monkey.get_original("select", "epoll")()
        self._watched: dict[int, Watched] = {}
        self._beats: list[set[Watched]] = [set() for _ in range(_SPREAD)]
        self._next_beat = 0
        self._tick = heartbeat / _SPREAD
        # A peer that should have answered is looked for once an interval: it is noticed within two.
        self._patience = heartbeat
        self._dirty: list[Flushed] = []
        self._gathered: dict[Gathered, None] = {}
        self._overdue = False
        self._something = gevent.event.Event()
        loop = get_hub().loop
        self._idle, self._looking = loop.idle(), False
        self._late = loop.timer(_LATEST, _LATEST)
        self._log = logging.getLogger(__name__)
        self._watcher = loop.io(self._epoll.fileno(), 1)
        self._watcher.start(self._something.set)
        gevent.spawn(self._run).name = "realtime-poller"
        gevent.spawn(self._beat).name = "realtime-heartbeats"

    def add(self, watched: Watched) -> None:
        """Watch its descriptor for input and hang-up, and call ``beat`` once per interval."""
        self._watched[watched.fd] = watched
        self._beats[watched.fd % _SPREAD].add(watched)
        self._epoll.register(watched.fd, _IDLE)

    def remove(self, watched: Watched) -> None:
        """Forget it and close its descriptor at once."""
        if self._watched.pop(watched.fd, None) is not None:
            self._beats[watched.fd % _SPREAD].discard(watched)
            self._epoll.unregister(watched.fd)
        # gevent's own close waits for the loop's next turn: where nothing else happens, the peer waits for seconds.
        _close(watched.fd)

    def want(self, watched: Watched, *, read: bool, write: bool) -> None:
        """Whether to call ``readable`` and ``writable``. A hang-up calls ``readable`` in any case."""
        if watched.fd in self._watched:
            self._epoll.modify(watched.fd, _RDHUP * read | _IN * read | _OUT * write)

    def lost(self, watched: Watched) -> bool:
        """Whether the other end is gone without a word: its machine no longer acknowledges what it is sent."""
        return watched.fd >= 0 and silence(watched.fd) >= self._patience

    def soon(self, flushed: Flushed) -> None:
        """Call ``flush`` once at the end of this loop turn: what else comes in this turn is written with it.

        The turn is over when nothing else is ready to be read and nothing more is expected, so that a lone message is
        written at once and messages that wait in several sockets, or come in several round trips, are written together.
        """
        if not self._looking:
            self._look()
        self._dirty.append(flushed)

    def gather(self, gathered: Gathered) -> None:
        """The same, at the end of a later turn where it waits, within the same bound."""
        if not self._looking:
            self._look()
        self._gathered[gathered] = None

    def _look(self) -> None:
        """Look for the end of the turn."""
        if not self._dirty and not self._gathered:
            self._late.again(self._is_late)
        self._looking = True
        self._idle.start(self._turned)

    def _is_late(self) -> None:
        self._overdue = True
        self._something.set()

    def _turned(self) -> None:
        """Nothing else is ready to be read."""
        if self._expects_more():
            # Until then the loop rests; should nothing come, output is late.
            self._looking = False
            self._idle.stop()
        else:
            self._something.set()

    def flush(self) -> None:
        """Flush now what asked for it: there will be no other turn."""
        self._overdue = True
        self._flush()

    def _flush(self) -> None:
        """The loop turn is over: flush what asked for it, but for what waits and may."""
        if not self._dirty and not self._gathered:
            self._overdue = False
            return
        dirty, self._dirty = self._dirty, []
        if self._gathered:
            now = 0.0 if self._overdue else time.monotonic()
            ripe = [one for one in self._gathered if self._overdue or not one.waits(now)]
            for one in ripe:
                del self._gathered[one]
            dirty += ripe
        self._looking = self._overdue = False
        self._idle.stop()
        if not self._gathered:
            self._late.stop()
        for flushed in dirty:
            try:
                flushed.flush()
            except Exception:  # noqa: BLE001  one socket's fault must not end the others
                self._log.exception("a stream failed")

    def spawn(self, task: Callable[[], None]) -> None:
        """Run something that may block."""
        gevent.spawn(task)

    def sleep(self, seconds: float) -> None:
        """For such a task: let others run."""
        gevent.sleep(seconds)

    def _run(self) -> None:
        while True:
            self._something.wait()
            self._something.clear()
            for fd, events in self._epoll.poll(0, 1024):
                watched = self._watched.get(fd)
                if watched is not None:
                    self._call(watched, events)
            self._flush()

    def _call(self, watched: Watched, events: int) -> None:
        try:
            if events & (_IDLE | _GONE):
                watched.readable()
            if events & _OUT and watched.fd >= 0:
                watched.writable()
        except Exception:  # noqa: BLE001  one socket's fault must not end the others
            self._log.exception("a stream failed")

    def _beat(self) -> None:
        while True:
            gevent.sleep(self._tick)
            due = self._beats[self._next_beat]
            self._next_beat = (self._next_beat + 1) % _SPREAD
            for watched in tuple(due):
                try:
                    watched.beat()
                except Exception:  # noqa: BLE001  one socket's fault must not end the others
                    self._log.exception("a stream failed")
