"""The hub over every bus: no hole, no double, one encoding per format, bounded output, nothing left behind."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from realtime.bus.base import Bus
from realtime.concurrency import Concurrency
from realtime.errors import BusUnavailable, ConnectionClosed
from realtime.hub.connection import Connection, Grant, State
from realtime.hub.hub import Hub
from realtime.message import START, Message, Position
from tests.support.processes import eventually

from .conftest import MakeBus
from .test_bus import put


def encode(message: Message) -> Message:
    """A format whose payload is the message itself."""
    return message


class Client(Connection):
    """A transport of the test's own: takes when told to, keeps what it took."""

    transport = "test"

    def __init__(self, hub: Hub, name: str = "", *, eager: bool = True, encoder: Any = encode) -> None:
        super().__init__(name, encoder)
        self.hub = hub
        self.eager = eager
        self.woken = 0
        self.taken: list[Any] = []
        self.resets: list[Position] = []
        self._taking = threading.Lock()

    def wake(self) -> None:
        self.woken += 1
        if self.eager and self.state is State.LIVE:
            self.drain()

    def size(self, payload: Any) -> int:
        return len(payload.json)

    def reset(self, cursor: Position) -> list[Any]:
        self.resets.append(cursor)
        return []

    def drain(self) -> list[Any]:
        """Take until there is nothing more; return the data of everything taken so far."""
        with self._taking:
            while (payloads := self.hub.take(self)) or self.state is State.LAGGING:
                self.taken += payloads
        return self.data

    @property
    def data(self) -> list[Any]:
        return [message.data for message in self.taken]

    def wait(self, count: int) -> list[Any]:
        eventually(lambda: len(self.taken) >= count, within=20, what=f"{count} messages")
        return self.data


@pytest.fixture
def hub(bus: Bus, concurrency: Concurrency) -> Iterator[Hub]:
    hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=2000)
    bus.start(hub)
    yield hub
    hub.close()


def test_a_message_reaches_the_readers_of_its_rooms_and_nobody_else(bus: Bus, hub: Hub) -> None:
    lobby, hall, both = Client(hub), Client(hub), Client(hub)
    hub.attach(lobby, ["lobby"])
    hub.attach(hall, ["hall"])
    hub.attach(both, ["lobby", "hall"])
    put(bus, 1, "lobby")
    put(bus, 2, "hall")
    put(bus, 3, ["lobby", "hall"])
    put(bus, 4, "elsewhere")
    assert both.wait(3) == [1, 2, 3]
    assert lobby.wait(2) == [1, 3] and hall.wait(2) == [2, 3]


def test_a_message_is_encoded_once_per_format_and_the_bytes_are_shared(bus: Bus, hub: Hub) -> None:
    calls: list[str] = []

    def first(message: Message) -> Message:
        calls.append("first")
        return message

    def second(message: Message) -> Message:
        calls.append("second")
        return message

    clients = [Client(hub, encoder=one) for one in (first, second) for _ in range(20)]
    for client in clients:
        hub.attach(client, ["lobby", "hall"])
    put(bus, 1, ["lobby", "hall"])
    for client in clients:
        client.wait(1)
    assert sorted(calls) == ["first", "second"]
    assert len({id(client.taken[0]) for client in clients}) == 1


def test_a_connection_is_woken_once_for_all_that_came_before_it_takes(bus: Bus, hub: Hub) -> None:
    client, witness = Client(hub, eager=False), Client(hub)
    hub.attach(client, ["lobby"])
    hub.attach(witness, ["lobby"])
    for number in range(5):
        put(bus, number)
    witness.wait(5)
    assert client.woken == 1
    assert client.drain() == [0, 1, 2, 3, 4]


def test_a_skipped_connection_gets_it_neither_live_nor_from_the_log(bus: Bus, hub: Hub) -> None:
    sender, other = Client(hub, "sender~"), Client(hub, "other~")
    hub.attach(sender, ["lobby"])
    hub.attach(other, ["lobby"])
    start = put(bus, 0)
    put(bus, 1, skip=["sender~"])
    put(bus, 2)
    assert other.wait(3) == [0, 1, 2] and sender.wait(2) == [0, 2]
    again = Client(hub, "sender~")
    hub.attach(again, ["lobby"], after=start)
    assert again.drain() == [2]


def test_a_cursor_brings_what_was_missed_then_what_is_live(bus: Bus, hub: Hub) -> None:
    ids = [put(bus, number) for number in range(200)]
    eventually(lambda: hub.position == ids[-1])
    client = Client(hub)
    hub.attach(client, ["lobby"], after=ids[9])
    assert client.drain() == list(range(10, 200))
    put(bus, "live")
    assert client.wait(191)[-1] == "live" and client.resets == []


