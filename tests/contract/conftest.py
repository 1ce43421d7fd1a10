"""Every bus, under the same tests. ``make_bus`` opens another one on the same log where the log can be shared."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from realtime.bus.base import Bus
from realtime.bus.memory import MemoryBus
from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency, detected
from realtime.message import START, Message, Position
from tests.support.processes import Redis, eventually


@dataclass
class Recorder:
    """A receiver that keeps what it is told, in order."""

    messages: list[Message] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    order: list[Position] = field(default_factory=list)
    gaps: list[Position] = field(default_factory=list)
    skipped: list[Position] = field(default_factory=list)
    flushes: int = 0
    wanted: Callable[[Sequence[str]], bool] = lambda _rooms: True
    on_deliver: Callable[[Message], None] = lambda _message: None

    def wants(self, rooms: Sequence[str]) -> bool:
        return self.wanted(rooms)

    def deliver(self, message: Message) -> None:
        self.messages.append(message)
        self.order.append(message.id or START)
        self.on_deliver(message)

    def skip(self, position: Position) -> None:
        self.skipped.append(position)

    def control(self, position: Position, payload: dict[str, Any]) -> None:
        self.controls.append(payload)
        self.order.append(position)

    def flush(self) -> None:
        self.flushes += 1

    def gap(self, position: Position) -> None:
        self.gaps.append(position)

    def wait(self, count: int, *, within: float = 10) -> list[Any]:
        """Wait for so many messages; return their data."""
        eventually(lambda: len(self.messages) >= count, within=within, what=f"{count} messages")
        return [message.data for message in self.messages]


class Clock:
    """A clock that goes by itself unless a test sets it."""

    def __init__(self) -> None:
        self.fixed: float | None = None

    def __call__(self) -> float:
        import time

        return time.time() if self.fixed is None else self.fixed


MakeBus = Callable[..., Bus]


@pytest.fixture
def concurrency() -> Concurrency:
    """Threads, or greenlets where this process is patched (see test_under_gevent)."""
    return detected()


@pytest.fixture(params=["memory", "redis"])
def make_bus(request: pytest.FixtureRequest, concurrency: Concurrency) -> Iterator[MakeBus]:
    """Makes buses on one log. The embedded bus can only be made once per test."""
    namespace = f"test-{secrets.token_hex(6)}"
    opened: list[Bus] = []

    def make(**options: Any) -> Bus:
        bus: Bus
        if request.param == "memory":
            assert not opened, "the embedded bus cannot be shared"
            bus = MemoryBus(concurrency=concurrency, **options)
        else:
            redis: Redis = request.getfixturevalue("shared_redis")
            bus = RedisBus(redis.url, concurrency=concurrency, namespace=namespace, **options)
        opened.append(bus)
        return bus

    yield make
    for bus in opened:
        bus.stop()


@pytest.fixture
def bus(make_bus: MakeBus) -> Bus:
    """A bus of each kind, not started."""
    return make_bus()


@pytest.fixture
def recorder(bus: Bus) -> Recorder:
    """What the started bus delivers."""
    recorder = Recorder()
    bus.start(recorder)
    return recorder
