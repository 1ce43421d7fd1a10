"""A batch from wherever code runs: threads, contexts, other processes before and after a fork; hooks for each item."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from realtime import HookFailed, Publication, Publisher, Realtime, Refused, testing
from realtime.signals import message_published
from tests.support.processes import ROOT, Redis, clean_environment


@pytest.fixture(params=["memory", "redis"])
def shop(request: pytest.FixtureRequest, shared_redis: Redis, namespace: str) -> Iterator[tuple[Flask, Realtime]]:
    app = Flask("shop")
    bus_url = "memory://" if request.param == "memory" else shared_redis.url
    app.config.update(REALTIME_NAMESPACE=namespace, REALTIME_BUS_URL=bus_url)
    realtime = Realtime(app)
    yield app, realtime
    app.extensions["realtime"].close()


def test_subscribers_see_them_in_the_order_of_the_list(shop: tuple[Flask, Realtime]) -> None:
    app, realtime = shop
    with testing.subscribe(app, "a", "b") as reader:
        ids = realtime.publish_many({"room": "ab"[number % 2], "data": number} for number in range(300))
        seen = [reader.expect(timeout=10) for _ in ids]
    assert [one.data for one in seen] == list(range(300))
    assert [one.id for one in seen] == ids


def test_hooks_and_signals_are_for_each(shop: tuple[Flask, Realtime]) -> None:
    app, realtime = shop
    told: list[Any] = []

    def note(_app: Flask, message: Any, **_: Any) -> None:
        told.append((str(message.id), message.data))

    @realtime.on_publish
    def stamp(publication: Publication) -> Any:
        if publication.data == "spam":
            raise Refused("no spam")
        if publication.data == "bug":
            raise KeyError("bug")
        return {"said": publication.data}

    with message_published.connected_to(note, app):
        items = [{"room": "lobby", "data": data, "key": data} for data in ("a", "spam", "b", "bug", "a")]
        outcomes = realtime.publish_many(items)
    assert [type(one) for one in outcomes] == [str, Refused, str, HookFailed, str]
    assert outcomes[4] == outcomes[0]
    assert told == [(outcomes[0], {"said": "a"}), (outcomes[2], {"said": "b"})]


def test_from_a_thread_and_in_a_context(shop: tuple[Flask, Realtime]) -> None:
    app, realtime = shop
    ids: list[Any] = []
    thread = threading.Thread(target=lambda: ids.extend(realtime.publish_many([{"room": "lobby", "data": 1}])))
    thread.start()
    thread.join()
    with app.app_context():
        ids += realtime.publish_many([{"room": "lobby", "data": 2}])
    assert [str(one.id) for one in realtime.history("lobby").messages] == ids


SCRIPT = """
import os, sys
from realtime import Publisher

publisher = Publisher(namespace=sys.argv[1])
publisher.publish_many([{"room": "lobby", "data": "before"}])
pid = os.fork()
said = "child" if pid == 0 else "parent"
outcomes = publisher.publish_many([{"room": "lobby", "data": [said, n]} for n in range(50)])
fine = all(isinstance(one, str) for one in outcomes)
if pid == 0:
    os._exit(0 if fine else 1)
assert fine and os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert "flask" not in sys.modules and "gevent" not in sys.modules
"""


def test_from_another_process_before_and_after_it_forks(shared_redis: Redis, namespace: str) -> None:
    subprocess.run(
        [sys.executable, "-c", SCRIPT, namespace],
        env=clean_environment(PYTHONPATH=str(ROOT), REDIS_URL=shared_redis.url),
        check=True,
        timeout=60,
    )
    with Publisher(shared_redis.url, namespace=namespace) as publisher:
        data = [one.data for one in publisher.history("lobby", limit=200).messages]
    assert data[0] == "before"
    for said in ("child", "parent"):
        assert [number for name, number in data[1:] if name == said] == list(range(50))
