"""Clients that we did not write, connected for one test and ended with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .stock import NpmClient, PythonClient


@pytest.fixture
def npm() -> Iterator[Callable[..., NpmClient]]:
    """Start npm's client and let it join, ``npm(url, room, transports=[…])``."""
    clients: list[NpmClient] = []

    def start(url: str, room: str, **options: object) -> NpmClient:
        clients.append(NpmClient(url, room, **options))
        clients[-1].wait_joined()
        return clients[-1]

    yield start
    _end(clients)


@pytest.fixture
def python() -> Iterator[Callable[..., PythonClient]]:
    """Connect a python-socketio client and let it join, ``python(url, room, transports=[…])``."""
    clients: list[PythonClient] = []

    def start(url: str, room: str, **options: object) -> PythonClient:
        clients.append(PythonClient())
        clients[-1].enter(url, room, **options)
        return clients[-1]

    yield start
    _end(clients)


def _end(clients: list[NpmClient] | list[PythonClient]) -> None:
    # At the same time: python-socketio takes seconds for it.
    with ThreadPoolExecutor(max_workers=8) as pool:
        for ended in [pool.submit(client.end) for client in clients]:
            ended.result()
