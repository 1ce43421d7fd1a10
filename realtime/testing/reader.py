"""What a test holds in its hand: a subscriber's messages, in order, and assertions whose text says what was seen.

The transports beside this file fill it, from a thread or greenlet of their own. It may not know how anything arrives.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from ..arguments import MOST_PATIENCE, seconds
from ..bus.base import Bus
from ..concurrency import Concurrency
from ..errors import InvalidValue, RealtimeError
from ..hub.log import just_before
from ..message import Position
from ..presence import EVENT as PRESENCE

ANYTHING: Final = object()
"""Stands for any data."""

PATIENCE: Final = 5.0
"""Seconds for what does not depend on the test: opening, joining, closing."""


_LOOK_AGAIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """One message as a subscriber sees it.

    Attributes:
        id: its place in the log; ``""`` for what is not in it: a transient message, a broadcast, an emit to one client.
        event: the event's name.
        data: the decoded data; several Socket.IO arguments are a list, none is ``None``, as event streams have it.
        room: the room that it is from, of those subscribed to; ``None`` for what is not in the log.
    """

    id: str
    event: str
    data: Any
    room: str | None


class AccessRefused(Exception):
    """The application did not let the subscriber in.

    Attributes:
        status: of the HTTP answer; ``None`` where Socket.IO refused.
        code: the error's stable word, such as ``forbidden``.
        message: the error's text.
    """

    def __init__(self, message: str, *, code: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.message, self.code, self.status = message, code, status


class Reader(ABC):
    """A subscriber. Leaving its ``with`` block ends the subscription.

    Args:
        rooms: what it is subscribed to.
        bus: says which room a message is from.
        concurrency: the application's: who waits lets its threads or greenlets run.

    Attributes:
        recovered: nothing between the cursor that it came with and now is missing.
        cursor: where it started from.
    """

    transport: str

    def __init__(self, rooms: Sequence[str], *, bus: Bus, concurrency: Concurrency) -> None:
        self.rooms = tuple(rooms)
        self.recovered = True
        self.cursor = ""
        self._bus = bus
        self._something = concurrency.event()
        self._finished = concurrency.event()
        self._messages: list[Received] = []
        self._taken = 0
        self._presence: list[Any] = []
        self._resets = 0
        self._ended: str | None = None
        self._spawn = concurrency.spawn

    @property
    def messages(self) -> list[Received]:
        """Everything that has come so far, whether it was expected or not."""
        return list(self._messages)

    def expect(
        self, event: str | None = None, *, data: Any = ANYTHING, timeout: float = 1.0, skip_others: bool = False
    ) -> Received:
        """The next message, which must be this one.

        Args:
            event: the event's name; ``None`` for any.
            data: what it must carry.
            timeout: seconds to wait for it.
            skip_others: pass over messages that are not this one.

        Raises:
            AssertionError: another message came, or none in time.
        """
        wanted = "a message" if event is None else repr(event)
        wanted += "" if data is ANYTHING else f" with {data!r}"
        deadline = time.monotonic() + seconds("timeout", timeout, most=MOST_PATIENCE)
        while True:
            got = self._next(deadline)
            if got is None:
                raise AssertionError(f"expected {wanted} within {timeout:g} s; {self._story()}")
            if (event is None or got.event == event) and (data is ANYTHING or got.data == data):
                return got
            if not skip_others:
                raise AssertionError(f"expected {wanted}, but the next message is {got}; {self._story(without=1)}")

    @property
    def presence(self) -> list[Any]:
        """What it was told of who is there (``realtime.presence``), which is no message."""
        return list(self._presence)

    def expect_nothing(self, *, timeout: float = 0.2) -> None:
        """Nothing may come for so many seconds.

        Raises:
            AssertionError: something came.
        """
        got = self._next(time.monotonic() + seconds("timeout", timeout, most=MOST_PATIENCE))
        if got is not None:
            raise AssertionError(f"expected nothing, but {got} came; {self._story(without=1)}")

    def expect_reset(self, *, timeout: float = 1.0) -> None:
        """The subscriber must be told that the log could not be followed (``realtime.reset``).

        Raises:
            AssertionError: it was not told in time.
        """
        if not self._wait(lambda: self._resets > 0, seconds("timeout", timeout, most=MOST_PATIENCE)):
            raise AssertionError(f"expected realtime.reset within {timeout:g} s; {self._story()}")
        self._resets -= 1

    def expect_end(self, *, timeout: float = 1.0) -> None:
        """The server must end the subscription.

        Raises:
            AssertionError: it did not, in time.
        """
        if not self._wait(lambda: self._ended is not None, seconds("timeout", timeout, most=MOST_PATIENCE)):
            raise AssertionError(f"expected the end within {timeout:g} s; {self._story()}")

    @abstractmethod
    def close(self) -> None:
        """End the subscription. Harmless when repeated."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _next(self, deadline: float) -> Received | None:
        self._wait(lambda: self._taken < len(self._messages) or self._ended is not None, deadline - time.monotonic())
        if self._taken == len(self._messages):
            return None
        self._taken += 1
        return self._messages[self._taken - 1]

    def _start(self, read: Callable[[], None]) -> None:
        """Read in the background, until ``read`` returns."""

        def run() -> None:
            try:
                read()
            finally:
                self._finished.set()

        self._spawn(run, name="realtime-testing")

    def _join(self) -> None:
        """Wait for the end of what ``_start`` began."""
        self._finished.wait(PATIENCE)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            self._something.clear()
            if condition():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # Not for longer: several may wait here, and one of them clears what wakes the others.
            self._something.wait(min(left, _LOOK_AGAIN))

    def _receive(self, id: str, event: str, data: Any) -> None:
        if event == PRESENCE:
            self._presence.append(data)
            self._something.set()
            return
        self._messages.append(Received(id, event, data, self._room_of(id)))
        self._something.set()

    def _reset(self) -> None:
        self._resets += 1
        self._something.set()

    def _end(self, reason: str) -> None:
        self._ended = self._ended or reason
        self._something.set()

    def _room_of(self, id: str) -> str | None:
        """Neither transport says it; the log knows."""
        try:
            at = Position.parse(id)
        except InvalidValue:
            return None
        if len(self.rooms) == 1:
            return self.rooms[0]
        for room in self.rooms:
            try:
                if self._bus.replay([room], just_before(at), upto=at, limit=1).messages:
                    return room
            except RealtimeError:
                return None
        return None

    def _story(self, *, without: int = 0) -> str:
        seen = ", ".join(map(str, self._messages[: self._taken - without])) or "nothing"
        ended = f"; the subscription has ended: {self._ended}" if self._ended else ""
        return f"seen before: {seen}; subscribed to {', '.join(self.rooms)} over {self.transport}{ended}"
