"""What is posted with curl reaches every kind of client as the same event, with the same data and the same id."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import requests

from tests.support.processes import Server, eventually, program
from tests.support.publishing import history
from tests.support.streams import EventReader

from .stock import NpmClient, PythonClient

SAID = [
    ("message", {"user": "ann", "text": "hi"}),
    ("shipped", {"order": 7, "paid": True, "price": 1.5, "tags": ["a", None], "nested": {"ä": {}}}),
    ("message", '\N{GRINNING FACE} a\u2028b <b> "quoted" \\ and\nlines'),
    ("message", None),
    ("error", []),
    ("message", ""),
]


def curl(server: Server, room: str, body: dict[str, Any]) -> str:
    """Post a message as the README does; return its id."""
    command = [program("curl"), "--silent", "--show-error", "--fail-with-body", "--max-time", "15"]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    url = f"{server.url}/rooms/{room}/messages"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout)["id"])


def test_a_message_posted_with_curl_is_the_same_for_every_client(
    any_server: Server, npm: Callable[..., NpmClient], python: Callable[..., PythonClient]
) -> None:
    with EventReader(any_server.url, "lobby") as stream:
        stream.ready()
        clients = [
            npm(any_server.url, "lobby", transports=["websocket"]),
            npm(any_server.url, "lobby", transports=["polling", "websocket"]),
            npm(any_server.url, "lobby", transports=["polling"]),
            python(any_server.url, "lobby", transports=["websocket"]),
            python(any_server.url, "lobby"),
            python(any_server.url, "lobby", transports=["polling"]),
        ]
        eventually(lambda: clients[1].said("upgraded"), what="the upgrade of npm's client")
        ids = [curl(any_server, "lobby", {"event": event, "data": data}) for event, data in SAID]
        expected = [(event, [data, id_]) for (event, data), id_ in zip(SAID, ids, strict=True)]
        for client in clients:
            eventually(lambda client=client: len(client.got) >= len(expected), within=20, what="all messages")
            assert client.got == expected
        assert [(one.event, [json.loads(one.data), one.id]) for one in stream.wait(len(expected))] == expected
        id_, (event, data) = ids[0], SAID[0]
        line = json.dumps(data, separators=(",", ":"))
        assert f"\n\nid: {id_}\nevent: {event}\ndata: {line}\n\n".encode() in stream.raw
    assert [(one["event"], [one["data"], one["id"]]) for one in history(any_server.url, "lobby")] == expected
    assert [client.transport for client in clients[3:]] == ["websocket", "websocket", "polling"]


def test_what_any_client_publishes_reaches_all_the_others_once_and_in_one_order(
    any_server: Server, npm: Callable[..., NpmClient], python: Callable[..., PythonClient], room: str
) -> None:
    with EventReader(any_server.url, room) as stream:
        stream.ready()
        clients = [
            kind(any_server.url, room, transports=transports)
            for kind in (npm, python)
            for transports in (["websocket"], ["polling", "websocket"])
        ]
        ids = []
        for turn in range(3):
            ids += [client.publish(room, [turn, number]) for number, client in enumerate(clients)]
            ids.append(curl(any_server, room, {"data": [turn, "curl"]}))
        for client in clients:
            eventually(lambda client=client: len(client.got) >= len(ids), within=20, what="all messages")
            assert [one.id for one in client.got] == ids
        stream.wait(len(ids))
        assert stream.ids == ids
    assert [one["data"] for one in history(any_server.url, room)] == stream.data


def test_the_same_key_again_is_answered_with_the_first_id_and_delivered_once(
    any_server: Server, npm: Callable[..., NpmClient], python: Callable[..., PythonClient], room: str
) -> None:
    ann, bob = npm(any_server.url, room, transports=["websocket"]), python(any_server.url, room)
    first = ann.publish(room, "once", key="k-1")
    again = requests.post(f"{any_server.url}/rooms/{room}/messages", json={"data": "once", "key": "k-1"}, timeout=10)
    assert (again.status_code, again.json()) == (200, {"id": first})
    assert bob.publish(room, "once", key="k-1") == first
    last = bob.publish(room, "last")
    for client in (ann, bob):
        eventually(lambda client=client: len(client.got) >= 2, what="both messages")
        assert [one.id for one in client.got] == [first, last]
