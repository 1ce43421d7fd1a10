"""Pipe: what waits to be published at the same time shares a round trip.

Whoever publishes while nobody else does, makes the round trip at once, in its own thread or greenlet. What others want
to publish meanwhile gathers in their order, and one of them takes all of it along when that trip is over. No thread is
kept for it. This file knows no Redis, and may not block while it holds its mutex.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ..concurrency import Concurrency, Event
from ..errors import BusUnavailable
from .base import Outcome
from .trips import Job, Trips

_MOST: Final = 128
"""Messages of one round trip: Redis does nothing else meanwhile."""
_MOST_BYTES: Final = 1024 * 1024


class _Turn:
    """Somebody who waits for its jobs' outcomes, or for its turn to lead."""

    __slots__ = ("gone", "leads", "left", "woken")

    def __init__(self, woken: Event, left: int) -> None:
        self.woken = woken
        self.left = left
        self.leads = False
        self.gone = False

    def one_done(self, _outcome: Outcome) -> None:
        self.left -= 1
        if not self.left:
            self.woken.set()


class Pipe:
    """Publishes over one connection, for everybody in this process.

    Args:
        trips: makes the round trips.
        concurrency: threads or greenlets.
    """

    def __init__(self, *, trips: Trips, concurrency: Concurrency) -> None:
        self._trips = trips
        self._concurrency = concurrency
        self._mutex = concurrency.mutex()
        self._waiting: deque[tuple[Job, _Turn | None]] = deque()
        self._leading = False

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self._leading

    def publish(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Return each job's outcome, at the latest when its time is over."""
        if not jobs:
            return []
        turn = None
        with self._mutex:
            lead, self._leading = not self._leading, True
            if not lead:
                turn = _Turn(self._concurrency.event(), len(jobs))
                for job in jobs:
                    job.done = turn.one_done
            self._waiting.extend((job, turn) for job in jobs)
        if turn is None or self._waited(jobs, turn):
            self._lead(jobs, gather=turn is None)
        return [job.outcome or BusUnavailable("Redis did not answer in time") for job in jobs]

    def publish_soon(self, job: Job) -> None:
        """Publish in the background; the job's ``done`` is told. What is given in one go shares a round trip."""
        with self._mutex:
            self._waiting.append((job, None))
            lead, self._leading = not self._leading, True
        if lead:
            self._go_on()

    def close(self) -> None:
        """Close the connection. The next publish opens another."""
        with self._mutex:
            if not self._leading:
                self._trips.close()

    def _waited(self, jobs: Sequence[Job], turn: _Turn) -> bool:
        """Wait until all jobs have their outcome, this is the one to lead, or time is over; whether it leads."""
        try:
            turn.woken.wait(max(jobs[-1].deadline - time.monotonic(), 0))
        except BaseException:
            # Whoever waited was interrupted: what was not sent yet is not sent any more.
            with self._mutex:
                turn.gone = True
                for job in jobs:
                    job.deadline = 0
                if turn.leads:
                    self._pass_on()
            raise
        with self._mutex:
            turn.gone = not turn.leads
            return turn.leads

    def _lead(self, own: Sequence[Job], *, gather: bool = False) -> None:
        """Make one round trip after the other, until all of one's own jobs have their outcome."""
        batch: list[tuple[Job, _Turn | None]] = []
        try:
            if gather:
                # What others want to publish in this loop turn goes along, and what can be read by then. And Redis may
                # answer before anybody looks: who publishes in a loop must not keep others out.
                self._concurrency.sleep(0)
                self._concurrency.sleep(0)
            while batch := self._next(own):
                self._trips.exchange([job for job, _ in batch])
        except BaseException:
            # Whoever led was interrupted: what others wait for goes on without it.
            self._trips.close()
            with self._mutex:
                for job in own:
                    job.deadline = 0  # Nobody waits for it any more.
                left = [one for one in batch if one[0].outcome is None and one[0] not in own]
                self._waiting.extendleft(reversed(left))
                self._pass_on()
            raise

    def _next(self, own: Sequence[Job]) -> list[tuple[Job, _Turn | None]]:
        """What goes next; nothing when somebody else leads from here on, or nobody needs to."""
        batch: list[tuple[Job, _Turn | None]] = []
        late: list[Job] = []
        size, now = 0, time.monotonic()
        with self._mutex:
            if own and all(job.outcome is not None for job in own):
                self._pass_on()
                return batch
            while self._waiting and len(batch) < _MOST and size < _MOST_BYTES:
                one = self._waiting.popleft()
                if one[0].deadline <= now:
                    late.append(one[0])
                    continue
                batch.append(one)
                size += len(one[0].command)
            self._leading = bool(batch)
        for job in late:
            job.finish(BusUnavailable("Redis did not answer in time"))
        return batch

    def _pass_on(self) -> None:
        """Let somebody else lead: the first who waits, else a task of its own. Called with the mutex held."""
        turn = next((turn for _, turn in self._waiting if turn is not None and not turn.gone), None)
        if turn is not None:
            turn.leads = True
            turn.woken.set()
        elif self._waiting:
            self._go_on()
        else:
            self._leading = False

    def _go_on(self) -> None:
        lead: Callable[[], None] = partial(self._lead, ())
        self._concurrency.spawn(lead, name="realtime-publisher")