def test_the_newest_messages_come_first_then_what_is_live(bus: Bus, hub: Hub) -> None:
    last = [put(bus, number) for number in range(20)][-1]
    eventually(lambda: hub.position == last)
    client = Client(hub)
    hub.attach(client, ["lobby"], latest=3)
    assert client.drain() == [17, 18, 19]
    put(bus, "live")
    assert client.wait(4) == [17, 18, 19, "live"]


def test_subscribers_that_come_and_go_while_the_bus_publishes_flat_out_miss_nothing(
    make_bus: MakeBus, concurrency: Concurrency
) -> None:
    bus = make_bus(history_length=5000)
    hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=2000)
    bus.start(hub)
    ids: list[Position] = []
    done = threading.Event()

    def publish() -> None:
        for number in range(1000):
            ids.append(put(bus, number, f"room-{number % 2}"))  # noqa: PERF401  readers look at it meanwhile
        done.set()

    start = put(bus, "start", ["room-0", "room-1"])
    publisher = threading.Thread(target=publish)
    publisher.start()
    chance = random.Random(7)
    seen = 0
    while not done.is_set() or seen < 50:
        after = chance.choice([start, *ids[-200:]])
        client = Client(hub)
        hub.attach(client, ["room-0", "room-1"], after=after)
        client.drain()
        for _ in range(chance.randrange(3)):
            client.drain()
        hub.detach(client)
        first = 0 if after == start else ids.index(after) + 1
        assert client.data == list(range(first, first + len(client.data))), "no hole, no double, in order"
        assert client.resets == []
        seen += 1
    publisher.join()
    assert hub.connections == set() and hub.rooms == 0


def test_a_connection_that_does_not_take_is_bounded_and_reads_on_from_the_log(bus: Bus, hub: Hub) -> None:
    slow, fast = Client(hub, eager=False), Client(hub)
    hub.attach(slow, ["lobby"])
    hub.attach(fast, ["lobby"])
    largest = 0
    for number in range(500):
        put(bus, {"number": number, "padding": "x" * 50})
        # Whoever takes in time never has more than one message pending, however the bus batches them.
        fast.wait(number + 1)
        largest = max(largest, slow.pending_bytes)
    assert largest <= 2000 + 100
    assert slow.state is State.LAGGING and slow.pending == [] and hub.counters.spills == 1
    assert [one["number"] for one in slow.drain()] == list(range(500))
    assert slow.state is State.LIVE and slow.resets == []
    put(bus, {"number": 500})
    fast.wait(501)
    assert slow.drain()[-1] == {"number": 500}


def test_one_that_overflows_again_and_again_still_gets_everything_once(
    make_bus: MakeBus, concurrency: Concurrency
) -> None:
    bus = make_bus(history_length=5000)
    hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=2000)
    bus.start(hub)
    client = Client(hub, eager=False)
    hub.attach(client, ["lobby"])
    done = threading.Event()

    def publish() -> None:
        for number in range(3000):
            put(bus, [number, "x" * 100])
        done.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    while not done.wait(0.0001):
        client.taken += hub.take(client)
    publisher.join()
    last = bus.latest(["lobby"], limit=1).messages[0].id
    eventually(lambda: hub.position == last)
    assert [number for number, _ in client.drain()] == list(range(3000))


def test_one_that_the_log_no_longer_reaches_is_told(make_bus: MakeBus, concurrency: Concurrency) -> None:
    bus = make_bus(history_length=100)
    hub = Hub(log=bus, concurrency=concurrency, max_pending_bytes=500)
    bus.start(hub)
    client = Client(hub, eager=False)
    hub.attach(client, ["lobby"])
    for number in range(1000):
        put(bus, number)
    last = bus.latest(["lobby"], limit=1).messages[0].id
    eventually(lambda: hub.position == last)
    client.drain()
    assert client.resets and hub.counters.resets == len(client.resets)
    assert client.data[-1] == 999 and client.data == list(range(client.data[0], 1000))


def test_after_a_gap_everybody_catches_up_by_cursor(bus: Bus, hub: Hub) -> None:
    idle, busy = Client(hub), Client(hub, eager=False)
    hub.attach(idle, ["quiet"])
    hub.attach(busy, ["lobby"])
    put(bus, 1)
    last = put(bus, 2)
    eventually(lambda: hub.position == last)
    hub.gap(last)
    assert idle.state is busy.state is State.LAGGING
    assert busy.drain() == [1, 2] and idle.drain() == []
    assert idle.resets == busy.resets == [] and hub.counters.gaps == 1


