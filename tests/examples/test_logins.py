"""The examples with logins let nobody in who is not logged in, by any door, and say who it was."""

from __future__ import annotations

import time

import jwt
import requests
import socketio
from playwright.sync_api import Page, expect

from tests.support.processes import Server
from tests.support.streams import EventReader

from .conftest import Start

DOORS = ("/events?room=members", "/rooms/members/messages")


def refuses_everybody_else(server: Server, headers: dict[str, str] | None = None) -> None:
    for door in DOORS:
        answer = requests.get(server.url + door, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    said = requests.post(server.url + DOORS[1], headers=headers, json={"data": "hi"}, timeout=10)
    assert said.status_code == 401
    with socketio.SimpleClient() as client:
        client.connect(server.url, headers=headers or {})
        for call, request in (("join", {"room": "members"}), ("publish", {"room": "members", "data": "hi"})):
            assert client.call(call, request)["error"]["code"] == "unauthorized"


def says(server: Server, headers: dict[str, str]) -> list[dict[str, str]]:
    """Say something by both doors for writing; what a stream then shows."""
    with EventReader(server.url, "members", headers=headers) as stream, socketio.SimpleClient() as client:
        stream.ready()
        requests.post(server.url + DOORS[1], headers=headers, json={"data": "by post"}, timeout=10)
        stream.wait(1)
        client.connect(server.url, headers=headers)
        answer = client.call("publish", {"room": "members", "data": "by socket"})
        assert answer["ok"], answer
        stream.wait(2)
        found: list[dict[str, str]] = stream.data
        return found


SAID = [{"user": "ann", "text": "by post"}, {"user": "ann", "text": "by socket"}]


def test_flask_login_guards_every_door(start: Start, page: Page) -> None:
    server = start("with_flask_login")
    refuses_everybody_else(server)
    page.goto(server.url + "/login/ann")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "session"]
    assert says(server, {"Cookie": f"session={cookie['value']}"}) == SAID
    expect(page.locator("#said")).to_have_text('{"user":"ann","text":"by post"}\n{"user":"ann","text":"by socket"}\n')


def test_tokens_guard_every_door(start: Start) -> None:
    server = start("with_jwt")
    refuses_everybody_else(server)
    late = jwt.encode({"sub": "ann", "exp": int(time.time()) - 1}, "at least thirty-two bytes, and not in the code")
    forged = jwt.encode({"sub": "ann", "exp": int(time.time()) + 60}, "somebody else's secret of thirty-two bytes")
    unsigned = jwt.encode({"sub": "ann", "exp": int(time.time()) + 60}, None, algorithm="none")
    for token in (late, forged, unsigned):
        answer = requests.get(server.url + DOORS[0], headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == 401
    given = requests.post(server.url + "/token", data={"user": "ann"}, timeout=10)
    token = given.json()["token"]
    assert says(server, {"Authorization": f"Bearer {token}"}) == SAID
    with EventReader(server.url, "members", headers={"Cookie": f"token={given.cookies['token']}"}, history=2) as stream:
        stream.wait(2)
        assert stream.data == SAID
