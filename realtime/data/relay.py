"""Relay: what every source of database changes shares. Rows in, messages out, each once, in order, nothing lost.

A source hands out rows and takes them back as done. A row is marked as tried, together with the log's cursor, before it
is published, and done only when the log has it. So a crash at any moment leaves either a row that was never tried, or
one that was and that the log is asked about. This file knows no database.
"""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..arguments import seconds
from ..bus.replay import Replay
from ..concurrency import Concurrency, detected
from ..errors import ConfigError, HookFailed, InvalidValue, RealtimeError
from ..jitter import Backoff
from ..message import encode_json
from ..names import shortened

BATCH: Final = 100
_SLICE: Final = 500
_MOST_SECONDS: Final = 86_400.0


class Target(Protocol):
    """Where changes are published: a ``Realtime`` or a ``Publisher``."""

    def publish(self, room: str, data: object, *, event: str = "message", key: str | None = None) -> str:
        """Publish one message."""

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> Replay:
        """Read a room's log."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One change that is waiting.

    Attributes:
        id: the source's own name for it.
        room: where it goes; ``None``: nowhere, it is only to be done with.
        event: its name.
        data: anything with a JSON form.
        key: its idempotency key, unlike any other row's for ever.
        tried: the log's cursor before somebody first tried to publish it, or ``None``.
    """

    id: int
    room: str | None
    event: str
    data: Any
    key: str
    tried: str | None


