"""Who says goodbye to the gevent server is let go at once, also when it has nothing else to do.

Programs wait for it: a WebSocket is closed only when the server has closed it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import websocket

from tests.support.processes import Server, eventually
from tests.support.streams import EventReader

from .stock import NpmClient

SOON = 1.5
"""Seconds: far more than it takes, far less than any pause in which something else would wake the server."""


def opened(server: Server) -> websocket.WebSocket:
    """A bare WebSocket with a Socket.IO session on it."""
    address = server.url.replace("http://", "ws://")
    connection = websocket.create_connection(f"{address}/socket.io/?EIO=4&transport=websocket", timeout=10)
    connection.send("40")
    assert connection.recv().startswith("0{")
    assert connection.recv().startswith("40{")
    return connection


@pytest.mark.parametrize("last", ["41", None], ids=["leaving its namespace", "just so"])
def test_a_websocket_is_closed_as_soon_as_the_client_has_closed_it(gevent_server: Server, last: str | None) -> None:
    connection = opened(gevent_server)
    begun = time.monotonic()
    if last is not None:
        connection.send(last)
    connection.send((1000).to_bytes(2, "big"), websocket.ABNF.OPCODE_CLOSE)
    received = b""
    try:
        # By hand: the library would answer the server's close frame once more.
        while data := connection.sock.recv(4096):
            received += data
    finally:
        connection.shutdown()
    assert time.monotonic() - begun < SOON
    assert b"\x88\x02\x03\xe8" in received, "the server says 1000 as well"


def test_npms_client_ends_as_soon_as_it_has_disconnected(
    gevent_server: Server, npm: Callable[..., NpmClient], room: str
) -> None:
    client = npm(gevent_server.url, room, transports=["websocket"])
    begun = time.monotonic()
    client.end()
    assert time.monotonic() - begun < SOON
    assert client.said("disconnected") == [{"disconnected": "io client disconnect"}]


def test_nothing_stays_open_of_streams_whose_readers_have_gone(gevent_server: Server, room: str) -> None:
    folder = Path(f"/proc/{gevent_server.popen.pid}/fd")

    def sockets() -> int:
        return sum(is_socket(entry) for entry in folder.iterdir())

    def is_socket(entry: Path) -> bool:
        try:
            return str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:
            return False  # It was closed since the folder was listed.

    before = sockets()
    readers = [EventReader(gevent_server.url, room) for _ in range(5)]
    for reader in readers:
        reader.ready()
    assert sockets() == before + 5
    for reader in readers:
        reader.close()
    eventually(lambda: sockets() == before, within=SOON, what="all sockets closed")
