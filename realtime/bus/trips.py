"""Round trips of the publish script: jobs go out together, and each gets its own answer or error.

A broken connection is opened again and what has no answer is sent again, in its order, until each job's own time is
over. That is safe because every message has a key that the script checks. This file knows the script's answer and
no message, and nothing of who takes turns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from ..errors import BusUnavailable, KeyConflict, RealtimeError
from ..message import Position
from .backoff import Backoff
from .base import Outcome, Published
from .channel import Channel, packed

_MULTI, _EXEC = packed("MULTI"), packed("EXEC")

# Redis is there, but cannot do it just now, or not over this connection: a new one may.
_LATER: Final = ("NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")

_log = logging.getLogger(__name__)


class Job:
    """One message on its way.

    Args:
        command: the packed call of the publish script.
        digest: what the message says, when its key is one that others may use too, else ``None``.
        deadline: until when to try (``time.monotonic()``).
        done: called once with the outcome, from whoever made the round trip. It may not block.

    Attributes:
        outcome: the answer to the message or its error, once there is one.
    """

    __slots__ = ("command", "deadline", "digest", "done", "outcome")

    def __init__(
        self, command: bytes, *, digest: str | None, deadline: float, done: Callable[[Outcome], None] | None = None
    ) -> None:
        self.command = command
        self.digest = digest
        self.deadline = deadline
        self.done = done
        self.outcome: Outcome | None = None

    def finish(self, outcome: Outcome) -> None:
        """This is the outcome, unless there was one before."""
        if self.outcome is None:
            self.outcome = outcome
            if self.done is not None:
                try:
                    self.done(outcome)
                except Exception:  # noqa: BLE001  one publisher's fault must not cost the others their answers
                    _log.exception("a publisher could not be told")


class Trips:
    """One connection for publishing. One at a time may use it.

    Args:
        connect: opens the connection.
        script: the publish script.
        sleep: lets others run for so many seconds.
        outage: whether Redis is known to be away, so that trying again makes no sense.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Channel],
        script: str,
        sleep: Callable[[float], None],
        outage: Callable[[], bool],
    ) -> None:
        self._connect = connect
        self._load = packed("SCRIPT", "LOAD", script)
        self._sleep = sleep
        self._outage = outage
        self._channel: Channel | None = None

    def exchange(self, jobs: Sequence[Job]) -> None:
        """Return when every job has its outcome, each within its own time."""
        backoff = Backoff(cap=0.2)
        pause = 0.0
        while jobs:
            used = self._channel is not None
            try:
                self._ask(jobs)
                return
            except (OSError, RedisError) as exc:
                self.close()
                # A connection from before says nothing of Redis now: it may have been idle for too long.
                reached = float("inf") if self._outage() and not used else time.monotonic() + pause
                _expire(jobs, reached, f"Redis cannot be reached: {exc}")
            jobs = [job for job in jobs if job.outcome is None]
            if jobs:
                self._sleep(pause)
                pause = backoff.next()

    def close(self) -> None:
        """Close the connection. The next round trip opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _ask(self, jobs: Sequence[Job]) -> None:
        # Several are a transaction: each reader is woken once for all of them, and nothing comes between.
        alone = len(jobs) == 1
        commands = [job.command for job in jobs] if alone else [_MULTI, *(job.command for job in jobs), _EXEC]
        fresh = self._channel is None
        if fresh:
            self._channel = self._connect()
            commands.insert(0, self._load)
        channel = self._channel
        assert channel is not None  # noqa: S101  for the type checker
        channel.send(commands[0] if len(commands) == 1 else b"".join(commands), until=jobs[0].deadline)
        if fresh and isinstance(failed := _received(channel, jobs), ResponseError):
            raise RedisConnectionError(f"the publish script cannot be loaded: {failed}")
        replies = [_received(channel, jobs) for _ in range(1 if alone else len(jobs) + 2)]
        answers = replies if alone else replies[-1]
        if not isinstance(answers, list):
            # Refused as a whole; what was said first is why.
            answers = [next((one for one in replies if isinstance(one, ResponseError)), answers)] * len(jobs)
        later = None
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, ResponseError) and str(answer).startswith(_LATER):
                later = answer
            else:
                job.finish(_outcome(job, answer))
        if later is not None:
            raise RedisConnectionError(str(later))


def _received(channel: Channel, jobs: Sequence[Job]) -> Any:
    """The next answer. Jobs whose time is over meanwhile have failed; the others wait on."""
    while True:
        patient = next((job for job in jobs if job.outcome is None), None)
        if patient is None:
            raise TimeoutError("no answer in time")
        try:
            return channel.receive(until=patient.deadline)
        except TimeoutError:
            _expire(jobs, time.monotonic(), "Redis did not answer in time")


def _expire(jobs: Sequence[Job], reached: float, reason: str) -> None:
    for job in jobs:
        if job.deadline <= reached:
            job.finish(BusUnavailable(reason))


def _outcome(job: Job, answer: Any) -> Outcome:
    """What the publish script's answer means: an id, or an id and the digest of the message that has the key."""
    try:
        if isinstance(answer, bytes):
            return Published(Position.parse(answer.decode()), False)
        if isinstance(answer, list):
            at, digest = answer
            if job.digest is not None and digest.decode() != job.digest:
                return KeyConflict("this key was used for another message; a key stands for one message")
            return Published(Position.parse(at.decode()), job.digest is not None)
    except (RealtimeError, ValueError, AttributeError):
        pass  # somebody else wrote what the script found
    return BusUnavailable(f"Redis refused: {answer}")
