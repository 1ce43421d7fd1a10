"""Round trips of the publish script: jobs go out together, and each gets its own answer or error.

A broken connection is opened again and what has no answer is sent again, in its order, until each job's own time is
over. That is safe because every message has a key that the script checks. This file knows the script's answer and
no message, and nothing of who takes turns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from ..errors import BusUnavailable, KeyConflict, NotDurable, RealtimeError
from ..jitter import Backoff
from ..message import Position
from .base import Outcome, Published
from .channel import Channel, packed

_MULTI, _EXEC = packed("MULTI"), packed("EXEC")

# Redis is there, but cannot do it just now, or not over this connection: a new one may.
_LATER: Final = ("NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK")
_STEP: Final = 0.1
"""Seconds after which whoever waits for an answer looks whether there can still be one."""
_AWAY: Final = "Redis cannot be reached: its log cannot be followed"

_log = logging.getLogger(__name__)


class Job:
    """One message on its way.

    Args:
        command: the packed call of the publish script.
        digest: what the message says, when its key is one that others may use too, else ``None``.
        deadline: until when to try (``time.monotonic()``).
        mark: of the entry that it becomes.
        done: called once with the outcome, from whoever made the round trip. It may not block.

    Attributes:
        outcome: the answer to the message or its error, once there is one.
    """

    __slots__ = ("command", "deadline", "digest", "done", "mark", "outcome")

    def __init__(
        self,
        command: bytes,
        *,
        digest: str | None,
        deadline: float,
        mark: str = "",
        done: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.command = command
        self.digest = digest
        self.deadline = deadline
        self.mark = mark
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


class Durability(NamedTuple):
    """What has to be true of a message before it is acknowledged, beside being in the log.

    Attributes:
        replicas: so many have confirmed it (``WAIT``).
        timeout: seconds that they have for it.
    """

    replicas: int = 0
    timeout: float = 1.0


NOT_DURABLE: Final = Durability()


class Trips:
    """One connection for publishing. One at a time may use it.

    Args:
        connect: opens the connection.
        opening: what a new connection is asked first, packed.
        sleep: lets others run for so many seconds.
        outage: whether Redis is known to be away, so that trying makes no sense.
        durability: what to wait for; by default for nothing.

    Attributes:
        newest: the last id that was answered, as Redis said it, and the mark of its entry.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Channel],
        opening: Callable[[], Sequence[bytes]],
        sleep: Callable[[float], None],
        outage: Callable[[], bool],
        durability: Durability = NOT_DURABLE,
    ) -> None:
        self.newest: tuple[bytes, str] = b"", ""
        self._connect = connect
        self._opening = opening
        self._sleep = sleep
        self._outage = outage
        self._durability = durability
        self._channel: Channel | None = None

    def exchange(self, jobs: Sequence[Job]) -> None:
        """Return when every job has its outcome, each within its own time."""
        backoff = Backoff(cap=0.2)
        pause = 0.0
        while jobs:
            if self._outage():
                # Who follows the log tries again all the time: nobody else needs to wait for the same.
                _expire(jobs, float("inf"), _AWAY)
                return
            try:
                self._ask(jobs)
                return
            except (OSError, RedisError) as exc:
                self.close()
                _expire(jobs, time.monotonic() + pause, f"Redis cannot be reached: {exc}")
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
        if self._durability.replicas:
            left = min(self._durability.timeout, max(jobs[0].deadline - time.monotonic() - _STEP, 0.001))
            commands.append(packed("WAIT", self._durability.replicas, max(int(left * 1000), 1)))
        if self._channel is not None and self._channel.moves:
            self._channel.look()
        opening: Sequence[bytes] = ()
        if self._channel is None:
            self._channel = self._connect()
            opening = self._opening()
            commands[:0] = opening
        channel = self._channel
        assert channel is not None  # noqa: S101  for the type checker
        channel.send(commands[0] if len(commands) == 1 else b"".join(commands), until=jobs[0].deadline)
        for _ in opening:
            if isinstance(failed := self._received(channel, jobs), ResponseError):
                raise RedisConnectionError(f"Redis is not ready for messages: {failed}")
        replies = [self._received(channel, jobs) for _ in range(1 if alone else len(jobs) + 2)]
        answers = replies if alone else replies[-1]
        if not isinstance(answers, list):
            # Refused as a whole; what was said first is why.
            answers = [next((one for one in replies if isinstance(one, ResponseError)), answers)] * len(jobs)
        confirmed = self._confirmed(channel, jobs) if self._durability.replicas else 0
        later = None
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, ResponseError) and str(answer).startswith(_LATER):
                later = answer
            elif confirmed < self._durability.replicas:
                job.finish(self._doubted(_outcome(job, answer), confirmed))
            else:
                job.finish(_outcome(job, answer))
        if isinstance(answers[-1], bytes):
            self.newest = answers[-1], jobs[-1].mark
        if later is not None:
            channel.doubt()
            raise RedisConnectionError(str(later))

    def _received(self, channel: Channel, jobs: Sequence[Job]) -> Any:
        """The next answer. Jobs whose time is over meanwhile have failed; the others wait on, while it can come."""
        while True:
            patient = next((job for job in jobs if job.outcome is None), None)
            if patient is None:
                raise TimeoutError("no answer in time")
            now = time.monotonic()
            try:
                return channel.receive(until=min(patient.deadline, now + _STEP))
            except TimeoutError:
                now = float("inf") if self._outage() else time.monotonic()
                _expire(jobs, now, "Redis did not answer in time")
                if channel.stale:
                    # It was asked, and may have heard it. Under the same keys the new primary can be asked again.
                    raise

    def _confirmed(self, channel: Channel, jobs: Sequence[Job]) -> int:
        """How many replicas have what this trip wrote."""
        count = self._received(channel, jobs)
        if not isinstance(count, int):
            raise RedisConnectionError(f"Redis did not say which replicas have it: {count}")
        return count

    def _doubted(self, outcome: Outcome, confirmed: int) -> Outcome:
        if not isinstance(outcome, Published):
            return outcome
        return NotDurable(
            f"the message is in the log, but only {confirmed} of the {self._durability.replicas} replicas that "
            "REALTIME_DURABLE asks for have confirmed it in time; try again with the same key",
            id=str(outcome.id),
        )


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
