"""Ways to put Realtime into an application, in this process: what works, what is refused and with which words.

Flask-SocketIO's own ``test_client`` is the client here, as in the tests of whoever uses it.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO

from realtime import ConfigError, Realtime


def make_app(**config: Any) -> Flask:
    """An application, not a Realtime one yet."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", TESTING=True, **config)
    return app


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)


def speaks(app: Flask, socketio: SocketIO) -> None:
    """The whole path works: join, publish, emit from outside, log, history over HTTP."""
    realtime = app.extensions["realtime"]
    client = socketio.test_client(app)
    assert client.is_connected()
    joined = client.emit("join", {"room": "lobby"}, callback=True)
    assert joined["ok"] and joined["recovered"]
    published = client.emit("publish", {"room": "lobby", "data": 1, "event": "n"}, callback=True)
    with app.app_context():
        socketio.emit("n", {"a": 2}, to="lobby")
    first, second = client.get_received()
    assert first == {"name": "n", "args": [1, published["id"]], "namespace": "/"}
    assert second["args"][0] == {"a": 2}
    web = app.test_client()
    messages = web.get("/rooms/lobby/messages").json["messages"]
    assert [one["id"] for one in messages] == [published["id"], second["args"][1]]
    late = socketio.test_client(app)
    assert late.emit("join", {"room": "lobby", "after": published["id"]}, callback=True)["ok"]
    assert [one["args"] for one in late.get_received()] == [second["args"]]
    late.disconnect()
    client.disconnect()
    assert realtime.hub.rooms == 0
    assert not realtime.hub.connections


def test_realtime_alone_makes_the_socketio() -> None:
    app = make_app()
    realtime = Realtime(app)
    speaks(app, realtime.socketio)


def test_realtime_finds_a_socketio_made_before() -> None:
    app = make_app()
    socketio = SocketIO(app, async_mode="threading")
    realtime = Realtime(app)
    assert realtime.socketio is socketio
    speaks(app, socketio)


def test_a_socketio_initialised_later_than_made() -> None:
    socketio, realtime, app = SocketIO(async_mode="threading"), Realtime(), make_app()
    socketio.init_app(app)
    realtime.init_app(app)
    speaks(app, socketio)


def test_a_socketio_that_realtime_initialises_keeps_its_options_and_handlers() -> None:
    socketio, app = SocketIO(async_mode="threading", ping_interval=7), make_app()
    seen = []
    socketio.on_event("hello", seen.append)
    realtime = Realtime(socketio=socketio)
    realtime.init_app(app)
    assert socketio.server.eio.ping_interval == 7
    speaks(app, socketio)
    socketio.test_client(app).emit("hello", 1)
    assert seen == [1]


def test_an_application_factory_makes_several_applications_that_share_nothing() -> None:
    socketio, realtime = SocketIO(async_mode="threading"), Realtime()

    def create_app() -> Flask:
        app = make_app()
        socketio.init_app(app)
        realtime.init_app(app)
        return app

    apps = [create_app() for _ in range(3)]
    servers = [app.extensions["realtime"].manager.server for app in apps]
    assert len(set(map(id, servers))) == 3
    for app in apps:
        with app.app_context():
            realtime.publish("lobby", app.name)
            assert len(realtime.history("lobby").messages) == 1
    # Flask-SocketIO itself serves the application that was initialised last.
    with apps[-1].app_context():
        client = socketio.test_client(apps[-1])
        client.emit("join", {"room": "lobby"}, callback=True)
        socketio.emit("n", 1, to="lobby")
        assert [one["name"] for one in client.get_received()] == ["n"]


@pytest.mark.parametrize("count", [2, 3])
def test_with_several_applications_one_must_say_which(count: int) -> None:
    realtime = Realtime()
    for _ in range(count):
        realtime.init_app(make_app())
    with pytest.raises(ConfigError, match=r"with app.app_context"):
        realtime.publish("lobby", 1)


def test_several_applications_with_a_socketio_each_are_separate() -> None:
    pairs = []
    for _ in range(2):
        app = make_app()
        socketio = SocketIO(app, async_mode="threading")
        Realtime(app)
        pairs.append((app, socketio))
    clients = [socketio.test_client(app) for app, socketio in pairs]
    for client in clients:
        client.emit("join", {"room": "lobby"}, callback=True)
    pairs[0][1].emit("n", 1, to="lobby")
    assert [len(client.get_received()) for client in clients] == [1, 0]
    for app, socketio in pairs:
        socketio.test_client(app).disconnect()


def test_a_second_realtime_for_one_application_is_refused() -> None:
    app = make_app()
    Realtime(app)
    with pytest.raises(ConfigError, match=r"was initialised for .* already"):
        Realtime(app)


@pytest.mark.parametrize("bus", ["memory://", "redis://127.0.0.1:1/0"])
def test_a_message_queue_is_refused_with_what_to_do_instead(bus: str) -> None:
    app = make_app(REALTIME_BUS_URL=bus)
    SocketIO(app, async_mode="threading", message_queue="redis://127.0.0.1:1/0")
    with pytest.raises(ConfigError, match=r"message_queue=.* leave it out.*Set REALTIME_BUS_URL instead"):
        Realtime(app)
    given = SocketIO(async_mode="threading", message_queue="redis://127.0.0.1:1/0")
    with pytest.raises(ConfigError, match=r"Set REALTIME_BUS_URL instead"):
        Realtime(socketio=given).init_app(make_app())
