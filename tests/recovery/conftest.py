"""Deployments to come back to: one process with the log in its memory, or two that share a Redis, behind a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.processes import Redis

from .client import RawClient, StockClient
from .deployment import Deployment


@pytest.fixture(scope="session")
def deployed(shared_redis: Redis) -> Iterator[Callable[..., Deployment]]:
    """Start a deployment, or return the one of this kind that runs already."""
    running: dict[str, Deployment] = {}

    def start(kind: str) -> Deployment:
        if kind not in running:
            running[kind] = Deployment(kind, shared_redis)
        return running[kind]

    yield start
    for one in running.values():
        one.stop()


@pytest.fixture
def own_deployment(shared_redis: Redis) -> Iterator[Callable[..., Deployment]]:
    """Start a deployment of the test's own, which it may damage."""
    running: list[Deployment] = []

    def start(kind: str, **env: str) -> Deployment:
        running.append(Deployment(kind, shared_redis, **env))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def stock() -> Iterator[Callable[..., StockClient]]:
    """Start npm's client and wait until it is connected."""
    clients: list[StockClient] = []

    def start(url: str, **options: object) -> StockClient:
        clients.append(StockClient(url, **options))
        clients[-1].wait_connected(1)
        return clients[-1]

    yield start
    for client in clients:
        client.end()


@pytest.fixture
def raw() -> Iterator[Callable[..., RawClient]]:
    """Connect a client that says whatever it is told to."""
    clients: list[RawClient] = []

    def start(*arguments: object, **options: object) -> RawClient:
        clients.append(RawClient(*arguments, **options))  # type: ignore[arg-type]
        return clients[-1]

    yield start
    for client in clients:
        client.cut()
