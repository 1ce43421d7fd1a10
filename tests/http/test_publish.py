"""``POST /rooms/<room>/messages``: what is accepted, under which id, and what an idempotency key promises."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.processes import Server
from tests.support.publishing import history, path, publish
from tests.support.streams import EventReader

from .conftest import Starter


def post(server: Server, room: str, **body: object) -> requests.Response:
    """Publish, and return whatever is answered."""
    return requests.post(server.url + path(room), json=body, timeout=30)


def test_an_accepted_message_is_answered_201_with_its_id(every_server: Server, room: str) -> None:
    answer = post(every_server, room, data={"text": "hi"})
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["id"]
    assert re.fullmatch(r"\d+-\d+", answer.json()["id"])
    assert history(every_server.url, room) == [
        {"id": answer.json()["id"], "room": room, "event": "message", "data": {"text": "hi"}}
    ]


def test_the_event_is_message_unless_another_is_named(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room) as stream:
        stream.ready()
        post(every_server, room, data=1)
        post(every_server, room, data=2, event="typing stopped: ünï")
        stream.wait(2)
        assert [event.event for event in stream.messages] == ["message", "typing stopped: ünï"]


def test_ids_rise_strictly(every_server: Server, room: str) -> None:
    ids = [publish(every_server.url, f"{room}-{number % 3}") for number in range(50)]
    order = [tuple(map(int, id_.split("-"))) for id_ in ids]
    assert order == sorted(set(order))


@pytest.mark.parametrize("data", [None, 0, False, "", [], {}, 1.5, "é\u2028\N{GRINNING FACE}", {"a": [{"b": None}]}])
def test_any_json_value_is_data(every_server: Server, room: str, data: object) -> None:
    assert post(every_server, room, data=data).status_code == 201
    assert [one["data"] for one in history(every_server.url, room)] == [data]


def test_escaped_json_means_the_same_as_plain(any_server: Server, room: str) -> None:
    body = rb'{"data": "\u00e9 \ud83d\ude00 \n", "event": "\u0065v"}'
    headers = {"Content-Type": "application/json"}
    assert requests.post(any_server.url + path(room), data=body, headers=headers, timeout=10).status_code == 201
    (message,) = history(any_server.url, room)
    assert (message["event"], message["data"]) == ("ev", "é \N{GRINNING FACE} \n")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"])
def test_json_may_be_declared_in_any_of_its_forms(any_server: Server, room: str, kind: str) -> None:
    answer = requests.post(any_server.url + path(room), data=b'{"data": 1}', headers={"Content-Type": kind}, timeout=10)
    assert answer.status_code == 201


def test_a_body_in_chunks_without_a_length_is_read(any_server: Server, room: str) -> None:
    pieces = iter([b'{"data"', b": [1, 2", b", 3]}"])
    headers = {"Content-Type": "application/json"}
    answer = requests.post(any_server.url + path(room), data=pieces, headers=headers, timeout=10)
    assert answer.status_code == 201
    assert [one["data"] for one in history(any_server.url, room)] == [[1, 2, 3]]


def test_fields_that_nobody_knows_are_left_alone(any_server: Server, room: str) -> None:
    assert post(any_server, room, data=1, surprise=2).status_code == 201


def test_the_same_key_again_is_the_same_message(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room) as stream:
        stream.ready()
        first = post(every_server, room, data={"n": 1}, key="k-1")
        again = post(every_server, room, data={"n": 1}, key="k-1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        last = publish(every_server.url, room, "last")
        stream.wait(2)
        assert stream.ids == [first.json()["id"], last]
    assert len(history(every_server.url, room)) == 2


@pytest.mark.parametrize("other", [{"data": 2}, {"data": 1, "event": "other"}, {"data": "1"}])
def test_the_same_key_for_another_message_is_a_conflict(
    every_server: Server, room: str, other: dict[str, object]
) -> None:
    first = post(every_server, room, data=1, key="k")
    answer = post(every_server, room, key="k", **other)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "key_conflict"
    assert [one["id"] for one in history(every_server.url, room)] == [first.json()["id"]]


def test_a_key_belongs_to_its_room(every_server: Server, room: str) -> None:
    first = post(every_server, room, data=1, key="k")
    second = post(every_server, room + "-other", data=2, key="k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() != second.json()


def test_a_key_sent_many_times_at_once_is_one_message(every_server: Server, room: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(every_server, room, data="once", key="k"), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(history(every_server.url, room)) == 1


def test_an_expired_key_is_forgotten(start: Starter, room: str) -> None:
    server = start(REALTIME_KEY_TTL="1")
    first = post(server, room, data=1, key="k").json()["id"]
    while (again := post(server, room, data=1, key="k")).status_code == 200:
        assert again.json()["id"] == first
    assert again.status_code == 201
    assert [one["id"] for one in history(server.url, room)] == [first, again.json()["id"]]


def test_publishers_at_once_all_get_ids_of_their_own(every_server: Server, room: str) -> None:
    with EventReader(every_server.url, room) as stream:
        stream.ready()
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda number: publish(every_server.url, room, number), range(80)))
        stream.wait(80)
        assert stream.ids == sorted(ids, key=lambda id_: tuple(map(int, id_.split("-"))))
        assert sorted(stream.data) == list(range(80))


def test_numbers_keep_their_digits(any_server: Server, room: str) -> None:
    body = b'{"data": [9007199254740993, 1e-7, 123456789012345678901234567890]}'
    headers = {"Content-Type": "application/json"}
    with EventReader(any_server.url, room) as stream:
        stream.ready()
        requests.post(any_server.url + path(room), data=body, headers=headers, timeout=10)
        stream.wait(1)
        assert json.loads(stream.messages[0].data) == [9007199254740993, 1e-07, 123456789012345678901234567890]
