"""``/healthz``, ``/readyz``, ``/metrics``: for the people and machines that operate the server.

None of the answers, and nothing that is logged, has a secret in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import Redis, Server, eventually
from tests.support.publishing import publish
from tests.support.streams import EventReader

from .conftest import Starter

PASSWORD = "s3cret-of-redis"
KEY = "s3cret-of-sessions"


def metrics(server: Server) -> dict[str, float]:
    """What ``/metrics`` says, by name and label."""
    text = requests.get(server.url + "/metrics", timeout=10).text
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def status(server: Server, target: str) -> int:
    """Only the status."""
    return requests.get(server.url + target, timeout=10).status_code


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_a_healthy_server_says_so(every_server: Server, target: str) -> None:
    answer = requests.get(every_server.url + target, timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_metrics_are_what_prometheus_reads(every_server: Server) -> None:
    answer = requests.get(every_server.url + "/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert all(name.startswith("realtime_") for name in families)
    assert all(family.documentation for family in families.values())
    for name in ("messages", "deliveries", "spills", "resets", "gaps"):
        assert families[f"realtime_{name}"].type == "counter"
    for name in ("connections", "rooms", "bus_up"):
        assert families[f"realtime_{name}"].type == "gauge"


def test_metrics_count_what_happens(start: Starter, room: str) -> None:
    server = start()
    with EventReader(server.url, room) as one, EventReader(server.url, room, room + "-other") as other:
        one.ready(), other.ready()
        for _ in range(5):
            publish(server.url, room)
        one.wait(5), other.wait(5)
        now = metrics(server)
    assert now["realtime_messages_total"] == 5
    assert now["realtime_deliveries_total"] == 10
    assert now["realtime_connections/sse"] == 2
    assert now["realtime_rooms"] == 2
    assert now["realtime_bus_up"] == 1


def test_a_server_without_its_bus_is_alive_but_not_ready(start: Starter, own_redis: Redis) -> None:
    server = start(REALTIME_BUS_URL=own_redis.url)
    assert status(server, "/readyz") == 200
    own_redis.kill()
    eventually(lambda: status(server, "/readyz") == 503, what="not ready")
    assert requests.get(server.url + "/readyz", timeout=10).json() == {"status": "bus_unavailable"}
    assert status(server, "/healthz") == 200
    assert metrics(server)["realtime_bus_up"] == 0
    own_redis.start()
    eventually(lambda: status(server, "/readyz") == 200, what="ready again")
    assert metrics(server)["realtime_bus_up"] == 1


def test_a_frozen_bus_is_noticed_within_its_time_out(start: Starter, own_redis: Redis) -> None:
    server = start(REALTIME_BUS_URL=own_redis.url, REALTIME_PUBLISH_TIMEOUT="0.5")
    assert status(server, "/readyz") == 200
    own_redis.freeze()
    for target, expected in (("/readyz", 503), ("/metrics", 200), ("/healthz", 200)):
        started = time.monotonic()
        assert status(server, target) == expected
        assert time.monotonic() - started < 3
    own_redis.thaw()
    eventually(lambda: status(server, "/readyz") == 200, what="ready again")


def test_a_server_that_starts_without_its_bus_becomes_ready_when_it_comes(
    start: Starter, own_redis: Redis, room: str
) -> None:
    own_redis.kill()
    server = start(REALTIME_BUS_URL=own_redis.url)
    assert status(server, "/healthz") == 200
    assert status(server, "/readyz") == 503
    assert status(server, f"/events?room={room}") == 503
    own_redis.start()
    eventually(lambda: status(server, "/readyz") == 200, what="ready")
    with EventReader(server.url, room) as stream:
        stream.ready()
        id_ = publish(server.url, room)
        stream.wait(1)
        assert stream.ids == [id_]


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis with a password."""
    redis = Redis(tmp_path, "--requirepass", PASSWORD)
    yield redis
    redis.stop()


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_no_answer_and_no_log_line_has_a_secret(
    start: Starter, guarded_redis: Redis, tmp_path: Path, room: str, kind: str
) -> None:
    url = guarded_redis.url.replace("://", f"://:{PASSWORD}@")
    server = start(kind, REALTIME_BUS_URL=url, SECRET_KEY=KEY, LOG_LEVEL="DEBUG", REALTIME_PUBLISH_TIMEOUT="0.5")
    publish(server.url, room)
    targets = ["/", "/healthz", "/readyz", "/metrics", f"/rooms/{room}/messages", "/nothing", "/events"]
    said = [requests.get(server.url + target, timeout=10).text for target in targets]
    guarded_redis.kill()
    eventually(lambda: status(server, "/readyz") == 503, what="not ready")
    said += [requests.get(server.url + target, timeout=10).text for target in targets]
    said.append(requests.post(f"{server.url}/rooms/{room}/messages", json={"data": 1}, timeout=10).text)
    assert "bus_unavailable" in said[-1]
    said.append(server.output)
    assert not [text for text in said if PASSWORD in text or KEY in text]
