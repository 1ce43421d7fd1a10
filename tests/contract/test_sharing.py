"""Connections that share what their room has pending: whatever they do meanwhile, each sees its own rooms' messages,
once, in order, and nothing else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from realtime.bus.memory import MemoryBus
from realtime.concurrency import Threads
from realtime.hub.connection import State
from realtime.hub.gathering import CROWD, Gathering
from realtime.hub.groups import Group, SharingConnection
from realtime.hub.hub import Hub
from realtime.message import Message

from .test_bus import put


class Loop:
    """One turn after another: what asked to be flushed is flushed when the test says that the turn is over."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def turn(self) -> None:
        asked, self.asked = self.asked, []
        for one in asked:
            one.flush()


class Client(SharingConnection):
    """A socket of the test's own: keeps what is written, and can be full."""

    transport = "test"

    def __init__(self, hub: Hub, loop: Loop, name: str = "") -> None:
        super().__init__(name, _encoded)
        self.hub, self.loop = hub, loop
        self.written: list[bytes] = []
        self.full = False
        self.rest = b""
        self.resets = 0

    @property
    def seen(self) -> list[str]:
        return b"".join(self.written).decode().split()

    def put(self, data: bytes) -> None:
        if self.full:
            self.rest += data
            self.hub.part(self)
        else:
            self.written.append(data)

    def flush_soon(self, group: Group) -> None:
        self.loop.asked.append(group)

    def wake(self) -> None:
        self.loop.asked.append(self)

    def flush(self) -> None:
        """Write what is pending, unless the socket is full; share when there is nothing more."""
        while not self.rest and self.state is not State.CLOSED:
            payloads = self.hub.take(self)
            if payloads:
                self.put(b"".join(payloads))
            elif self.state is State.LIVE:
                break
        if not self.rest and self.state is State.LIVE:
            self.hub.share(self)

    def drain(self) -> None:
        """The socket takes everything again."""
        self.full = False
        self.written.append(self.rest)
        self.rest = b""
        self.flush()

    def say(self, word: str) -> None:
        """Something for this client alone: it goes behind what its rooms have pending for it."""
        self.put(b"".join(self.hub.take(self)) + f"{word} ".encode())

    def size(self, payload: bytes) -> int:
        return len(payload)

    def reset(self, _cursor: object) -> list[bytes]:
        self.resets += 1
        return []


def _encoded(message: Message) -> bytes:
    return f"{message.data} ".encode()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus(concurrency=Threads(), history_length=10_000)


@pytest.fixture
def hub(bus: MemoryBus) -> Hub:
    hub = Hub(log=bus, concurrency=Threads(), max_pending_bytes=200)
    bus.start(hub)
    return hub


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def sharing(hub: Hub, loop: Loop) -> Callable[..., Client]:
    def make(*rooms: str, name: str = "") -> Client:
        client = Client(hub, loop, name)
        hub.attach(client, rooms)
        hub.share(client)
        assert client.shared is not None
        return client

    return make


