"""The application with rooms that are not for everybody, run in each way, and each way in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.processes import Redis, Server, running, start_gevent, start_threads

from .doors import DOORS


@pytest.fixture(scope="package", params=["gevent", "threads", "gevent and redis"])
def server(request: pytest.FixtureRequest, shared_redis: Redis) -> Iterator[Server]:
    """The application in each way of running it."""
    settings = {"REALTIME_HEARTBEAT": "0.5"}
    if "redis" in request.param:
        settings.update(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE="access")
    started = (start_threads if request.param == "threads" else start_gevent)("tests.apps.access_app", **settings)
    with running(started):
        yield started


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> str:
    """Each way in."""
    return str(request.param)


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """Either transport of Socket.IO."""
    return str(request.param)
