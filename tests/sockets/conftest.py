"""The application of ``tests/apps/rooms_app`` in each way of running it, and a client on each of its two URLs.

Servers are started once per test process and shared by all files here: every test uses rooms of its own.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, running, start_gevent, start_threads

from .deployment import Deployment

APP = "tests.apps.rooms_app"

Connect = Callable[..., SocketClient]


class Started:
    """The servers that run, each kind started when it is first asked for.

    Args:
        redis: for those that share one.
        keep: takes each server, to stop it in the end.
    """

    def __init__(self, redis: Redis, keep: Callable[[Server], None]) -> None:
        self._redis = redis
        self._keep = keep
        self.server = cache(self._server)
        self.deployment = cache(self._deployment)

    def _server(self, kind: str) -> Server:
        return self._kept(start_gevent() if kind == "gevent" else start_threads())

    def _deployment(self, kind: str) -> Deployment:
        env = {}
        if "redis" in kind:
            env = {"REALTIME_BUS_URL": self._redis.url, "REALTIME_NAMESPACE": f"test-{secrets.token_hex(6)}"}
        first = self._kept(start_threads(APP, **env) if kind == "threads" else start_gevent(APP, **env))
        if not kind.startswith("two"):
            return Deployment(first)
        # The other one runs on threads: what goes between them must not depend on either.
        return Deployment(first, self._kept(start_threads(APP, **env)))

    def _kept(self, server: Server) -> Server:
        self._keep(server)
        return server


@pytest.fixture(scope="session")
def started(shared_redis: Redis) -> Iterator[Started]:
    """The servers of this test process."""
    servers: list[Server] = []
    with contextlib.ExitStack() as stack:

        def keep(server: Server) -> None:
            stack.enter_context(running(server))
            servers.append(server)

        yield Started(shared_redis, keep)
        for server in servers:
            assert "Traceback" not in server.output, server.output


@pytest.fixture(params=["gevent", "threads", "gevent and redis", "two processes and redis"])
def deployment(request: pytest.FixtureRequest, started: Started) -> Deployment:
    """The same tests in one process with either bus, and in two that share nothing but a Redis."""
    return started.deployment(request.param)


@pytest.fixture(params=["gevent", "threads"])
def any_server(request: pytest.FixtureRequest, started: Started) -> Server:
    """The application that comes with the project, on gevent and on threads."""
    return started.server(request.param)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect clients that are closed at the end: ``connect(url, transport, …)``."""
    with contextlib.ExitStack() as clients:
        yield lambda *arguments, **keywords: clients.enter_context(SocketClient(*arguments, **keywords))


@pytest.fixture
def ann(deployment: Deployment, connect: Connect) -> SocketClient:
    """A client where steps are done."""
    return connect(deployment.here, namespaces=("/", "/news"))


@pytest.fixture
def bob(deployment: Deployment, connect: Connect) -> SocketClient:
    """A client of the other process, where there is one."""
    return connect(deployment.there, namespaces=("/", "/news"))
