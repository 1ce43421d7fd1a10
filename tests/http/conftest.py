"""Servers that the HTTP tests share, and servers with settings of their own.

Starting one takes longer than most of these tests: each process of a parallel run has one of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.processes import Server, start_gevent, start_threads

Starter = Callable[..., Server]
KINDS: dict[str, Callable[..., Server]] = {
    "gevent": start_gevent,
    "threads": start_threads,
    "gevent on Redis": start_gevent,
}


@pytest.fixture(scope="session")
def shared_servers(request: pytest.FixtureRequest) -> Iterator[Starter]:
    """The server of a kind, started when it is first asked for."""
    running: dict[str, Server] = {}

    def of_kind(kind: str) -> Server:
        server = running.get(kind)
        if server is None or server.popen.poll() is not None:
            settings = {}
            if "Redis" in kind:
                settings["REALTIME_BUS_URL"] = request.getfixturevalue("shared_redis").url
            server = running[kind] = KINDS[kind](**settings)
        return server

    yield of_kind
    for server in running.values():
        server.stop()


@pytest.fixture(params=["gevent", "threads"])
def any_server(request: pytest.FixtureRequest, shared_servers: Starter) -> Server:
    """The same tests on gevent and on threads: use rooms of your own and change nothing for others."""
    return shared_servers(request.param)


@pytest.fixture(params=list(KINDS))
def every_server(request: pytest.FixtureRequest, shared_servers: Starter) -> Server:
    """Like ``any_server``, and also on a shared log: where what a cursor means is at stake."""
    return shared_servers(request.param)


@pytest.fixture
def gevent_server(shared_servers: Starter) -> Server:
    """Only the default kind."""
    return shared_servers("gevent")


@pytest.fixture
def start() -> Iterator[Starter]:
    """Start servers with settings of their own: ``start(REALTIME_HEARTBEAT="0.2")``, ``start("threads")``."""
    started: list[Server] = []

    def start(kind: str = "gevent", **settings: str) -> Server:
        server = KINDS[kind](**settings)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()
