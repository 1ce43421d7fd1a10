"""The tools of the tests leave nothing behind for a later test, whatever happens meanwhile."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from urllib.parse import urlsplit

import pytest

from tests.support.processes import Process, clean_environment, free_port
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


LEAVES_ONE_BEHIND = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
print("up")
time.sleep(100)
"""


def test_a_program_is_stopped_together_with_those_that_it_started() -> None:
    program = Process([sys.executable, "-c", LEAVES_ONE_BEHIND], env=clean_environment())
    program.until("up")
    program.stop()
    assert not program._reader.is_alive(), "nobody has its output any more"
