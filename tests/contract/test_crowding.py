"""Many who read the same rooms at once get what each would have read alone, out of few reads."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from realtime.bus.base import Bus
from realtime.concurrency import Concurrency
from realtime.errors import BusUnavailable
from realtime.hub.crowding import CROWD, SharedLog
from realtime.hub.hub import Hub
from realtime.hub.log import Slice
from realtime.message import START, UNKNOWN, Position

from .conftest import MakeBus, Recorder
from .test_bus import put
from .test_hub import Client


class Counted:
    """A bus's log that counts how often it is read, and can be made to fail.

    Attributes:
        reads: how often.
        largest: the most bytes of data that one read brought.
        broken: reading fails, once ``go`` is set.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.reads = self.largest = 0
        self.broken = False
        self.go = threading.Event()
        self.go.set()

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Slice:
        self.reads += 1
        self.go.wait(10)
        if self.broken:
            raise BusUnavailable("as the test wants it")
        found = self._bus.replay(rooms, after, upto=upto, limit=limit)
        self.largest = max(self.largest, sum(len(one.json) for one in found.messages))
        return found

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Slice:
        return self._bus.latest(rooms, before=before, limit=limit)


@pytest.fixture
def log(bus: Bus, recorder: Recorder) -> Counted:
    assert not recorder.messages  # The bus was started with it.
    return Counted(bus)


@pytest.fixture
def shared(log: Counted, concurrency: Concurrency) -> SharedLog:
    return SharedLog(log, concurrency=concurrency)


def same(one: Slice, other: Slice) -> bool:
    """Whether two slices say the same."""
    said = [([m.id for m in s.messages], s.recovered, s.start, s.cursor, s.more) for s in (one, other)]
    return said[0] == said[1]


def test_a_crowd_is_read_the_same_as_each_of_it_alone(bus: Bus, log: Counted, shared: SharedLog) -> None:
    chance = random.Random(7)
    rooms, ids = ["lobby", "hall", "attic"], [START]
    asked = 0
    for number in range(300):
        ids.append(put(bus, number, chance.choice(rooms)))
        for _ in range(chance.choice((0, 0, 3))):
            # Mostly cursors of the last while; but others come as well, and those of other rooms.
            odd = (*ids[:-60], UNKNOWN, Position(ids[-1].ms, ids[-1].n + 7), Position(5, 5))
            after = chance.choice(odd if chance.random() < 0.2 else ids[-60:])
            upto, limit = chance.choice(ids[-3:]), chance.choice((3, 64, 100))
            mine = rooms[: chance.choice((2, 3))]
            asked += 1
            alone = bus.replay(mine, after, upto=upto, limit=limit)
            assert same(shared.replay(mine, after, upto=upto, limit=limit), alone), (number, after, upto, limit)
    assert asked > 200 and log.reads < 0.9 * asked


def test_a_thousand_who_come_back_cost_a_few_reads(bus: Bus, log: Counted, shared: SharedLog) -> None:
    ids = [put(bus, number) for number in range(150)]
    for number in range(1000):
        if number % 100 == 99:
            ids.append(put(bus, len(ids)))  # What is new meanwhile is read once for all.
        found = shared.replay(["lobby"], ids[number % 100], upto=ids[-1], limit=64)
        assert found.recovered
        assert [one.data for one in found.messages] == list(range(number % 100 + 1, len(ids)))[:64]
    assert log.reads < CROWD + 50


def test_of_large_messages_no_more_is_read_at_once_for_a_crowd(bus: Bus, log: Counted, shared: SharedLog) -> None:
    ids = [put(bus, str(number) * 10_000) for number in range(10, 90)]
    for _ in range(3 * CROWD):
        for after in (ids[0], ids[-20]):
            alone = bus.replay(["lobby"], after, upto=ids[-1], limit=40)
            assert same(shared.replay(["lobby"], after, upto=ids[-1], limit=40), alone)
    assert log.largest <= 1024 * 1024
    assert log.reads < 5 * CROWD


