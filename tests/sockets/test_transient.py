"""Transient messages: in the order of the log to who is connected now, on every transport, and kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Server
from tests.support.publishing import history, path, publish
from tests.support.streams import EventReader

from .deployment import Deployment

Connect = Callable[..., SocketClient]


def say(base: str, room: str, data: Any, event: str = "typing") -> None:
    """Publish one over HTTP."""
    body = {"event": event, "data": data, "transient": True}
    answer = requests.post(base + path(room), json=body, timeout=10)
    assert (answer.status_code, answer.json()) == (202, {"transient": True})


def test_it_comes_in_order_everywhere_without_an_id_and_nothing_keeps_it(
    deployment: Deployment, connect: Connect, room: str
) -> None:
    here, there = deployment.here, deployment.there
    sockets = [connect(url, kind) for url in (here, there) for kind in ("websocket", "polling")]
    plain = connect(there, auth={"ids": False})
    for socket in [*sockets, plain]:
        socket.join(room)
    with EventReader(here, room) as one, EventReader(there, room) as other:
        streams = [one, other]
        for stream in streams:
            stream.ready()
        first = publish(here, room, 1)
        assert sockets[0].ask(
            "publish", {"room": room, "event": "typing", "data": {"who": "ann"}, "transient": True}
        ) == {"ok": True}
        say(there, room, "Bob")
        last = publish(there, room, 2)
        for stream in streams:
            stream.wait(4)
            assert stream.data == [1, {"who": "ann"}, "Bob", 2]
            # An event stream's last id stays where it was.
            assert stream.ids == [first, first, first, last]
            assert stream.raw.count(b"id: ") == 2
        for socket in sockets:
            got = [(event.event, event.args) for event in socket.wait(4)]
            assert got == [
                ("message", [1, first]), ("typing", [{"who": "ann"}]), ("typing", ["Bob", None]), ("message", [2, last])
            ]  # fmt: skip
        assert [event.args for event in plain.wait(4)] == [[1], [{"who": "ann"}], ["Bob"], [2]]
    with EventReader(there, room, after=first) as stream:
        assert stream.ready()["recovered"] is True
        stream.wait(1)
        assert stream.data == [2]
    assert [one["data"] for one in history(here, room)] == [1, 2]
    late = connect(here)
    assert late.join(room, history=10)["recovered"] is True
    assert [event.args for event in late.events] == [[1, first], [2, last]]


def test_a_long_poll_does_not_see_it(any_server: Server, room: str) -> None:
    base = any_server.url
    cursor = publish(base, room, 1)
    say(base, room, "nobody")
    query: dict[str, str | float] = {"after": cursor, "wait": 0.3}
    answer = requests.get(base + path(room), params=query, timeout=10).json()
    assert answer["messages"] == [] and answer["recovered"] is True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": "k"}, "no key"),
        ({"transient": 1}, "true or false"),
        ({"event": "realtime.x"}, "realtime."),
        ({"event": ""}, "1"),
    ],
)
def test_what_is_wrong_is_refused_on_both_ways_in(
    any_server: Server, connect: Connect, room: str, wrong: dict[str, Any], said: str
) -> None:
    body = {"data": 1, "transient": True} | wrong
    answer = requests.post(any_server.url + path(room), json=body, timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_value") and said in error["message"]
    refused = connect(any_server.url).ask("publish", {"room": room} | body)
    assert refused == {"ok": False, "error": error}


def test_one_that_is_too_large_is_refused_like_any_other(any_server: Server, room: str) -> None:
    body = json.dumps({"data": "x" * 70_000, "transient": True})
    answer = requests.post(any_server.url + path(room), body, headers={"Content-Type": "application/json"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
