"""The application of ``tests/apps/rooms_app`` in each way of running it, and a client on each of its two URLs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, running, start_gevent, start_threads

from .deployment import Deployment

APP = "tests.apps.rooms_app"

Connect = Callable[..., SocketClient]


@pytest.fixture(scope="module", params=["gevent", "threads", "gevent and redis", "two processes and redis"])
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """The same tests in one process with either bus, and in two that share nothing but a Redis."""
    env = {}
    if "redis" in request.param:
        redis: Redis = request.getfixturevalue("shared_redis")
        env = {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": f"test-{secrets.token_hex(6)}"}
    servers: list[Server] = [start_threads(APP, **env) if request.param == "threads" else start_gevent(APP, **env)]
    with running(*servers):
        if request.param.startswith("two"):
            # The other one runs on threads: what goes between them must not depend on either.
            servers.append(start_threads(APP, **env))
        with running(*servers[1:]):
            yield Deployment(*servers)
            for server in servers:
                assert "Traceback" not in server.output, server.output


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
