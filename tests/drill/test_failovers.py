"""A short version of the drill's failovers, on one deployment of Sentinel and one of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import redis as redis_client

from drill.ledger import Account, Book, judge
from drill.scenarios import SCENARIOS, play
from drill.stage import Load
from drill.stores import STORES, Deployment
from tests.support.processes import Redis

SHORT = Load(clients=8, rate=40, seconds=1, faults=1, slack=10)


class Deployments:
    """One of each kind, empty whenever it is asked for."""

    def __init__(self, paths: pytest.TempPathFactory) -> None:
        self._paths, self._stack, self._running = paths, ExitStack(), dict[str, Deployment]()

    def get(self, kind: str) -> Deployment:
        if kind not in self._running:
            store = STORES[kind](self._paths.mktemp(kind))
            self._stack.callback(store.stop)
            assert not isinstance(store, Redis)
            self._running[kind] = store
        store = self._running[kind]
        store.settle(2)
        with redis_client.Redis(port=store.primary.port) as admin:
            admin.flushall()
        return store

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    running = Deployments(tmp_path_factory)
    yield running
    running.close()


@pytest.mark.parametrize("name", ["sentinel", "sentinel-behind", "behind-durable", "cluster"])
def test_nothing_is_lost_in_silence_and_nothing_durable_at_all(name: str, deployments: Deployments) -> None:
    store = deployments.get(SCENARIOS[name].store)
    result = asyncio.run(play(SCENARIOS[name], SHORT, store=store))
    assert [one for one in result.missed if not one.startswith("back after")] == []
    assert result.figures.recovery < 30


def test_without_durable_mode_the_same_is_seen_to_lose_what_was_acknowledged(deployments: Deployments) -> None:
    scenario = SCENARIOS["behind-durable"]
    scenario = replace(scenario, settings={**scenario.settings, "REALTIME_DURABLE": "0"})
    result = asyncio.run(play(scenario, SHORT, store=deployments.get(scenario.store)))
    assert any("not in the log any more" in one for one in result.missed), result


def test_what_is_told_counts_as_gone_only_where_the_log_does_not_have_it_any_more() -> None:
    book = Book(sent={"a": 1, "b": 1}, acknowledged={"a": (1, 0), "b": (2, 0)})
    told = Account()
    told.message(book, "a", (1, 0))
    told.reset((3, 0))
    assert (judge(book, [told]).gone, judge(book, [told]).lost) == (1, 0)
    kept = judge(book, [told], still_there={"b"})
    assert (kept.gone, kept.lost) == (0, 1)


def test_a_message_that_was_lost_and_published_again_is_no_double() -> None:
    book = Book(sent={"a": 1}, acknowledged={"a": (9, 0)})
    told, doubled = Account(), Account()
    told.message(book, "a", (1, 0))
    told.reset((5, 0))
    told.message(book, "a", (9, 0))
    assert judge(book, [told]).doubled == 0
    told.message(book, "a", (9, 0))
    assert judge(book, [told]).doubled == 1
    doubled.message(book, "a", (1, 0))
    doubled.message(book, "a", (9, 0))
    assert judge(book, [doubled]).doubled == 1
