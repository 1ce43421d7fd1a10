"""Joining ``/events`` while somebody publishes flat out: no hole, no double, whatever arrives in between.

Each test lets many subscribers come with many cursors, and compares what each got with what was accepted.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest

from tests.support.processes import Redis, Server, start_gevent
from tests.support.publishing import Flood, publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

SUBSCRIBERS = 40
RECENT = 300
"""Cursors are so old at most: well within what the log keeps while the flood goes on."""


def check(stream: EventReader, expected: list[str]) -> None:
    """The stream is the beginning of what was expected: nothing missing, nothing twice, nothing out of order."""
    assert stream.ready()["recovered"] is True
    assert stream.ids == expected[: len(stream.ids)]
    assert [event.event for event in stream.events].count("realtime.reset") == 0


def subscribe_with_random_cursors(base: str, flood: Flood, *rooms: str) -> list[tuple[int, EventReader]]:
    """Streams from random cursors, each read until it is live, with the index of the first message that it wants."""
    streams = []
    for _ in range(SUBSCRIBERS):
        # Half of them come with the very last ids, where replay and live delivery meet.
        recent = random.choice([3, RECENT])
        known = len(flood.ids)
        begin = random.randint(max(0, known - recent), known - 1)
        with EventReader(base, *rooms, after=flood.ids[begin]) as stream:
            stream.wait(known - begin + 10)
        streams.append((begin + 1, stream))
    return streams


def test_subscribers_with_cursors_miss_nothing_and_get_nothing_twice(every_server: Server, room: str) -> None:
    rooms = [f"{room}-{name}" for name in "abc"]
    with Flood(every_server.url, *rooms) as flood:
        flood.wait(20)
        streams = subscribe_with_random_cursors(every_server.url, flood, *rooms)
    for begin, stream in streams:
        check(stream, flood.ids[begin:])


def test_subscribers_without_a_cursor_miss_nothing_after_their_ready_event(every_server: Server, room: str) -> None:
    streams = []
    with Flood(every_server.url, room) as flood:
        flood.wait(20)
        for history in (0, 7) * 10:
            with EventReader(every_server.url, room, history=history) as stream:
                stream.wait(history + 10)
            streams.append(stream)
    for stream in streams:
        cursor = _order(stream.ready()["cursor"])
        check(stream, [id_ for id_ in flood.ids if _order(id_) > cursor])


def test_the_cursor_of_a_stream_that_broke_off_joins_the_next_one_without_a_seam(
    every_server: Server, room: str
) -> None:
    seen: list[str] = []
    begin = publish(every_server.url, room)
    with Flood(every_server.url, room) as flood:
        flood.wait(20)
        for _ in range(20):
            cursor = seen[-1] if seen else begin
            with EventReader(every_server.url, room, headers={"Last-Event-ID": cursor}) as stream:
                stream.wait(random.randint(1, 20))
            assert stream.ready()["recovered"] is True
            seen += stream.ids
    assert seen == flood.ids[: len(seen)]


@pytest.fixture
def two_processes(shared_redis: Redis, namespace: str) -> Iterator[tuple[Server, Server]]:
    """Two on one Redis."""
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    servers = start_gevent(**settings), start_gevent(**settings)
    yield servers
    for server in servers:
        server.stop()


def test_a_cursor_from_one_process_is_good_in_the_other(two_processes: tuple[Server, Server], room: str) -> None:
    here, there = two_processes
    with Flood(here.url, room) as flood:
        flood.wait(20)
        streams = subscribe_with_random_cursors(there.url, flood, room)
    for begin, stream in streams:
        check(stream, flood.ids[begin:])


def test_a_process_that_is_behind_does_not_repeat_what_the_cursor_has_seen(
    two_processes: tuple[Server, Server], room: str
) -> None:
    here, there = two_processes
    with EventReader(there.url, room) as follower:
        follower.ready()
        for _ in range(5):
            there.signal(signal.SIGSTOP)
            cursor = [publish(here.url, room, number) for number in range(50)][-1]
            # The kernel takes the connection; the process finds it together with the fifty messages.
            with RawRequest(there.url, events_target(room, after=cursor)) as stream:
                there.signal(signal.SIGCONT)
                ready = stream.read_opening()
                assert f'"recovered":true,"cursor":"{cursor}"'.encode() in ready
                new = publish(here.url, room, "new")
                assert stream.read_block().startswith(f"id: {new}\n".encode())


def test_subscribers_of_two_processes_see_one_order(two_processes: tuple[Server, Server], room: str) -> None:
    here, there = two_processes
    with EventReader(here.url, room) as one, EventReader(there.url, room) as other:
        one.ready(), other.ready()
        with Flood(here.url, room, most=500) as first, Flood(there.url, room, most=500) as second:
            one.wait(1000, within=40), other.wait(1000, within=40)
        assert one.ids == other.ids == sorted([*first.ids, *second.ids], key=_order)


def _order(id_: str) -> tuple[int, ...]:
    return tuple(map(int, id_.split("-")))
