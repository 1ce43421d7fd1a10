"""Who may do what, on every way in, on real servers."""

from __future__ import annotations

import threading
from typing import Any

import requests

from tests.support.clients import SocketClient
from tests.support.processes import Server, eventually
from tests.support.publishing import path
from tests.support.streams import EventReader

from .doors import DOORS, Answer, Cookie, log_in


def knock(server: Server, door: str, room: str, cookie: Cookie | None = None) -> Answer:
    """Try one way in."""
    answer = DOORS[door][1](server.url, room, cookie or {})
    status = {"ok": {200, 201}, "unauthorized": {401}, "forbidden": {403}, "internal": {500}, "conflict": {409}}
    assert answer.status is None or answer.status in status[answer.code]
    return answer


def test_a_401_names_the_scheme(server: Server) -> None:
    for target in ("/events?room=private/ann", path("private/ann")):
        answer = requests.get(server.url + target, timeout=30)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_room_that_nobody_guards_is_open(server: Server, door: str) -> None:
    assert knock(server, door, "anywhere").code == "ok"


def test_the_owner_comes_in_another_user_is_forbidden_and_nobody_is_told_to_log_in(server: Server, door: str) -> None:
    room = "private/ann"
    assert knock(server, door, room, log_in(server.url, "ann")).code == "ok"
    assert knock(server, door, room, log_in(server.url, "bob")).code == "forbidden"
    assert knock(server, door, room).code == "unauthorized"
    assert knock(server, door, room, {"Cookie": "session=eyJ1c2VyIjoiYW5uIn0.forged.signature"}).code == "unauthorized"


def test_each_way_in_asks_for_its_action(server: Server, door: str) -> None:
    action = DOORS[door][0]
    others = ".".join({"subscribe", "history", "publish", "presence"} - {action})
    assert knock(server, door, f"only/{action}", log_in(server.url, "ann")).code == "ok"
    assert knock(server, door, f"only/{others}", log_in(server.url, "ann")).code == "forbidden"


def test_a_hook_may_refuse_in_words_of_its_own(server: Server, door: str) -> None:
    assert knock(server, door, "words/x").error == {"code": "forbidden", "message": "not today"}
    assert knock(server, door, "words/abort").error == {"code": "conflict", "message": "not while it rains"}


def test_a_hook_that_fails_refuses_and_is_logged(server: Server, door: str) -> None:
    room = f"broken/{door.replace(' ', '-')}"
    error = {"code": "internal", "message": "the server failed; it was logged"}
    assert knock(server, door, room, log_in(server.url, "ann")).error == error
    eventually(lambda: f"KeyError: '{DOORS[door][0]} {room}'" in server.output, what="the reason in the log")


def test_a_hook_that_waits_holds_up_nobody_else(server: Server, door: str) -> None:
    name = door.replace(" ", "-")
    waiting: list[Answer] = []
    thread = threading.Thread(target=lambda: waiting.append(knock(server, door, f"gate/{name}")))
    thread.start()
    assert knock(server, door, "anywhere").code == "ok"
    assert not waiting
    assert knock(server, door, f"open/{name}").code == "ok"
    thread.join(30)
    assert waiting[0].code == "ok"


def test_one_room_of_several_that_is_refused_refuses_the_stream(server: Server) -> None:
    query = {"room": ["anywhere", "private/bob"]}
    answer = requests.get(f"{server.url}/events", params=query, headers=log_in(server.url, "ann"), timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "private/bob" in answer.json()["error"]["message"]


def test_who_was_refused_a_room_gets_nothing_of_it_and_keeps_the_connection(server: Server, transport: str) -> None:
    room = f"private/ann/{transport}"
    with SocketClient(server.url, transport, headers=log_in(server.url, "bob")) as bob:
        assert not bob.ask("join", {"room": room, "after": "0-0"})["ok"]
        assert not bob.ask("publish", {"room": room, "data": "from bob"})["ok"]
        bob.join("anywhere")
        requests.post(server.url + path(room), json={"data": "secret"}, headers=log_in(server.url, "ann"), timeout=30)
        end = bob.publish("anywhere", f"end/{transport}")
        eventually(lambda: end in bob.ids)
        assert [one.data for one in bob.events if one.id >= end] == [f"end/{transport}"]
        assert "secret" not in [one.data for one in bob.events]


def test_a_cursor_opens_no_log_to_whom_may_not_read_it(server: Server, transport: str) -> None:
    room = f"only/subscribe.publish/{transport}"
    requests.post(server.url + path(room), json={"data": "before"}, timeout=30)
    refused = requests.get(f"{server.url}/events", params={"room": room, "history": "5"}, timeout=30)
    assert refused.status_code == 401
    queries: list[dict[str, Any]] = [{"after": "0-0"}, {"lastEventId": "0-1"}]
    with EventReader(server.url, room, **queries[0]) as one, EventReader(server.url, room, **queries[1]) as other:
        for stream in (one, other):
            assert stream.ready()["recovered"] is False
        with SocketClient(server.url, transport) as client:
            assert client.ask("join", {"room": room, "history": 5})["error"]["code"] == "unauthorized"
            assert client.join(room, after="0-0")["recovered"] is False
            requests.post(server.url + path(room), json={"data": "after"}, timeout=30)
            assert [got.data for got in client.wait()] == ["after"]
        for stream in (one, other):
            stream.wait(1)
            assert stream.data == ["after"]


def test_who_publishes_is_known_to_hooks_of_on_publish(server: Server, transport: str) -> None:
    cookie, room = log_in(server.url, "ann"), f"signed/{transport}"
    posted = requests.post(server.url + path(room), json={"data": 1}, headers=cookie, timeout=30).json()["id"]
    with SocketClient(server.url, transport, headers=cookie) as ann, SocketClient(server.url, transport) as nobody:
        ids = [posted, ann.publish(room, 1), nobody.publish(room, 1)]
    found = requests.get(server.url + path(room), timeout=30).json()["messages"]
    assert [one["data"] for one in found if one["id"] in ids] == [{"by": "ann"}, {"by": "ann"}, {"by": None}]


def test_many_messages_of_one_client_keep_their_order_past_the_gate(server: Server, transport: str) -> None:
    room = f"members/order/{transport}"
    cookie = log_in(server.url, "ann")
    with SocketClient(server.url, transport, headers=cookie) as ann:
        ann.join(room)
        for number in range(20):
            ann.emit("publish", {"room": room, "data": number})
        assert [one.data for one in ann.wait(20)] == list(range(20))
