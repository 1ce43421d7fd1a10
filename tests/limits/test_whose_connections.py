"""Whose a Socket.IO connection is: known at its handshake where it can be, followed where it changes, seldom asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.testing import FlaskClient
from flask_socketio import SocketIO

from realtime import Realtime
from tests.support.processes import eventually

PATH = "/socket.io/?EIO=4&transport=polling"


class Application:
    """An application, and its clients over long polling."""

    def __init__(self, **settings: Any) -> None:
        self.app = Flask(__name__)
        self.app.config.update(SECRET_KEY="x", REALTIME_MAX_CONNECTIONS_PER_USER=1, **settings)
        self.socketio = SocketIO(self.app, async_mode="threading")
        self.realtime = Realtime()

    def client(self) -> FlaskClient:
        return self.app.test_client()


def opened(client: FlaskClient, **headers: str) -> str:
    """A session's path."""
    answer = client.get(PATH, headers=headers)
    assert answer.status_code == 200, answer.text
    return f"{PATH}&sid={json.loads(answer.text[1:])['sid']}"


def connected(client: FlaskClient, auth: str = "", **headers: str) -> str:
    """The path of a session that has said CONNECT."""
    path = opened(client, **headers)
    assert client.post(path, data=f"40{auth}").status_code == 200
    return path


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.mark.parametrize(("auth", "times"), [("", 1), ("{}", 1), ('{"a":1}', 2)])
def test_who_connects_with_nothing_new_is_asked_about_once(application: Application, auth: str, times: int) -> None:
    calls = []
    application.realtime.identify(lambda: calls.append(request.path) or request.headers.get("X-User"))
    application.realtime.init_app(application.app)
    client = application.client()
    path = connected(client, auth, **{"X-User": "ada"})
    assert client.post(path, data='420["join",{"room":"a"}]').status_code == 200
    eventually(lambda: '430[{"ok":true' in client.get(path).text, what="the answer to join")
    assert len(calls) == times
    assert client.get(PATH, headers={"X-User": "ada"}).status_code == 429


def test_a_connect_handler_that_logs_somebody_in_is_followed(application: Application) -> None:
    application.realtime.identify(lambda: session.get("user"))

    @application.socketio.on("connect")
    def connect(auth: dict[str, str]) -> None:
        session["user"] = auth["name"]

    application.realtime.init_app(application.app)
    ada, again, bob = (application.client() for _ in range(3))
    first = connected(ada, '{"name":"ada"}')
    path = connected(again, '{"name":"ada"}')
    got: list[str] = []
    while "1" not in got:
        answer = again.get(path)
        assert answer.status_code == 200
        got += answer.text.split("\x1e")
    assert got[0].startswith("40")
    assert got[-2:] == ['42["realtime.closing",{"retry":1000,"reason":"too_many_connections"}]', "1"]
    connected(bob, '{"name":"bob"}')
    assert ada.post(first, data="1").status_code == 200
    connected(again, '{"name":"ada"}')


def test_where_it_cannot_be_found_out_who_knocks_it_is_nobody_yet(application: Application) -> None:
    def fail() -> None:
        raise KeyError

    application.realtime.identify(fail)
    application.realtime.init_app(application.app)
    for _ in range(3):
        opened(application.client())


class Opened(SecureCookieSessionInterface):
    """Sessions whose opening is counted."""

    times = 0

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        self.times += 1
        return super().open_session(app, request)


def test_without_rules_of_the_application_the_user_is_the_sessions_and_nobody_elses_session_is_opened(
    application: Application,
) -> None:
    application.realtime.init_app(application.app)
    application.app.session_interface = sessions = Opened()

    @application.app.get("/login/<name>")
    def login(name: str) -> str:
        session["user"] = name
        return name

    for _ in range(3):
        opened(application.client())
    assert sessions.times == 0
    ada, again, bob = (application.client() for _ in range(3))
    for client, name in ((ada, "ada"), (again, "ada"), (bob, "bob")):
        client.get(f"/login/{name}")
    connected(ada)
    assert again.get(PATH).status_code == 429
    assert again.get("/events?room=a", buffered=False).status_code == 429
    opened(bob)