def test_after_a_gap_nobody_who_was_let_in_reads_on_before_it_is_known_what_was_revoked(bus: Bus, hub: Hub) -> None:
    theirs, anybodys = Client(hub, eager=False), Client(hub, eager=False)
    theirs.grant = Grant("ann", hub.mark)
    hub.attach(theirs, ["lobby"])
    hub.attach(anybodys, ["lobby"])
    last = put(bus, "secret")
    eventually(lambda: hub.position == last)
    hub.on_gap = lambda: None
    hub.gap(last)
    hub.sure(0)
    with pytest.raises(BusUnavailable):
        theirs.drain()
    assert anybodys.drain() == ["secret"]
    hub.revoke("ann", "lobby")
    hub.sure(hub.counters.gaps)
    with pytest.raises(ConnectionClosed):
        theirs.drain()
    assert theirs.data == []


def test_a_log_that_does_not_know_the_cursor_resets_the_reader_once(bus: Bus, hub: Hub) -> None:
    client = Client(hub)
    last = put(bus, 1)
    eventually(lambda: hub.position == last)
    hub.attach(client, ["lobby"], after=Position(last.ms + 10**6, 0))
    client.drain()
    assert client.resets == [last]
    put(bus, 2)
    assert client.wait(1) == [2]


def test_a_held_connection_gets_its_replay_first_and_what_came_meanwhile_after_it(bus: Bus, hub: Hub) -> None:
    client = Client(hub)
    hub.attach(client, ["lobby"])
    held = hub.hold(client, "hall")
    assert held is not None and hub.hold(client, "hall") is None
    put(bus, "meanwhile in the lobby", "lobby")
    last = put(bus, "meanwhile in the hall", "hall")
    eventually(lambda: hub.position == last)
    assert hub.take(client) == [] and client.taken == []
    hub.release(client)
    assert client.wait(2) == ["meanwhile in the lobby", "meanwhile in the hall"]


def test_waiting_for_a_position_ends_when_it_was_delivered(bus: Bus, hub: Hub) -> None:
    at = put(bus, 1)
    assert hub.wait_for(at, timeout=5)
    assert not hub.wait_for(Position(at.ms + 10**6, 0), timeout=0.05)


def test_nothing_of_a_connection_remains_when_it_goes(bus: Bus, hub: Hub) -> None:
    client = Client(hub)
    hub.attach(client, ["lobby", "hall"])
    hub.join(client, "attic")
    assert hub.members("lobby") == 1 and hub.rooms == 3
    hub.leave(client, "attic")
    hub.leave(client, "never")
    gone = weakref.ref(client)
    hub.detach(client)
    hub.detach(client)
    with pytest.raises(ConnectionClosed):
        hub.take(client)
    with pytest.raises(ConnectionClosed):
        hub.join(client, "lobby")
    put(bus, 1)
    del client
    gc.collect()
    assert gone() is None and hub.rooms == 0 and hub.connections == set()


def test_a_closing_hub_ends_everyone_and_takes_no_one(bus: Bus, hub: Hub) -> None:
    client = Client(hub)
    hub.attach(client, ["lobby"])
    hub.close()
    assert client.state is State.CLOSED and client.woken == 1
    with pytest.raises(ConnectionClosed):
        hub.take(client)
    with pytest.raises(ConnectionClosed, match="shutting down"):
        hub.attach(Client(hub), ["lobby"])


def test_one_that_fails_when_woken_does_not_keep_the_others_from_theirs(
    bus: Bus, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Client):
        def wake(self) -> None:
            raise RuntimeError("broken")

    clients = [Broken(hub), Client(hub), Broken(hub), Client(hub)]
    for client in clients:
        hub.attach(client, ["lobby"])
    put(bus, 1)
    assert clients[1].wait(1) == clients[3].wait(1) == [1]
    assert "could not be woken" in caplog.text


def test_a_cursor_that_is_ahead_of_this_process_waits_for_it_and_sees_nothing_twice(
    make_bus: MakeBus, concurrency: Concurrency
) -> None:
    bus = make_bus()
    hub = Hub(log=bus, concurrency=concurrency)
    ids = [put(bus, number) for number in range(4)]
    hub.skip(ids[0])
    client = Client(hub)
    hub.attach(client, ["lobby"], after=ids[2])
    taking = threading.Thread(target=client.drain)
    taking.start()
    for message in bus.replay(["lobby"], ids[0], limit=9).messages:
        hub.deliver(message)
        hub.flush()
    taking.join()
    assert client.drain() == [3] and client.resets == []


def test_the_start_of_the_log_replays_everything(bus: Bus, hub: Hub) -> None:
    last = [put(bus, number) for number in range(5)][-1]
    eventually(lambda: hub.position == last)
    client = Client(hub)
    hub.attach(client, ["lobby"], after=START)
    assert client.drain() == [0, 1, 2, 3, 4] and client.resets == []
