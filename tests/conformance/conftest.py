"""The test application on gevent and on threads, once with quick heartbeats and once with slow ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.processes import Server, running, start_gevent, start_threads

APP = "tests.apps.protocol_app"
SLOW = {"PING_INTERVAL": "25", "PING_TIMEOUT": "20"}


@pytest.fixture(scope="session")
def start() -> Iterator[object]:
    """Starts each server when it is first asked for, and sees that none has failed in the end."""
    servers: list[Server] = []

    @cache
    def started(kind: str, pace: str) -> Server:
        env = {"quick": {"REALTIME_CONNECT_TIMEOUT": "1", "ATTACHMENTS_SECONDS": "0.5"}, "slow": SLOW}[pace]
        if kind == "gevent without epoll":
            env = {**env, "NO_EPOLL": "1"}
        server = start_threads(APP, **env) if kind == "threads" else start_gevent(APP, **env)
        servers.append(server)
        return server

    yield started
    for server in servers:
        with running(server):
            output = server.output
        # One handler of the application fails when it is asked to.
        assert output.count("Traceback") == output.count("ValueError: fails"), output[output.index("Traceback") :]


@pytest.fixture(params=["gevent", "threads"])
def quick(request: pytest.FixtureRequest, start: object) -> str:
    """The URL of a server that pings each 0.3 s, waits 0.5 s for the answer, and 1 s for CONNECT."""
    return start(request.param, "quick").url  # type: ignore[operator, no-any-return]


@pytest.fixture(params=["gevent", "threads"])
def slow(request: pytest.FixtureRequest, start: object) -> str:
    """The URL of a server whose heartbeats do not get in between."""
    return start(request.param, "slow").url  # type: ignore[operator, no-any-return]