def test_few_do_not_share_and_read_no_more_than_they_ask_for(bus: Bus, log: Counted, shared: SharedLog) -> None:
    ids = [put(bus, number) for number in range(20)]
    for one in ids[:CROWD]:
        shared.replay(["lobby"], one, upto=ids[-1], limit=4)
    assert log.reads == CROWD


def test_who_is_too_far_behind_for_the_crowd_reads_alone(bus: Bus, log: Counted, shared: SharedLog) -> None:
    ids = [put(bus, number) for number in range(600)]
    for _ in range(3 * CROWD):
        for after in (ids[0], ids[-100]):
            alone = bus.replay(["lobby"], after, upto=ids[-1], limit=64)
            assert same(shared.replay(["lobby"], after, upto=ids[-1], limit=64), alone)
    assert log.reads < 4 * CROWD + 8, "those who are not so far behind share all the same"


def test_what_was_read_is_not_believed_after_the_log_was_lost(bus: Bus, log: Counted, concurrency: Concurrency) -> None:
    hub = Hub(log=log, concurrency=concurrency, crowds=True)
    ids = [put(bus, number) for number in range(10)]

    def come_back() -> Client:
        client = Client(hub, eager=False)
        hub.attach(client, ["lobby"], after=ids[0])
        client.drain()
        return client

    hub.skip(ids[-1])
    for _ in range(3 * CROWD):
        assert come_back().data == list(range(1, 10))
    before = log.reads
    assert come_back().data == list(range(1, 10)) and log.reads == before
    hub.gap(ids[-1])
    come_back()
    assert log.reads > before
    hub.close()


def test_one_failure_is_the_failure_of_all_who_waited_for_it(
    bus: Bus, log: Counted, shared: SharedLog, concurrency: Concurrency
) -> None:
    ids = [put(bus, number) for number in range(10)]
    for _ in range(CROWD + 1):
        shared.replay(["lobby"], ids[5], upto=ids[-1], limit=64)
    before = log.reads
    log.broken = True
    log.go.clear()
    outcomes: list[Any] = []

    def ask() -> None:
        try:
            outcomes.append(shared.replay(["lobby"], ids[2], upto=ids[-1], limit=64))
        except BusUnavailable as exc:
            outcomes.append(exc)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    waiting = threading.Event()
    waiting.wait(0.3)  # All of them have asked by then; who comes later reads by itself.
    log.go.set()
    for thread in threads:
        thread.join(10)
    assert len(outcomes) == 10 and all(isinstance(one, BusUnavailable) for one in outcomes)
    assert log.reads == before + 1
    log.broken = False
    assert shared.replay(["lobby"], ids[2], upto=ids[-1], limit=64).recovered


def test_no_more_is_kept_than_is_allowed_however_many_crowds_there_were(
    make_bus: MakeBus, concurrency: Concurrency
) -> None:
    bus = make_bus()
    bus.start(Recorder())
    shared = SharedLog(Counted(bus), concurrency=concurrency)

    def kept() -> int:
        return sum(crowd.window.size for crowd in shared._crowds.values() if crowd.window is not None)

    def read(room: str, last: list[Position]) -> None:
        alone = bus.replay([room], last[0], upto=last[-1], limit=64)
        assert same(shared.replay([room], last[0], upto=last[-1], limit=64), alone)
        assert kept() <= 4 * 1024 * 1024

    rooms = {str(room): [put(bus, 0, str(room)), put(bus, 1, str(room))] for room in range(8)}
    for _ in range(CROWD + 2):
        for room, last in rooms.items():
            read(room, last)
    # All of them are small when they are first read, and grow with what comes.
    most = 0
    for _ in range(16):
        for room, last in rooms.items():
            last[:] = [last[-1], put(bus, "x" * 60_000, room)]
            read(room, last)
            most = max(most, kept())
    assert most > 60_000, "but it is kept"
