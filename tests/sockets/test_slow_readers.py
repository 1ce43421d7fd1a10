"""A client that stops reading costs next to nothing and disturbs nobody; when it reads again it gets what the log
holds.

The log is in Redis, so that the process's memory shows what it keeps for the client alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest

from realtime import Position, Publisher
from realtime.wire.sse import Decoder
from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.raw import RawRequest, events_target

from .deployment import Deployment, step

SIZE = 50_000
COUNT = 600
BUFFER = 128 * 1024
ALLOWED_MB = 8
"""Of 30: the slow client's share of a slice of the log, and what comes and goes with 600 messages."""


class Reader(Protocol):
    """A client that reads nothing until it is told to."""

    def read(self) -> None:
        """Begin to read."""

    def seen(self) -> list[tuple[str, str]]:
        """Event and id of everything so far; with a control event, its cursor."""


class SlowSocket:
    """Over Socket.IO."""

    def __init__(self, stack: contextlib.ExitStack, base: str, room: str, after: str, transport: str) -> None:
        more = {"receive_buffer": BUFFER} if transport == "websocket" else {}
        self._client = stack.enter_context(SocketClient(base, transport, reading=False, **more))
        self._client.emit("join", {"room": room, "after": after})

    def read(self) -> None:
        self._client.read()

    def seen(self) -> list[tuple[str, str]]:
        events = self._client.events
        return [(one.event, one.data["cursor"] if one.event == "realtime.reset" else one.args[-1]) for one in events]


class SlowStream:
    """Over SSE."""

    def __init__(self, stack: contextlib.ExitStack, base: str, room: str, after: str, transport: str) -> None:
        target = events_target(room, after=after)
        self._request = stack.enter_context(RawRequest(base, target, receive_buffer=BUFFER, version="1.0"))
        self._request.read_opening()
        self._decoder = Decoder()
        self._seen: list[tuple[str, str]] = []

    def read(self) -> None:
        """Nothing yet: it reads in ``seen``, as much as there is now."""

    def seen(self) -> list[tuple[str, str]]:
        while True:
            self._request.socket.settimeout(0.2)
            try:
                data = self._request.read_piece()
            except TimeoutError:
                return self._seen
            assert data, "the stream was ended"
            for one in self._decoder.feed(data):
                reset = one.event == "realtime.reset"
                self._seen.append((one.event, json.loads(one.data)["cursor"] if reset else one.id))


KINDS = {"websocket": SlowSocket, "polling": SlowSocket, "sse": SlowStream}


@pytest.fixture(params=[start_gevent, start_threads])
def start(request: pytest.FixtureRequest) -> object:
    """Either server."""
    return request.param


def memory(server: Server) -> float:
    """Resident megabytes of the server's process."""
    status = Path(f"/proc/{server.popen.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1000


@contextlib.contextmanager
def flooded(
    start: object,
    kind: str,
    redis: Redis,
    namespace: str,
    room: str,
    *,
    history: int,
    meanwhile: Callable[[Server, int], None] = lambda _server, _number: None,
) -> Iterator[tuple[Reader, list[str]]]:
    """Publish 30 MB into the room of a client that does not read; yield it, and the ids of what was published.

    Everybody else gets everything meanwhile, and the server's memory stays as it is.
    """
    kept = {"REALTIME_HISTORY_LENGTH": str(history), "REALTIME_LOG_LENGTH": "100"}
    env = {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": namespace, "REALTIME_MAX_PENDING_BYTES": "65536"}
    server: Server = start("tests.apps.rooms_app", **env, **kept)  # type: ignore[operator]
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(server))
        # Whoever publishes trims the log.
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(os, "environ", os.environ | kept)
        publisher = stack.enter_context(Publisher(redis.url, namespace=namespace))
        fast = stack.enter_context(SocketClient(server.url))
        fast.join(room)

        def publish(count: int) -> list[str]:
            ids = []
            for number in range(count):
                ids.append(publisher.publish(room, "x" * SIZE))
                meanwhile(server, number)
                # Not faster than the server can follow: only the slow client is to be slow.
                eventually(lambda: len(heard()) > len(fast_before) + len(ids) - 20, what="the fast client")
            eventually(lambda: len(heard()) == len(fast_before) + len(ids), what="everything at the fast client")
            assert heard() == [*fast_before, *ids]
            return ids

        def heard() -> list[str]:
            return [one.id for one in fast.named("message")]

        fast_before: list[str] = []
        fast_before = publish(40)  # The process has its working size.
        slow = KINDS[kind](stack, server.url, room, fast_before[-1], kind)
        before = memory(server)
        ids = publish(COUNT)
        grown = memory(server) - before
        assert grown < ALLOWED_MB, f"the server grew by {grown} MB"
        slow.read()
        yield slow, ids
        assert heard() == [*fast_before, *ids]
        assert not re.search("ERROR|Traceback", server.output)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_reader_gets_everything_that_the_log_holds_in_order_and_once(
    start: object, kind: str, shared_redis: Redis, namespace: str, room: str
) -> None:
    with flooded(start, kind, shared_redis, namespace, room, history=1000) as (slow, ids):
        eventually(lambda: len(slow.seen()) >= COUNT, within=40, what="everything")
        assert slow.seen() == [("message", one) for one in ids]


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_reader_is_told_when_the_log_no_longer_reaches_back(
    start: object, kind: str, shared_redis: Redis, namespace: str, room: str
) -> None:
    with flooded(start, kind, shared_redis, namespace, room, history=100) as (slow, ids):
        eventually(lambda: slow.seen()[-1:] == [("message", ids[-1])], within=40, what="the last message")
        seen = slow.seen()
        resets = [number for number, (event, _) in enumerate(seen) if event == "realtime.reset"]
        assert resets
        # Between resets nothing is missing, and what the log still held when it read again is all there.
        places = {id_: place for place, id_ in enumerate(ids)}
        runs = [seen[start + 1 : end] for start, end in pairwise([-1, *resets, len(seen)])]
        for run in runs:
            got = [places[id_] for _, id_ in run]
            assert got == list(range(got[0], got[0] + len(got)))
        assert [id_ for _, id_ in seen[-100:]] == ids[-100:]
        # The cursor is where to go on from: before the first message that follows, after the last one that came.
        for number in resets:
            last, cursor, first = (Position.parse(seen[number + offset][1]) for offset in (-1, 0, 1))
            assert last < cursor < first


@pytest.mark.parametrize("kind", ["websocket", "polling"])
def test_a_slow_reader_that_is_spoken_to_directly_costs_no_more(
    start: object, kind: str, shared_redis: Redis, namespace: str, room: str
) -> None:
    """What is said to a client alone goes behind what its rooms have for it, but they do not pile up behind it."""

    def tick(server: Server, number: int) -> None:
        if number % 5 == 0:
            Deployment(server).ok(step("emit", "tick", str(number)))

    with flooded(start, kind, shared_redis, namespace, room, history=1000, meanwhile=tick) as (slow, ids):
        eventually(lambda: len(slow.seen()) >= COUNT * 6 / 5, within=40, what="everything")
        seen = slow.seen()
        assert [id_ for event, id_ in seen if event == "message"] == ids
        assert [number for event, number in seen if event == "tick"] == [str(one) for one in range(0, COUNT, 5)]
