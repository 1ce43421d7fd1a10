"""Fixtures that several test files share. Each worker of a parallel run has a Redis of its own."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator

import pytest

from .support.processes import Redis, Server, eventually, start_gevent, start_threads
from .support.redis_cluster import RedisCluster
from .support.redis_sentinel import RedisSentinels


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """A test ends what it began: a thread that stays keeps the process, and a client that stays disturbs the next test.

    What the package and the tests' own helpers leave to the background for a moment does neither.
    """
    before = set(threading.enumerate())
    yield
    if left := _left(before):
        eventually(lambda: not _left(before), within=10, what=f"the end of {left}")


def _left(before: set[threading.Thread]) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one not in before and (not one.daemon or _is_clients(one))]


def _is_clients(thread: threading.Thread) -> bool:
    """Whether it is one of python-socketio's client, or of the Engine.IO client below it."""
    module = getattr(getattr(thread, "_target", None), "__module__", None)
    return module in {"socketio.client", "engineio.client"}


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis per test process, for tests that do not disturb it. Keep apart by namespace."""
    redis = Redis(tmp_path_factory.mktemp("redis"))
    yield redis
    redis.stop()


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis of the test's own, with an append-only file, to be killed and restarted."""
    redis = Redis(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always")
    yield redis
    redis.stop()


@pytest.fixture
def redis_sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinels]:
    """A primary, two replicas and three Sentinels of the test's own."""
    deployment = RedisSentinels(tmp_path_factory.mktemp("sentinels"))
    yield deployment
    deployment.stop()


@pytest.fixture
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster of the test's own: three primaries, and a replica of the default namespace's."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture(scope="module")
def gevent_server() -> Iterator[Server]:
    """``python server.py`` with the embedded bus, shared by a file's tests: use rooms of your own."""
    server = start_gevent()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["gevent", "threads"])
def any_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The same tests on gevent and on threads (``flask run``), shared by a file's tests: use rooms of your own."""
    server = start_gevent() if request.param == "gevent" else start_threads()
    yield server
    server.stop()


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"room-{secrets.token_hex(6)}"
