"""Clients whose machines vanish without a word are noticed within two heartbeats, and cost nothing from then on."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.processes import Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import publish
from tests.support.vanishing import held, vanish

HEARTBEAT = 2.0
SSE = b"GET /events?room=lobby HTTP/1.1\r\nHost: test\r\n\r\n"
WEBSOCKET = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CONNECT = b"\x81\x82\0\0\0\x0040"


@pytest.fixture(params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = request.param(REALTIME_HEARTBEAT=f"{HEARTBEAT:g}")
    with running(server):
        yield server


def opened(server: Server, *words: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), 5)
    for word in words:
        connection.sendall(word)
        connection.recv(65536)
    return connection


def lateness() -> float:
    """Seconds by which this machine may be late. One that does much else is late by itself, whoever asks."""
    return max(0.8, os.getloadavg()[0] / (os.cpu_count() or 1) / 4)


@pytest.mark.parametrize("busy", [True, False])
def test_both_transports_let_go_of_clients_that_vanished(server: Server, busy: bool) -> None:
    # As many streams as there are moments in a heartbeat's interval at which one is looked for.
    clients = [opened(server, SSE) for _ in range(16)] + [opened(server, WEBSOCKET, CONNECT) for _ in range(4)]
    try:
        publish(server.url, "lobby", "before")
        for client in clients:
            vanish(client)
        mine = {(server.port, client.getsockname()[1]) for client in clients}
        assert mine <= held()
        began = time.monotonic()

        def gone() -> bool:
            if busy:
                publish(server.url, "lobby", "more")
            return not mine & held()

        eventually(gone, within=2 * HEARTBEAT + lateness(), every=0.05, what="that all are let go")
        assert time.monotonic() - began > HEARTBEAT, "who is a moment late is no matter"
    finally:
        for client in clients:
            client.close()
