"""Connection: one client's cursor into the rooms that it reads. The face that every transport wears.

A connection holds no queue of its own worth the name: what is pending is bounded, and past the bound only the cursor is
kept. How bytes reach the client is the subclass's business; when there is something for it, the hub's. This file
does no I/O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple, Protocol

from ..message import START, Message, Position
from ..presence import About

Encoder = Callable[[Message], Any]
"""Message to payload. ``None`` where a message is nothing to such connections."""


SLICE = 64
"""Messages read from the log at once for one connection: a long replay does not starve those who are live."""


class State(IntEnum):
    """Where a connection stands. The order matters: from LAGGING on, live messages pass it by."""

    LIVE = 0
    """Has everything up to the hub's position, taken or pending."""
    CATCHING_UP = 1
    """Live messages are collected while the log before them is being read."""
    LAGGING = 2
    """Only the cursor counts; it reads on from the log when it can take more."""
    CLOSED = 3


class Grant(NamedTuple):
    """On whose behalf somebody reads.

    Attributes:
        user: the user's id.
        mark: the hub's, from before it was asked whether they may.
        until: when that ends, by ``time.monotonic``; ``None`` for no end.
        leases: the rooms for which it ends sooner, and when.
        at: when that was asked, in seconds since the epoch; 0 where nobody knows.
    """

    user: str
    mark: int
    until: float | None = None
    leases: tuple[tuple[str, float], ...] = ()
    at: float = 0.0

    def ends(self, room: str) -> float | None:
        """When reading the room ends; ``None`` for never."""
        return min((when for when in (self.until, dict(self.leases).get(room)) if when is not None), default=None)


class Held(Protocol):
    """What a connection has as long as it is there."""

    def free(self) -> None:
        """It is gone. Harmless when repeated."""


class Connection(ABC):
    """One subscriber. All attributes belong to the hub and change only under its lock.

    Args:
        id: the name by which a publisher may leave it out (``skip_sid``).
        encode: message to payload; connections with the same encoder share the payload's bytes.

    Attributes:
        rooms: what it reads.
        cursor: everything up to here in its rooms was handed to the transport; the rest is pending or in the log.
        pending: payloads not yet taken, all of them after the cursor.
        greeted: the transport's opening words were said; until then a replay begins with ``opening``.
        grant: on whose behalf it reads, where somebody was asked.
        about: what its client said where it joined, by room, if anything.
        notes: control events to be said next, ahead of what is pending; the last words of a closed connection.
        held: somebody is replaying into it; nobody else may take.
        slot: what it takes up of what somebody may have open; given back when the hub forgets the connection.
        slice: how many messages of the log are read for it at once; fewer where they are large.
    """

    __slots__ = (
        "__weakref__",
        "about",
        "cursor",
        "encode",
        "grant",
        "greeted",
        "held",
        "id",
        "latest",
        "notes",
        "pending",
        "pending_bytes",
        "rooms",
        "slice",
        "slot",
        "state",
    )

    transport: ClassVar[str]
    """What metrics call it."""

    told_by_hub: ClassVar[bool] = True
    """Whether the hub tells it of outages. Others are told by whoever knows all of them."""

    counts: ClassVar[bool] = True
    """Whether somebody is there who sees the room, for those who want to know who is."""

    ends_without_rooms: ClassVar[bool] = True
    """Whether it is of no use once it may read nothing any more."""

    def __init__(self, id: str, encode: Encoder) -> None:
        self.id = id
        self.encode = encode
        self.rooms: set[str] = set()
        self.cursor = START
        self.pending: list[Any] = []
        self.pending_bytes = 0
        self.state = State.LIVE
        self.grant: Grant | None = None
        self.about: Mapping[str, About] | None = None
        self.notes: list[Any] = []
        self.greeted = True
        self.held = False
        self.latest = 0
        self.slice = SLICE
        self.slot: Held | None = None

    @property
    def carrier(self) -> str:
        """Over what it is connected just now, as clients call it."""
        return self.transport

    @property
    def passing(self) -> bool:
        """Whether it ends soon by itself, and its client then comes back with another."""
        return False

    @property
    def lagging(self) -> bool:
        """Whether there is log to read before anything live."""
        return self.state is State.LAGGING

    @property
    def names_rooms(self) -> bool:
        """Whether its payloads say for which rooms they are, so that of a message to several each has its own."""
        return False

    def encoded(self, message: Message) -> Any:
        """The payload of a message for this connection alone."""
        return self.encode(message)

    def wants(self, message: Message) -> bool:
        """Whether a message of the log is for it: it may have left the room while the log was read."""
        return self.id not in message.skip and not self.rooms.isdisjoint(message.rooms)

    @abstractmethod
    def wake(self) -> None:
        """There is something to take. Called once per batch, from the deliverer: it must not block."""

    @abstractmethod
    def size(self, payload: Any) -> int:
        """Bytes that one payload costs while it is pending."""

    def joined(self, payloads: list[Any]) -> bytes:
        """Several payloads as one piece to write, for transports that write bytes."""
        return b"".join(payloads)

    def opening(self, *, recovered: bool, cursor: Position) -> list[Any]:  # noqa: ARG002  the face, not every transport speaks first
        """What the transport says before the first message, or nothing."""
        return []

    def control(self, event: str, data: Any) -> list[Any]:  # noqa: ARG002  the face, as above
        """A control event, which has no id, for transports that can say it."""
        return []

    @abstractmethod
    def reset(self, cursor: Position) -> list[Any]:
        """Tells the client that something between its last message and ``cursor`` is gone."""

    def farewell(self, retry_ms: int) -> list[Any]:  # noqa: ARG002  the face, as above
        """The last words of a server that goes, for transports that have them: come back after so long."""
        return []
