"""Flask-SocketIO's own ``test_client`` on a Realtime application, as in the tests of whoever has one: in this process,
on threads, with the embedded bus.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

import flask
import pytest
from flask import Flask
from flask_socketio import Namespace, SocketIO, emit, join_room

from realtime import Realtime


def make_app(**config: Any) -> Flask:
    """An application, not a Realtime one yet."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", TESTING=True, REALTIME_BUS_URL="memory://", **config)
    return app


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["function", "class"])
def test_the_applications_own_handlers_win_whenever_and_however_they_are_registered(when: str, how: str) -> None:
    app = make_app()
    socketio = SocketIO(app, async_mode="threading")

    class Handlers(Namespace):
        def on_join(self, name: str) -> str:
            join_room(name)
            emit("entered", name, to=name)
            return f"own {name}"

    def register() -> None:
        if how == "class":
            socketio.on_namespace(Handlers("/"))
        else:
            socketio.on_event("join", lambda name: Handlers("/").on_join(name))

    if when == "before":
        register()
    Realtime(app)
    if when == "after":
        register()
    client = socketio.test_client(app)
    assert client.emit("join", "lobby", callback=True) == "own lobby"
    published = client.emit("publish", {"room": "lobby", "data": 1}, callback=True)
    assert published["ok"] is True
    assert [one["name"] for one in client.get_received()] == ["entered", "message"]
    assert client.emit("leave", {"room": "lobby"}, callback=True) == {"ok": True}


def test_a_catch_all_handler_gets_everything_else() -> None:
    app = make_app()
    socketio = SocketIO(app, async_mode="threading")
    seen: list[tuple[Any, ...]] = []
    socketio.on_event("*", lambda *given: seen.append(given))
    Realtime(app)
    client = socketio.test_client(app)
    assert client.emit("join", {"room": "lobby"}, callback=True)["ok"]
    client.emit("other", 1)
    assert seen == [("other", 1)]


def test_the_test_client_gets_binary_data_callbacks_and_sessions_as_before() -> None:
    app = make_app()
    socketio = SocketIO(app, async_mode="threading")
    Realtime(app)
    socketio.on_event("whoami", lambda: flask.session.get("name"))

    @app.get("/login")
    def login() -> str:
        flask.session["name"] = "ann"
        return ""

    web = app.test_client()
    web.get("/login")
    client = socketio.test_client(app, flask_test_client=web)
    assert client.emit("whoami", callback=True) == "ann"
    client.emit("join", {"room": "lobby"}, callback=True)
    socketio.emit("picture", {"png": b"\0"}, to="lobby")
    socketio.emit("all", (b"\1", 2))
    assert [(one["name"], one["args"]) for one in client.get_received()] == [
        ("picture", [{"png": b"\0"}]),
        ("all", [b"\1", 2]),
    ]


def test_ids_can_be_left_out_for_everybody_by_a_setting() -> None:
    app = make_app(REALTIME_EVENT_IDS=False)
    socketio = SocketIO(app, async_mode="threading")
    Realtime(app)
    client = socketio.test_client(app)
    client.emit("join", {"room": "lobby"}, callback=True)
    socketio.emit("n", (1, 2), to="lobby")
    socketio.emit("none", to="lobby")
    assert [one["args"] for one in client.get_received()] == [[1, 2], []]


@pytest.mark.parametrize("room", ["lobby", "an odd room"])
def test_data_that_only_the_applications_json_knows_is_sent_as_that_says(room: str) -> None:
    """Flask-SocketIO's ``json=`` option: with Flask's own, dates and decimals may be emitted."""

    class Dates:
        @staticmethod
        def dumps(value: Any, **options: Any) -> str:
            return json.dumps(value, default=lambda one: one.isoformat(), **options)

        loads = staticmethod(json.loads)

    app = make_app()
    socketio = SocketIO(app, async_mode="threading", json=Dates)
    try:
        Realtime(app)
        client = socketio.test_client(app)
        socketio.on_event("enter", join_room)
        client.emit("enter", room)
        socketio.emit("n", {"day": datetime.date(2026, 1, 2)}, to=room)
        socketio.emit("n", (datetime.date(2026, 1, 3), 4), to=room)
        assert [one["args"][0] for one in client.get_received()] == [{"day": "2026-01-02"}, "2026-01-03"]
    finally:
        # The library keeps it in a class, for the whole process.
        SocketIO(make_app(), async_mode="threading", json=json)
