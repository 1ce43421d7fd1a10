"""Where changes are published in these tests: through an application in memory, and by a Publisher to a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from realtime import Publisher, Realtime

from ..support.postgres import Postgres
from ..support.processes import Redis


@pytest.fixture(params=["memory", "redis"])
def target(request: pytest.FixtureRequest, namespace: str) -> Iterator[Any]:
    if request.param == "memory":
        app = Flask("data")
        app.config |= {"SECRET_KEY": "test", "REALTIME_BUS_URL": "memory://"}
        yield Realtime(app)
    else:
        redis: Redis = request.getfixturevalue("shared_redis")
        with Publisher(redis.url, namespace=namespace) as publisher:
            yield publisher


@pytest.fixture
def seen(target: Any) -> Callable[[str], list[Any]]:
    """The data of everything in a room's log."""
    return lambda room: [message.data for message in target.history(room, limit=1000).messages]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL per test process; use tables of your own."""
    postgres = Postgres()
    yield postgres
    postgres.stop()
