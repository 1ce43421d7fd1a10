"""The stock clients by name, each started for one test and ended with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser

from tests.support.browser import launched

from .clients import Client, Curl, NodeStream, NpmSocket, PageStream, PythonSocket, SseClientPy

Start = Callable[[str, str, str], Client]

NAMES = [
    "native",
    "event-source-polyfill",
    "eventsource-polyfill",
    "reconnecting-eventsource",
    "eventsource",
    "@microsoft/fetch-event-source",
    "sseclient-py",
    "curl",
    "socket.io-client",
    "socket.io-client over polling",
    "python-socketio",
    "python-socketio over polling",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def start(chromium: Browser) -> Iterator[Start]:
    """Start a client on a server and a room, ``start(name, url, room)``."""
    clients: list[Client] = []

    def start(name: str, url: str, room: str) -> Client:
        package, _, over = name.partition(" over ")
        transports = [over or "websocket"]
        if package == "socket.io-client":
            client: Client = NpmSocket(url, room, transports)
        elif package == "python-socketio":
            client = PythonSocket(url, room, transports)
        elif package == "sseclient-py":
            client = SseClientPy(url, room)
        elif package == "curl":
            client = Curl(url, room)
        elif package in {"eventsource", "@microsoft/fetch-event-source"}:
            client = NodeStream(package, url, room)
        else:
            client = PageStream(chromium, package, url, room)
        clients.append(client)
        return client

    yield start
    pages = [client for client in clients if isinstance(client, PageStream)]
    for page in pages:
        page.end()
    # At the same time: some take a second for it.
    with ThreadPoolExecutor(max_workers=8) as pool:
        for ended in [pool.submit(client.end) for client in clients if client not in pages]:
            ended.result()
