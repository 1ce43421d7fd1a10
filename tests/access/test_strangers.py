"""Where there are private rooms and no rules beside: who brings nothing is nobody, and is not asked about.

``python server.py`` is such an application. That a client without a cookie pays nothing for others' private rooms is
what ``Gate.knows`` is for; that it gets into none of them, and that everybody else is asked about, is tested here.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask import Flask, session

from realtime import Realtime, testing
from realtime.web.identifying import AUTH
from tests.support.clients import SocketClient
from tests.support.processes import Server

from .doors import DOORS

ROOM = "private/room-x"


@pytest.mark.parametrize("door", sorted(DOORS))
@pytest.mark.parametrize("bringing", [{}, {"Cookie": "session=forged"}, {"Authorization": "Bearer x"}])
def test_a_stranger_gets_into_no_private_room_and_into_every_other(
    any_server: Server, door: str, bringing: dict[str, str]
) -> None:
    knock = DOORS[door][1]
    assert knock(any_server.url, ROOM, bringing).code == "unauthorized"
    assert knock(any_server.url, "lobby", bringing).code == "ok"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_on_one_connection_a_stranger_is_refused_there_and_chats_here(any_server: Server, transport: str) -> None:
    with SocketClient(any_server.url, transport) as client:
        for name in ("join", "publish"):
            assert client.ask(name, {"room": ROOM, "data": 1})["error"]["code"] == "unauthorized"
        client.join("lobby")
        client.publish("lobby", "hi")
        assert client.wait()[0].args[0] == "hi"


def application() -> tuple[Flask, Realtime]:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_PRIVATE_PREFIX="private/")

    @app.post("/login")
    def login() -> str:
        session["user"] = "ann"
        return ""

    return app, Realtime(app)


@pytest.mark.parametrize("transport", ["sse", "socketio"])
def test_who_brings_a_ticket_is_known(transport: Any) -> None:
    app, realtime = application()
    ticket = realtime.ticket("ann", [ROOM])
    how: dict[str, Any] = {"auth": {"ticket": ticket}}
    if transport == "sse":
        how = {"headers": {"Cookie": f"realtime-ticket={ticket}"}}
    with testing.subscribe(app, ROOM, transport=transport, **how) as reader:
        realtime.publish(ROOM, "hi")
        assert reader.expect("message", timeout=5).data == "hi"


def test_what_a_client_brings_makes_it_known() -> None:
    app, _ = application()
    knows = app.extensions["realtime"].gate.knows
    assert not knows({"QUERY_STRING": "room=lobby"})
    assert not knows({AUTH: {}})
    for environ in (
        {"HTTP_COOKIE": "session=x"},
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"QUERY_STRING": "room=lobby&ticket=x"},
        {AUTH: {"ticket": "x"}},
    ):
        assert knows(environ)


@pytest.mark.parametrize("transport", ["sse", "socketio"])
def test_a_logout_reaches_a_user_who_is_only_in_a_public_room(transport: Any) -> None:
    app, realtime = application()
    client = app.test_client()
    client.post("/login")
    with testing.subscribe(app, "lobby", transport=transport, client=client) as reader:
        realtime.logout("ann")
        assert reader.expect("realtime.revoked", timeout=5).data == {"room": None}


def test_a_guest_reads_and_writes_over_socket_io(any_server: Server) -> None:
    answer = requests.post(f"{any_server.url}/invitations", json={}, timeout=10)
    cookie, room = {"Cookie": f"session={answer.cookies['session']}"}, answer.json()["room"]
    with SocketClient(any_server.url, headers=cookie) as client:
        client.join(room)
        client.publish(room, "hi")
        assert client.wait()[0].args[0] == "hi"
