"""The application with rooms that are not for everybody, run in each way, and each way in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.processes import Redis, Server, running, start_gevent, start_threads

from .doors import DOORS

Pair = tuple[Server, Server]


APP = "tests.apps.access_app"
PREFIX = "secret:"


@pytest.fixture(scope="package", params=["gevent", "threads", "gevent and redis"])
def server(request: pytest.FixtureRequest, shared_redis: Redis) -> Iterator[Server]:
    """The application in each way of running it."""
    # Long enough for a client that reads nothing for some seconds: it does not answer pings either.
    settings = {"REALTIME_HEARTBEAT": "10", "REALTIME_PRIVATE_PREFIX": PREFIX}
    if "redis" in request.param:
        settings.update(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE="access")
    started = (start_threads if request.param == "threads" else start_gevent)(APP, **settings)
    with running(started):
        yield started


@pytest.fixture(scope="package")
def two(shared_redis: Redis) -> Iterator[tuple[Server, Server]]:
    """Two processes on one Redis, one of each kind."""
    settings = {
        "REALTIME_BUS_URL": shared_redis.url,
        "REALTIME_NAMESPACE": "access-two",
        "REALTIME_PRIVATE_PREFIX": PREFIX,
    }
    one, other = start_gevent(APP, **settings), start_threads(APP, **settings)
    with running(one, other):
        yield one, other


@pytest.fixture(scope="package", params=["gevent", "threads", "gevent by threads", "threads by gevent"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Where somebody is, and where it is decided: one process, or two on one Redis."""
    if "by" in request.param:
        one, other = request.getfixturevalue("two")
        return (one, other) if request.param.startswith("gevent") else (other, one)
    server = request.getfixturevalue(f"alone_on_{request.param}")
    return server, server


@pytest.fixture(scope="package")
def alone_on_gevent() -> Iterator[Server]:
    """One process."""
    with running(server := start_gevent(APP, REALTIME_PRIVATE_PREFIX=PREFIX)):
        yield server


@pytest.fixture(scope="package")
def alone_on_threads() -> Iterator[Server]:
    """One process."""
    with running(server := start_threads(APP, REALTIME_PRIVATE_PREFIX=PREFIX)):
        yield server


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> str:
    """Each way in."""
    return str(request.param)


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """Either transport of Socket.IO."""
    return str(request.param)
