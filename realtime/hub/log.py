"""What the hub needs of the log, and what it counts. Neither knows a bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ..errors import RealtimeError
from ..message import Message, Position


class Slice(Protocol):
    """A piece of the log, as ``bus.base.Replay`` describes it."""

    @property
    def messages(self) -> Sequence[Message]:
        """Oldest first."""

    @property
    def recovered(self) -> bool:
        """Nothing between the cursor and now is missing."""

    @property
    def start(self) -> Position:
        """Right before the first message."""

    @property
    def cursor(self) -> Position:
        """Continue after this."""

    @property
    def more(self) -> bool:
        """The limit cut it short."""


class Log(Protocol):
    """What the hub needs of a bus."""

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Slice:
        """What the rooms got after a cursor, oldest first."""

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Slice:
        """The newest messages of the rooms together, oldest first."""


def just_before(at: Position) -> Position:
    """The last position that is smaller."""
    return Position(at.ms, at.n - 1) if at.n else Position(max(at.ms - 1, 0), 2**64 - 1)


REFUSED: Final = (
    # rates
    "events",
    "joins",
    "publishes",
    "reads",
    "backends",
    "abuse",
    # what is open
    "connections_per_user",
    "connections_per_address",
    "polls_per_user",
    "polls_per_address",
    # sizes
    "message_bytes",
    "fragments",
    "attachments",
    "json_depth",
    "rooms",
    # times
    "head_timeout",
    "body_timeout",
    "connect_timeout",
    # rules of protocols
    "requests",
    "frames",
    "packets",
    "polls",
    "origins",
)
"""What is refused, by the limit or rule that it breaks. Each is counted from 0: a rise is told from a first time."""


class Counters:
    """What the hub counts, for ``/metrics``. Plain integers, changed under the hub's lock.

    ``refused`` is counted by the doors, without it: what went over a limit, by the limit's name.
    """

    __slots__ = ("deliveries", "gaps", "messages", "refused", "resets", "spills")

    def __init__(self) -> None:
        self.messages = self.deliveries = self.spills = self.resets = self.gaps = 0
        self.refused = dict.fromkeys(REFUSED, 0)

    def refuse(self, limit: str) -> None:
        """Something was refused that exceeds this limit."""
        self.refused[limit] += 1

    def told(self, error: RealtimeError) -> None:
        """A client is told this error."""
        if error.limit is not None:
            self.refuse(error.limit)
