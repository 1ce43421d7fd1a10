"""An application with the commands, on a Redis that the test shares with it or on the embedded bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from realtime import Realtime
from tests.support.processes import Redis

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL", "REALTIME_NAMESPACE", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_app() -> Iterator[Callable[..., Flask]]:
    """Make applications; what they started ends with the test."""
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        app = Flask(__name__)
        app.config.update({"SECRET_KEY": "not a secret, but long enough", **config})
        Realtime(app)
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["realtime"].close()


@pytest.fixture
def on_redis(make_app: Callable[..., Flask], shared_redis: Redis, namespace: str) -> Run:
    """Run ``flask realtime …`` of an application on Redis."""
    app = make_app(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=["realtime", *arguments], **options)


@pytest.fixture
def on_memory(make_app: Callable[..., Flask]) -> Run:
    """The same on the embedded bus."""
    app = make_app()
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=["realtime", *arguments], **options)
