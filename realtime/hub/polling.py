"""Polling: what directly written connections need of an event loop, and what it calls in turn.

Interfaces only. Whoever implements them (``serve.poller``) knows a loop; whoever uses them knows none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Flushed(Protocol):
    """What a poller flushes, from one place at a time. It may not block."""

    def flush(self) -> None:
        """Write what is pending."""


class Gathered(Flushed, Protocol):
    """What may be worth holding back."""

    def waits(self, now: float) -> bool:
        """Whether more should come before this is written; ``now`` is of ``time.monotonic``."""


class Watched(Flushed, Protocol):
    """What a poller watches and calls, from one place at a time. None of these may block."""

    fd: int

    def writable(self) -> None:
        """The socket takes more."""

    def readable(self) -> None:
        """The socket has something to read, or is over."""

    def beat(self) -> None:
        """One heartbeat interval is over."""


class Poller(Protocol):
    """The event loop's side."""

    def add(self, watched: Watched) -> None:
        """Watch its descriptor for input and hang-up, and call ``beat`` once per interval."""

    def remove(self, watched: Watched) -> None:
        """Forget it and close its descriptor at once."""

    def want(self, watched: Watched, *, read: bool, write: bool) -> None:
        """Whether to call ``readable`` and ``writable``. A hang-up calls ``readable`` in any case."""

    def lost(self, watched: Watched) -> bool:
        """Whether the other end is gone without a word: its machine no longer acknowledges what it is sent."""

    def soon(self, flushed: Flushed) -> None:
        """Call ``flush`` once at the end of this loop turn."""

    def gather(self, gathered: Gathered) -> None:
        """Call ``flush`` at the end of the first loop turn in which it does not wait, or a moment after this. May be
        repeated: then it is asked again.
        """

    def spawn(self, task: Callable[[], None]) -> None:
        """Run something that may block."""

    def sleep(self, seconds: float) -> None:
        """For such a task: let others run."""


class Writer(Protocol):
    """A WebSocket that is written directly (see ``web.link``)."""

    poller: Poller

    @property
    def busy(self) -> bool:
        """Something is not written yet."""

    def soon(self) -> None:
        """Flush at the end of this loop turn."""

    def put(self, data: bytes) -> None:
        """Write frames now, behind what was sent before."""

    def send_joined(self, data: bytes) -> None:
        """Write frames at the end of this loop turn."""
