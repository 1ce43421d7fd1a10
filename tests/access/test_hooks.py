"""``@realtime.identify`` and ``@realtime.authorize``: how they are declared, and what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from flask import Flask, abort, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user

from realtime import ConfigError, InvalidValue, Realtime, Unauthorized
from tests.rules.conftest import Application, application

__all__ = ["application"]

ROOM = "/rooms/lobby/messages"


def test_the_identity_is_the_sessions_user_or_flask_logins(application: Application) -> None:
    seen = []
    application.realtime.authorize(lambda identity, _action, _room: not seen.append(identity))
    client = application.start().app.test_client()
    for held in ({}, {"user": "ann"}, {"user": 7}, {"_user_id": "bob"}, {"user": {"no": "id"}}, {"user": True}):
        with client.session_transaction() as browser:
            browser.clear()
            browser.update(held)
        assert client.get(ROOM).status_code == 200
    assert seen == [None, "ann", "7", "bob", None, None]


def test_identify_says_who_it_is_once_per_request_and_once_per_socketio_connection(application: Application) -> None:
    calls, seen = [], []

    @application.realtime.identify
    def who() -> str | None:
        calls.append(request.path)
        assert session is not None
        return request.headers.get("X-User")

    application.realtime.authorize(lambda identity, action, room: not seen.append((identity, action, room)))
    app = application.start().app
    headers = {"X-User": "ann"}
    app.test_client().get("/events?room=a&room=b&after=0-0", headers=headers, buffered=False).close()
    assert len(calls) == 1
    assert seen == [("ann", action, room) for action in ("subscribe", "history") for room in ("a", "b")]
    client = application.realtime.socketio.test_client(app, headers=headers)
    assert client.emit("join", {"room": "a"}, callback=True)["ok"]
    assert client.emit("publish", {"room": "a", "data": 1}, callback=True)["ok"]
    client.disconnect()
    assert len(calls) == 2
    assert seen[4:] == [("ann", "subscribe", "a"), ("ann", "publish", "a")]


class User(UserMixin):
    def __init__(self, id_: str) -> None:
        self.id = id_


def test_flask_logins_current_user_can_be_the_identity(application: Application) -> None:
    login = LoginManager(application.app)
    login.user_loader(User)
    application.app.get("/login/<name>")(lambda name: str(login_user(User(name))))
    seen: list[Any] = []
    application.realtime.identify(lambda: current_user)
    application.realtime.authorize(lambda identity, _action, _room: not seen.append(identity))
    client = application.start().app.test_client()
    client.get(ROOM)
    client.get("/login/ann")
    client.get(ROOM)
    assert seen[0] is None
    assert type(seen[1]) is User
    assert seen[1].id == "ann"


@pytest.mark.parametrize("wrong", [object(), {"id": "ann"}, True, "", ["ann"]])
def test_an_identity_that_nobody_can_tell_apart_is_a_failure_and_refused(
    application: Application, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    application.realtime.identify(lambda: wrong)
    assert application.by_http(data=1)["status"] == 500
    assert application.by_socketio(data=1)["error"]["code"] == "internal"
    assert "an identity is a user id" in caplog.text


def test_identify_may_refuse_the_client(application: Application) -> None:
    @application.realtime.identify
    def who() -> None:
        if "banned" in request.args:
            abort(403, "banned")
        raise Unauthorized("the token is forged")

    error = {"code": "unauthorized", "message": "the token is forged"}
    assert application.by_http(data=1) == {"status": 401, "error": error}
    assert application.by_socketio(data=1) == {"error": error}
    answer = application.app.test_client().get("/events?room=a&banned=1")
    assert (answer.status_code, answer.json["error"]) == (403, {"code": "forbidden", "message": "banned"})


def test_every_function_that_fits_the_room_must_allow(application: Application) -> None:
    application.realtime.authorize(lambda _identity, _action, _room: True)
    application.realtime.authorize(room="lob*")(lambda _identity, action, _room: action == "publish")
    assert application.by_http(data=1)["id"]
    client = application.app.test_client()
    assert client.get(ROOM).status_code == 401
    assert client.get("/rooms/other/messages").status_code == 200


@pytest.mark.parametrize("nothing", [None, False, 0, ""])
def test_what_is_not_clearly_allowed_is_refused(application: Application, nothing: Any) -> None:
    application.realtime.authorize(lambda _identity, _action, _room: nothing)
    assert application.by_http(data=1)["error"]["code"] == "unauthorized"
    assert application.by_socketio(data=1)["error"]["code"] == "unauthorized"


def test_an_answer_that_has_to_be_awaited_allows_nothing(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    class Later:
        def __await__(self) -> Iterator[None]:
            yield

    application.realtime.authorize(lambda _identity, _action, _room: Later())
    assert application.by_http(data=1)["status"] == 500
    assert "has to be awaited" in caplog.text


def test_the_servers_own_code_is_not_asked(application: Application) -> None:
    application.realtime.authorize(lambda _identity, _action, _room: False)
    assert application.by_server(data=1)["id"]
    assert application.log() == [("message", 1)]


def test_hooks_are_of_every_application_and_may_come_later() -> None:
    realtime = Realtime()
    one, other = Flask("one"), Flask("other")
    for app in (one, other):
        app.config["SECRET_KEY"] = "test"
        realtime.init_app(app)
    assert one.test_client().get(ROOM).status_code == 200
    realtime.authorize(lambda _identity, _action, _room: False)
    for app in (one, other):
        assert app.test_client().get(ROOM).status_code == 401
    stranger = Flask("stranger")
    Realtime(stranger)
    assert stranger.test_client().get(ROOM).status_code == 200


def test_only_plain_functions_are_taken() -> None:
    async def later(*_: Any) -> None: ...

    async def many(*_: Any) -> AsyncIterator[None]:
        yield

    def some(*_: Any) -> Iterator[None]:
        yield

    realtime = Realtime()
    wrong: tuple[Any, ...] = (later, many, some, 1)
    for one in wrong:
        with pytest.raises(ConfigError, match="plain function"):
            realtime.authorize(one) if callable(one) else realtime.authorize(1)  # type: ignore[call-overload]
        with pytest.raises(ConfigError, match="plain function"):
            realtime.identify(one)
    realtime.identify(lambda: None)
    with pytest.raises(ConfigError, match="already"):
        realtime.identify(lambda: None)
    with pytest.raises(InvalidValue):
        realtime.authorize(room="no such\nroom")(lambda *_: True)


def test_a_hook_sees_what_a_socketio_client_connected_with_and_asks_again_when_it_connects_anew(
    application: Application,
) -> None:
    realtime = application.realtime
    realtime.identify(lambda: realtime.auth.get("name"))
    realtime.authorize(lambda identity, _action, _room: identity == "ann")
    assert realtime.auth == {}
    socketio = application.start().realtime.socketio
    client = socketio.test_client(application.app, auth={"name": "ann"})
    assert client.emit("join", {"room": "a"}, callback=True)["ok"]
    client.disconnect()
    client.connect(auth={"name": "bob"})
    assert client.emit("join", {"room": "a"}, callback=True)["error"]["code"] == "forbidden"
    client.disconnect()
    client.connect(auth={})
    assert client.emit("join", {"room": "a"}, callback=True)["error"]["code"] == "unauthorized"
    client.disconnect()
    client.connect(auth="ann")
    assert not client.is_connected()  # CONNECT carries an object.
    assert application.by_http(data=1)["error"]["code"] == "unauthorized"