def test_what_a_turn_brings_is_written_once_and_the_bytes_are_the_same_for_all(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    clients = [sharing("lobby") for _ in range(3)]
    for number in range(3):
        put(bus, number)
    assert [client.written for client in clients] == [[], [], []]
    loop.turn()
    assert [client.written for client in clients] == [[b"0 1 2 "]] * 3
    assert len({id(client.written[0]) for client in clients}) == 1


def test_only_a_crowd_may_wait_for_more_and_it_is_told_what_was_written_together(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    few, crowd = [sharing("few") for _ in range(CROWD - 1)], [sharing("lobby") for _ in range(CROWD)]
    put(bus, 0, "few")
    put(bus, 1)
    put(bus, 2)
    for group in (*(few[0].shared or ()), *(crowd[0].shared or ())):
        assert not group.waits(time.monotonic()), "nothing is known of it"
    loop.turn()
    assert (few[0].shared or ())[0].gathering is None
    gathering = (crowd[0].shared or ())[0].gathering
    assert gathering is not None and gathering.want == 2


def test_a_crowd_asks_again_with_each_batch_and_does_not_wait_with_much(
    bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.max_pending_bytes = 1_000_000
    crowd = [sharing("lobby") for _ in range(CROWD)]
    (group,) = crowd[0].shared or ()
    monkeypatch.setattr(Gathering, "waits", lambda _self, count, _now: count < 3)
    for number in range(3):
        assert len(loop.asked) == number
        put(bus, number)
        assert group.waits(0) == (number < 2)
    loop.turn()
    put(bus, "x" * 40_000)
    assert group.waits(0)
    put(bus, "x" * 40_000)
    assert not group.waits(0)


def test_who_is_skipped_is_parted_and_gets_what_comes_before_and_after(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    sender, other = sharing("lobby", name="sender~"), sharing("lobby")
    put(bus, 0)
    put(bus, 1, skip=["sender~"])
    put(bus, 2)
    loop.turn()
    assert sender.seen == ["0", "2"] and other.seen == ["0", "1", "2"]
    assert sender.shared is not None, "it shares again"


def test_who_reads_two_rooms_keeps_their_order_though_each_has_its_own_group(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    both, one = sharing("lobby", "hall"), sharing("hall")
    for number in range(6):
        put(bus, number, ("lobby", "hall")[number % 2])
    put(bus, 6, ["lobby", "hall"])
    loop.turn()
    assert both.seen == ["0", "1", "2", "3", "4", "5", "6"] and one.seen == ["1", "3", "5", "6"]
    assert both.shared is not None


def test_a_group_that_its_only_reader_has_to_leave_keeps_nothing(
    bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client]
) -> None:
    alone = sharing("lobby", "hall")
    for number in range(6):
        put(bus, number, ("lobby", "hall", "hall")[number % 3])
        if number % 3:
            loop.turn()
            assert alone.seen == [str(one) for one in range(number + 1)]


def test_what_is_said_to_one_alone_goes_behind_what_its_room_got_and_ahead_of_what_comes_next(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    ann, bob = sharing("lobby"), sharing("lobby")
    put(bus, 0)
    ann.say("you")
    put(bus, 1)
    loop.turn()
    assert ann.seen == ["0", "you", "1"] and bob.seen == ["0", "1"]


def test_a_full_socket_costs_the_others_nothing_and_reads_on_from_where_it_was(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client]
) -> None:
    slow, fast = sharing("lobby"), sharing("lobby")
    slow.full = True
    for number in range(200):
        put(bus, number)
        loop.turn()
    assert fast.seen == [str(number) for number in range(200)]
    assert slow.seen == [] and slow.lagging and slow.pending == []
    slow.drain()
    loop.turn()
    assert slow.seen == fast.seen and slow.resets == 0


def test_more_than_may_be_pending_in_one_turn_is_read_from_the_log(
    bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client]
) -> None:
    clients = [sharing("lobby") for _ in range(2)]
    for number in range(300):
        put(bus, number)
    assert hub.counters.spills == 2
    loop.turn()
    for client in clients:
        assert client.seen == [str(number) for number in range(300)] and client.resets == 0


def test_a_fault_of_one_does_not_keep_the_others_from_what_is_theirs(
    bus: MemoryBus, loop: Loop, sharing: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    clients = [sharing("lobby") for _ in range(3)]
    clients[1].put = lambda _data: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    put(bus, 0)
    loop.turn()
    assert clients[0].seen == clients[2].seen == ["0"]
    assert "could not be written" in caplog.text


def test_nobody_is_left_behind_in_a_group(bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client]) -> None:
    for _ in range(2):
        clients = [sharing("lobby", "hall"), sharing("lobby"), sharing("hall")]
        put(bus, 0)
        for client in clients:
            hub.detach(client)
        loop.turn()
        assert hub.rooms == 0 and hub.connections == set()
        assert [client.seen for client in clients] == [[], [], []]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_clients_do_meanwhile_each_sees_its_rooms_messages_once_and_in_order(
    bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client], seed: int
) -> None:
    chance = random.Random(seed)
    # Either clients change rooms, or they lag: one that lags reads the rooms that it is in by then.
    moving = seed % 2 == 1
    if moving:
        hub.max_pending_bytes = 1_000_000
    rooms = ["a", "b", "c"]
    names = [f"{number}~" for number in range(1 + seed % 6)]
    clients = [sharing(*chance.sample(rooms, chance.randrange(1, 4)), name=name) for name in names]
    expected: dict[Client, list[str]] = {client: [] for client in clients}
    for number in range(400):
        client = chance.choice(clients)
        what = chance.randrange(12)
        if what < 5:
            to = chance.sample(rooms, chance.choice([1, 1, 1, 2]))
            skip = [client.id] if chance.random() < 0.2 else []
            put(bus, number, to, skip=skip)
            for one in clients:
                if one.rooms & set(to) and one.id not in skip:
                    expected[one].append(str(number))
        elif what < 8:
            loop.turn()
            for one in clients:
                if not one.full:
                    assert one.seen == expected[one], "a turn leaves nothing behind"
        elif what == 8 and not client.full and client.state is State.LIVE:
            client.say(f"alone-{number}")
            expected[client].append(f"alone-{number}")
        elif what == 9:
            client.full = not client.full
            if not client.full:
                client.drain()
        elif what == 10 and moving:
            hub.join(client, chance.choice(rooms))
        elif what == 11 and moving and len(client.rooms) > 1:
            hub.leave(client, chance.choice(sorted(client.rooms)))
    for client in clients:
        client.drain()
    loop.turn()
    for client in clients:
        assert client.seen == expected[client]
        assert client.resets == 0


def test_who_loses_what_it_was_woken_for_is_woken_again_to_read_the_log(
    bus: MemoryBus, hub: Hub, loop: Loop, sharing: Callable[..., Client]
) -> None:
    client, _other = sharing("lobby"), sharing("lobby")
    hub.part(client)
    put(bus, 0)
    woken = loop.asked.count(client)
    put(bus, "x" * 300)
    assert client.lagging and loop.asked.count(client) == woken + 1
    loop.turn()
    assert client.seen == ["0", "x" * 300]
