"""The bus: where every message gets its id, is kept, and comes back from. This file is the contract.

Guarantees that each implementation gives, and that ``tests/contract/test_bus.py`` runs over all of them:

* **Order.** Ids of one bus are a total order over all rooms, strictly rising. ``deliver`` is called in that order.
* **Accepted.** When ``publish`` returns an id, the message is in the log: it can be replayed, and every process that
  is reading, or comes back to reading before the log is trimmed, delivers it. When it raises ``BusUnavailable``, the
  message was not accepted as far as this process can know; trying again with the same key is always safe.
* **Once.** Each message is delivered at most once per process. The same key for the same rooms within its lifetime is
  one message; with other content it is a ``KeyConflict`` and nothing is published.
* **Replay.** ``replay`` returns what the rooms' logs hold after a cursor, in id order, and says whether that is all of
  it: ``recovered`` is false exactly when something between the cursor and now is gone, or the cursor is not one that
  this log knows (rolled back, restarted empty, another bus, from the future).
* **Transient.** A message that is ``transient`` gets its place in the order and is delivered like any other, but no
  room's log keeps it: ``replay`` and ``latest`` never return it, and nobody misses it after an outage.
* **Outage.** A reader that loses the log for a while resumes where it stood. When it cannot (trimmed, rolled back), it
  says so by ``gap``, and each connection catches up from its own cursor. It never skips silently.

A bus does not know the hub: whoever starts it hands it a ``Receiver``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..errors import BusUnavailable, RealtimeError
from ..message import Message, Position
from .notes import Notebook
from .replay import Replay
from .roster import Roster
from .survey import RoomInfo


class Receiver(Protocol):
    """What a bus calls, always from one thread or greenlet at a time, in id order."""

    def wants(self, rooms: Sequence[str]) -> bool:
        """Whether anyone here reads one of the rooms. When not, the bus may call ``skip`` and save the decoding."""

    def deliver(self, message: Message) -> None:
        """The next message."""

    def skip(self, position: Position) -> None:
        """The log went on to ``position`` without anything for this process."""

    def control(self, position: Position, payload: dict[str, Any]) -> None:
        """The next relayed payload. It comes from a shared place: check it before use."""

    def flush(self) -> None:
        """What came since the last flush was one batch: write it out."""

    def gap(self, position: Position) -> None:
        """The log could not be followed. Everyone catches up by cursor; live delivery goes on after ``position``."""


class Published(NamedTuple):
    """The answer to a publish: the message's id, and whether it is an earlier message's (the key was known)."""

    id: Position
    duplicate: bool


class Drawn(NamedTuple):
    """Tokens that were taken, and when that is none, the seconds after which there may be enough."""

    taken: int
    wait: float


class Budgets(ABC):
    """Buckets of tokens, full at first, that every process of a bus takes from."""

    @abstractmethod
    def draw(self, name: str, *, rate: float, size: float, least: int, most: int, back: int = 0) -> Drawn:
        """Take tokens out of the bucket of this name: as many of ``most`` as there are, none if fewer than ``least``.

        Args:
            rate: tokens a second that come in.
            size: tokens that it holds, ``least`` at least.
            back: so many that were taken before and not used are put back first.

        Raises:
            BusUnavailable: it is not known what is in it, within half a second.
        """


class BusSilent(BusUnavailable):
    """The bus was asked and did not answer in time. Another connection would not help."""


Outcome = Published | RealtimeError
"""What became of one of several messages: its answer, or the error that ``publish`` would have raised for it."""


class Bus(Notebook):
    """See the module's text for what every implementation guarantees."""

    shared: bool
    """Whether other processes can read and write the same log."""

    budgets: Budgets | None = None
    """Where tokens come from that all processes share; ``None`` where there is only one."""

    roster: Roster
    """Where each process writes who is with it."""

    @property
    def expects_more(self) -> bool:
        """Whether what this process is publishing comes back within a moment, behind what it delivers now: written
        together, both cost one write."""
        return False

    on_change: Callable[[bool], None] | None = None
    """Called with false when the log cannot be followed any more, and with true when it can again. It may not wait."""

    @abstractmethod
    def start(self, receiver: Receiver) -> Position:
        """Begin to deliver what comes after the returned position. ``receiver.skip`` tells it to the receiver first.

        Raises:
            BusUnavailable: the log cannot be reached; nothing was started.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop delivering and let go of connections. Harmless when repeated."""

    def publish(self, message: Message) -> Published:
        """Put the message into the log.

        Raises:
            KeyConflict: the key was used for other content; nothing was published.
            BusUnavailable: not accepted, within ``REALTIME_PUBLISH_TIMEOUT``.
        """
        outcome = self.publish_many([message])[0]
        if isinstance(outcome, RealtimeError):
            raise outcome
        return outcome

    @abstractmethod
    def publish_many(self, messages: Sequence[Message]) -> list[Outcome]:
        """Put several messages into the log, in their order, together.

        Each is accepted or refused on its own, with the guarantees of ``publish``; nothing is raised.

        Returns:
            For each message its answer, or the error that ``publish`` would have raised: ``KeyConflict`` or
            ``BusUnavailable``.
        """

    @abstractmethod
    def publish_soon(self, message: Message, done: Callable[[Outcome], None]) -> None:
        """Put the message into the log without waiting for it.

        What one thread or greenlet publishes in this way gets its ids in that order.

        Args:
            message: what to publish.
            done: called once with the answer or the error, within ``REALTIME_PUBLISH_TIMEOUT``: at once, or later from
                another thread or greenlet. It may not block.
        """

    @abstractmethod
    def relay(self, payload: dict[str, Any]) -> Position:
        """Send a payload to every process, this one included, in the order of the log, without keeping it for replay.

        Args:
            payload: anything with a JSON form.

        Raises:
            BusUnavailable: as ``publish``.
        """

    @abstractmethod
    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Replay:
        """What the rooms got after a cursor (and not after ``upto``), oldest first, at most ``limit`` messages.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    @abstractmethod
    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Replay:
        """The newest ``limit`` messages of the rooms together (older than ``before``), oldest first.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    @abstractmethod
    def ping(self) -> None:
        """Return when the bus can be reached, else raise ``BusUnavailable`` within a second or two."""

    @abstractmethod
    def rooms(self, *, limit: int) -> list[RoomInfo]:
        """The rooms whose logs hold messages, the one with the newest message first. For people, not for serving.

        Raises:
            BusUnavailable: the log cannot be read.
        """

    def condition(self) -> Mapping[str, Any]:
        """What the bus's server says of itself; nothing where there is none. For people, too.

        Raises:
            BusUnavailable: it cannot be asked.
        """
        return {}
