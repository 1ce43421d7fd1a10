"""The proxy of the tests ends with all that it opened, whoever comes meanwhile: nothing is left for a later test."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from urllib.parse import urlsplit

import pytest

from tests.support.processes import free_port
from tests.support.proxy import Proxy


def come_until_refused(port: int, came: threading.Event, connections: list[socket.socket]) -> None:
    """Open connections one after the other, as long as anybody listens."""
    while True:
        try:
            connections.append(socket.create_connection(("127.0.0.1", port), 5))
        except OSError:
            return
        came.set()


def test_a_proxy_that_ends_while_clients_come_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda hint: left.append(str(hint.exc_value)))
        for _ in range(10):
            connections: list[socket.socket] = []
            came = threading.Event()
            with Proxy(free_port()) as proxy:
                port = urlsplit(proxy.url).port
                coming = threading.Thread(target=come_until_refused, args=(port, came, connections))
                coming.start()
                assert came.wait(10)
            coming.join()
            for connection in connections:
                connection.close()
        gc.collect()
    assert left == []