class Relay(ABC):
    """Publishes a source's rows. Any number of processes may run one each: a row is published once all the same.

    * **Nothing lost.** A row stays until the log has it. A bus or database that is away is tried again, for ever.
    * **Once.** A row has one idempotency key. One that was tried before and not done is looked for in the room's log
      from then on, so that it is recognised also after its key was forgotten (``REALTIME_KEY_TTL``). It could be
      published twice only where both are gone: a process died or was frozen between publishing and noting it, nobody
      relayed for longer than the key lives, *and* the room's log was trimmed or lost meanwhile, or a hook of
      ``on_publish`` changed what it has. (The same event with the same data, published to the room by others after
      that moment, is taken for it.)
    * **Order.** By id, as far as committed when it is looked.

    What can never be published (no room's name, too large, refused by a hook) is logged and taken out of the way.

    Args:
        target: a ``Realtime`` or a ``Publisher``.
        poll: seconds after which it looks without being woken, from 0.02 to 60.

    Raises:
        ConfigError: not such a target.
        InvalidValue: not such a time.
    """

    def __init__(self, target: Target, *, poll: float) -> None:
        if not all(callable(getattr(target, name, None)) for name in ("publish", "history")):
            raise ConfigError(f"changes are relayed to a Realtime or a Publisher, not to {shortened(target)}")
        self._target = target
        self._poll = min(max(seconds("poll", poll, most=_MOST_SECONDS), 0.02), 60.0)
        self._concurrency: Concurrency = detected()
        self._stopping = False
        self._running_in = 0
        self._log = logging.getLogger(__name__)
        self._renew()

    def start(self) -> None:
        """Run in the background of this process; a fork calls it again. Harmless when it runs already."""
        self._leave_to_parent()
        with self._lock:
            if self._running_in == os.getpid():
                return
            self._running_in, self._stopping = os.getpid(), False
            self._ended.clear()
            self._concurrency.spawn(self.run, name="realtime-relay")

    def stop(self) -> None:
        """End what runs in the background, and wait for it for ten seconds at most. Harmless when nothing runs."""
        self._stopping = True
        self._woken.set()
        if self._running_in == os.getpid():
            self._ended.wait(10)

    def wake(self) -> None:
        """There may be something new: look now."""
        self._woken.set()

    def run(self) -> None:
        """Relay until ``stop``, in the caller's own thread: for a program that does nothing else."""
        self._leave_to_parent()
        self._running_in = os.getpid()
        backoff = Backoff(first=0.1, cap=5.0)
        complained = False
        try:
            while not self._stopping:
                try:
                    busy = self.step()
                    backoff.reset()
                    complained = False
                    if not busy:
                        self.wait()
                except Exception as exc:  # noqa: BLE001  databases raise what they like; the relay must outlive it
                    if not complained:
                        self._log.error("changes cannot be relayed, trying again: %s", exc)
                    complained = True
                    self.reset()
                    self._concurrency.sleep(max(backoff.next(), 0.02))
        finally:
            self.reset()
            self._running_in = 0
            self._ended.set()

    def step(self) -> bool:
        """Publish the rows that are waiting, at most a hundred; whether there were any.

        Raises:
            BusUnavailable, or what the database raises: what was not published is still waiting.
        """
        rows = self.rows(BATCH)
        if not rows:
            return False
        found = self._found([row for row in rows if row.tried is not None])
        fresh = [row for row in rows if row.tried is None and row.room is not None]
        if fresh:
            self.mark(fresh, str(self._target.history("realtime", limit=0).cursor))
        done: list[Row] = []
        try:
            for row in rows:
                if row.room is not None and row.id not in found:
                    self._publish(row, row.room)
                done.append(row)
        finally:
            self.done(done)
        return True

    def wait(self) -> None:
        """Wait until something may be new, at most ``poll`` seconds."""
        self._woken.wait(self._poll)
        self._woken.clear()

    @abstractmethod
    def rows(self, limit: int) -> Sequence[Row]:
        """The oldest rows that are waiting, in order; none where another process has them."""

    @abstractmethod
    def mark(self, rows: Sequence[Row], cursor: str) -> None:
        """Note, durably, that the rows are about to be published."""

    @abstractmethod
    def done(self, rows: Sequence[Row]) -> None:
        """The log has these rows."""

    @abstractmethod
    def refused(self, row: Row, reason: str) -> None:
        """The row can never be published."""

    @abstractmethod
    def reset(self) -> None:
        """Let connections go; the next step opens them again. Never raises."""

    @abstractmethod
    def forked(self) -> None:
        """Connections are another process's, which uses them: leave them as they are, and open others. Never raises."""

    def _leave_to_parent(self) -> None:
        """This process may be a fork of one that relays, and has inherited what that one is in the middle of."""
        if self._running_in not in {0, os.getpid()}:
            self._renew()
            self._running_in = 0
            self.forked()

    def _renew(self) -> None:
        self._woken, self._ended = self._concurrency.event(), self._concurrency.event()
        self._lock = self._concurrency.lock()

    def _publish(self, row: Row, room: str) -> None:
        try:
            self._target.publish(room, row.data, event=row.event, key=row.key)
        except RealtimeError as exc:
            if not (400 <= exc.status < 500 or isinstance(exc, HookFailed)):
                raise
            self._log.error("change %s for room %r can never be published: %s", row.id, room, exc)
            self.refused(row, f"{exc.code}: {exc}")

    def _found(self, tried: Sequence[Row]) -> set[int]:
        """Those of the rows that the log has already."""
        found: set[int] = set()
        for room in {row.room for row in tried if row.room is not None}:
            mine = [row for row in tried if row.room == room]
            in_log: Counter[tuple[str, str]] = Counter()
            after, more = min((row.tried or "" for row in mine), key=_order), True
            while more:
                replay = self._target.history(room, after=after, limit=_SLICE)
                in_log.update((message.event, message.json) for message in replay.messages)
                after, more = str(replay.cursor), replay.more
            for row in mine:
                try:
                    said = row.event, encode_json(row.data)
                except InvalidValue:
                    continue  # The log cannot have it.
                if in_log[said]:
                    in_log[said] -= 1
                    found.add(row.id)
        return found


def _order(cursor: str) -> tuple[int, int]:
    ms, _, n = cursor.partition("-")
    return int(ms), int(n)
