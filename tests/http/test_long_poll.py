"""``GET /rooms/<room>/messages?wait=``: the long poll, for clients that have nothing but plain requests."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as redis_client
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import Redis, Server, eventually
from tests.support.publishing import Flood, path, publish
from tests.support.raw import RawRequest

from .conftest import Starter


def poll(server: Server, room: str, **query: object) -> dict[str, Any]:
    """One poll; how long it took is in ``took``."""
    started = time.monotonic()
    answer = requests.get(server.url + path(room), params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "took": time.monotonic() - started}


def waiting(server: Server) -> float:
    """How many long polls the server holds now."""
    text = requests.get(server.url + "/metrics", timeout=10).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next(sample.value for sample in samples if sample.labels.get("transport") == "longpoll")


def test_it_answers_at_once_when_something_is_there(every_server: Server, room: str) -> None:
    first, second = publish(every_server.url, room), publish(every_server.url, room)
    for query, expected in (({}, [first, second]), ({"after": first}, [second])):
        answer = poll(every_server, room, wait=20, **query)
        assert [message["id"] for message in answer["messages"]] == expected
        assert answer["took"] < 2


def test_it_answers_empty_handed_when_its_time_is_over(every_server: Server, room: str) -> None:
    cursor = publish(every_server.url, room)
    answer = poll(every_server, room, after=cursor, wait=0.4)
    assert (answer["messages"], answer["recovered"]) == ([], True)
    assert 0.4 <= answer["took"] < 3
    later = publish(every_server.url, room)
    assert [one["id"] for one in poll(every_server, room, after=answer["cursor"])["messages"]] == [later]


def test_it_is_woken_by_what_is_published(every_server: Server, room: str) -> None:
    cursor = poll(every_server, room)["cursor"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(poll, every_server, room, after=cursor, wait=20)
        eventually(lambda: waiting(every_server) == 1, what="the poll waits")
        published = time.monotonic()
        id_ = publish(every_server.url, room, "news")
        messages = answer.result()["messages"]
        assert time.monotonic() - published < 1
    assert [(one["id"], one["data"]) for one in messages] == [(id_, "news")]
    eventually(lambda: waiting(every_server) == 0, what="nothing of it remains")


def test_another_rooms_messages_do_not_end_the_wait(every_server: Server, room: str) -> None:
    cursor = poll(every_server, room)["cursor"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(poll, every_server, room, after=cursor, wait=20)
        eventually(lambda: waiting(every_server) == 1, what="the poll waits")
        for _ in range(5):
            publish(every_server.url, room + "-other")
        id_ = publish(every_server.url, room)
        assert [one["id"] for one in answer.result()["messages"]] == [id_]


@pytest.mark.parametrize("query", [{"after": "1-0"}, {"limit": 0}, {"before": "1-0"}, {"wait": 0}])
def test_it_does_not_wait_for_what_cannot_come(every_server: Server, room: str, query: dict[str, object]) -> None:
    publish(every_server.url, room + "-other")
    assert poll(every_server, room, **{"wait": 20, **query})["took"] < 5


def test_its_patience_is_capped(start: Starter, room: str) -> None:
    server = start(REALTIME_MAX_WAIT="0.3")
    assert 0.3 <= poll(server, room, wait="1e9")["took"] < 5


def test_a_client_that_hangs_up_is_forgotten_soon(any_server: Server, room: str) -> None:
    with RawRequest(any_server.url, f"{path(room)}?wait=20"):
        eventually(lambda: waiting(any_server) == 1, what="the poll waits")
    gone = time.monotonic()
    eventually(lambda: waiting(any_server) == 0, what="the poll is over")
    assert time.monotonic() - gone < 10


def test_a_client_that_closes_its_side_only_is_answered(any_server: Server, room: str) -> None:
    cursor = publish(any_server.url, room)
    with RawRequest(any_server.url, f"{path(room)}?after={cursor}&wait=20") as request:
        eventually(lambda: waiting(any_server) == 1, what="the poll waits")
        request.socket.shutdown(socket.SHUT_WR)
        request.read_head()
        assert request.status == 200
        assert f'"cursor":"{cursor}"'.encode() in request.read_rest()


def test_a_chain_of_polls_misses_nothing_and_gets_nothing_twice(every_server: Server, room: str) -> None:
    cursor = poll(every_server, room)["cursor"]
    seen: list[str] = []
    with Flood(every_server.url, room, most=400) as flood:
        while len(seen) < 400:
            answer = poll(every_server, room, after=cursor, wait=5, limit=20)
            assert answer["recovered"] is True
            assert answer["messages"], "there was more to come"
            seen += [message["id"] for message in answer["messages"]]
            cursor = answer["cursor"]
    assert seen == flood.ids


def test_a_message_that_comes_just_as_the_poll_begins_to_wait_ends_it(every_server: Server, room: str) -> None:
    cursor = poll(every_server, room)["cursor"]
    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):
            answer = pool.submit(poll, every_server, room, after=cursor, wait=20)
            id_ = publish(every_server.url, room)
            assert [one["id"] for one in answer.result(timeout=10)["messages"]] == [id_]
            cursor = answer.result()["cursor"]


def test_many_polls_of_one_room_all_get_the_message(every_server: Server, room: str) -> None:
    cursor = poll(every_server, room)["cursor"]
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(poll, every_server, room, after=cursor, wait=20) for _ in range(20)]
        eventually(lambda: waiting(every_server) == 20, what="all wait")
        id_ = publish(every_server.url, room)
        assert [[one["id"] for one in answer.result()["messages"]] for answer in answers] == [[id_]] * 20


def test_a_server_that_stops_does_not_keep_a_poll_waiting(start: Starter, room: str) -> None:
    server = start()
    cursor = poll(server, room)["cursor"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(poll, server, room, after=cursor, wait=20)
        eventually(lambda: waiting(server) == 1, what="the poll waits")
        assert server.stop(within=5) == 0
        assert answer.result()["messages"] == []
        assert answer.result()["cursor"] == cursor


def test_many_polls_share_what_is_read_of_redis(start: Starter, own_redis: Redis, room: str) -> None:
    server = start(REALTIME_BUS_URL=own_redis.url)
    cursor = publish(server.url, room)

    def reads() -> int:
        with redis_client.Redis(port=own_redis.port) as connection:
            return int(connection.info("commandstats")["cmdstat_xrange"]["calls"])

    with ThreadPoolExecutor(40) as pool:
        answers = [pool.submit(poll, server, room, after=cursor, wait=20) for _ in range(40)]
        eventually(lambda: waiting(server) == 40, what="all wait")
        before = reads()
        id_ = publish(server.url, room)
        assert [[one["id"] for one in answer.result()["messages"]] for answer in answers] == [[id_]] * 40
    assert reads() - before < 60, "each would be three calls"


def test_a_poll_is_told_at_once_that_the_log_was_lost(start: Starter, own_redis: Redis, room: str) -> None:
    server = start(REALTIME_BUS_URL=own_redis.url)
    cursor = publish(server.url, room)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(poll, server, room, after=cursor, wait=20)
        eventually(lambda: waiting(server) == 1, what="the poll waits")
        with redis_client.Redis(port=own_redis.port) as connection:
            connection.flushall()
        told = answer.result()
    assert (told["messages"], told["recovered"]) == ([], False) and told["took"] < 10
    later = publish(server.url, room)
    assert [one["id"] for one in poll(server, room, after=told["cursor"])["messages"]] == [later]
