"""Connected clients are told of an outage and of its end, on every transport, each once; nothing else waits for it.

A real Redis is killed, or frozen: then its connections stay open and nothing answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import redis as redis_client
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

from .conftest import Starter

KINDS = pytest.mark.parametrize("kind", ["gevent", "threads"])
TOLD = ("realtime.degraded", "realtime.restored")


@pytest.fixture
def connect() -> Iterator[Callable[..., SocketClient]]:
    clients: list[SocketClient] = []

    def connect(url: str, *transports: str) -> SocketClient:
        clients.append(SocketClient(url, *transports))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def is_ready(server: Server) -> bool:
    return requests.get(server.url + "/readyz", timeout=10).status_code == 200


def told(reader: EventReader) -> list[str]:
    return [event.event for event in reader.events if event.event in TOLD]


@KINDS
def test_everybody_is_told_once_of_each_change_and_newcomers_too(
    start: Starter, own_redis: Redis, connect: Callable[..., SocketClient], room: str, kind: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url, REALTIME_HEARTBEAT="1")
    before = publish(server.url, room, "before")
    with ExitStack() as stack:
        streams = [stack.enter_context(EventReader(server.url, room)) for _ in range(2)]
        streams.append(stack.enter_context(EventReader(server.url, room, after=before)))
        sockets = [connect(server.url), connect(server.url, "polling"), connect(server.url)]
        for stream in streams:
            stream.ready()
        for socket in sockets[:2]:
            socket.join(room)
        for number in range(2):
            own_redis.kill()
            for reader in streams:
                eventually(lambda reader=reader: len(told(reader)) % 2 == 1, what="an outage being told")
            for socket in sockets:
                eventually(lambda socket=socket: len(socket.controls) % 2 == 1, what="an outage being told")
            if number == 0:
                streams.append(stack.enter_context(EventReader(server.url, room)))
                sockets.append(connect(server.url))
                assert streams[-1].ready()["recovered"] is True
                eventually(lambda: told(streams[-1]) and sockets[-1].controls, what="newcomers being told")
            own_redis.start()
            for reader in streams:
                eventually(lambda reader=reader: len(told(reader)) % 2 == 0, what="the end being told")
            for socket in sockets:
                eventually(lambda socket=socket: len(socket.controls) % 2 == 0, what="the end being told")
            after = publish(server.url, room, number)
            for reader in streams:
                eventually(lambda reader=reader, after=after: reader.ids[-1:] == [after])
        for reader in streams:
            assert told(reader) == [*TOLD, *TOLD]
            first = next(event for event in reader.events if event.event == TOLD[0])
            assert json.loads(first.data) == {"reason": "bus_unavailable"}
        assert [socket.controls for socket in sockets] == [[*TOLD, *TOLD]] * len(sockets)


@KINDS
@pytest.mark.parametrize("how", ["SIGSTOP", "CLIENT PAUSE"])
def test_while_redis_is_frozen_publishing_fails_at_once_and_other_routes_stay_quick(
    start: Starter, own_redis: Redis, room: str, kind: str, how: str
) -> None:
    server = start(kind, REALTIME_BUS_URL=own_redis.url)
    publish(server.url, room, "before")
    with EventReader(server.url, room) as stream, redis_client.Redis.from_url(own_redis.url) as admin:
        stream.ready()
        if how == "SIGSTOP":
            own_redis.freeze()
        else:
            admin.client_pause(5_000)
        frozen = time.monotonic()
        pool = ThreadPoolExecutor(8)
        waiting = [pool.submit(_refused, server, room, number) for number in range(8)]
        slow = [_timed(lambda: requests.get(server.url + "/healthz", timeout=10)) for _ in range(100)]
        eventually(lambda: told(stream) == [TOLD[0]], within=3, what="the outage being told")
        assert time.monotonic() - frozen < 2.9
        assert not is_ready(server)
        took = [_timed(lambda: _refused(server, room, 99)) for _ in range(20)]
        assert sorted(took)[-2] < 0.5, "what is known is not found out again"
        slow += [_timed(lambda: requests.get(server.url + "/healthz", timeout=10)) for _ in range(100)]
        # Redis has two seconds for each answer: nobody else waits for that, however busy this machine is.
        assert sorted(slow)[-3] < 0.5
        for one in waiting:
            one.result()
        pool.shutdown()
        if how == "SIGSTOP":
            own_redis.thaw()
        eventually(lambda: told(stream) == list(TOLD), within=6, what="the end being told")
        after = publish(server.url, room, "after")
        eventually(lambda: stream.ids[-1:] == [after])
        assert len(set(stream.ids)) == len(stream.ids)


def _timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _refused(server: Server, room: str, number: int) -> None:
    answer = requests.post(server.url + path(room), json={"data": number}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "bus_unavailable")
