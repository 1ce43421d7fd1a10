"""In which order Realtime, SocketIO and the application may be put together, and what is said about the wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

from realtime import ConfigError, Realtime, testing
from realtime.doctor.application import check_order, check_routes


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def app() -> Flask:
    """An application, not a Realtime one yet."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="test")
    return app


def given(app: Flask) -> SocketIO:
    socketio = SocketIO(async_mode="threading")
    Realtime(app, socketio=socketio)
    return socketio


def before(app: Flask) -> SocketIO:
    socketio = SocketIO(app, async_mode="threading")
    Realtime(app)
    return socketio


def both_given_and_before(app: Flask) -> SocketIO:
    socketio = SocketIO(app, async_mode="threading")
    Realtime(app, socketio=socketio)
    return socketio


def made_by_realtime(app: Flask) -> SocketIO:
    return Realtime(app).socketio


def wrapped_between(app: Flask) -> SocketIO:
    socketio = SocketIO(app, async_mode="threading")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    Realtime(app)
    return socketio


def wrapped_afterwards(app: Flask) -> SocketIO:
    socketio = given(app)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    return socketio


@pytest.mark.parametrize(
    "order", [given, before, both_given_and_before, made_by_realtime, wrapped_between, wrapped_afterwards]
)
def test_these_orders_work_with_handlers_of_the_applications_own(
    app: Flask, order: Callable[[Flask], SocketIO]
) -> None:
    socketio = order(app)
    seen: list[int] = []
    socketio.on_event("hello", seen.append)
    with testing.subscribe(app, "lobby") as stream, testing.subscribe(app, "lobby", transport="socketio") as socket:
        socketio.emit("news", 1, to="lobby")
        assert stream.expect("news").id == socket.expect("news").id
        socket.emit("leave", {"room": "lobby"})
        client = socketio.test_client(app)
        client.emit("hello", 7)
        assert seen == [7]
        client.disconnect()
    assert [one.level for one in check_order(app.extensions["realtime"])] == ["ok"]


def another_one_later(app: Flask) -> None:
    Realtime(app)
    SocketIO(app, async_mode="threading")


def initialised_later(app: Flask) -> None:
    socketio = SocketIO(async_mode="threading")
    Realtime().init_app(app)
    socketio.init_app(app)


def given_and_initialised_again(app: Flask) -> None:
    socketio = SocketIO(async_mode="threading")
    Realtime(app, socketio=socketio)
    socketio.init_app(app)


@pytest.mark.parametrize("order", [another_one_later, initialised_later, given_and_initialised_again])
def test_a_socketio_that_comes_too_late_is_told_of_at_the_first_use(app: Flask, order: Callable[[Flask], None]) -> None:
    order(app)
    advice = (
        r"SocketIO was initialised for 'shop' after Realtime.*Initialise it first.*or leave it to Realtime\(socketio="
    )
    with pytest.raises(testing.AccessRefused, match=advice) as refused:
        testing.subscribe(app, "lobby")
    assert (refused.value.status, refused.value.code) == (500, "config")
    assert app.test_client().post("/rooms/lobby/messages", json={"data": 1}).status_code == 500
    with app.app_context(), pytest.raises(ConfigError, match=advice):
        app.extensions["realtime"].manager.ready()
    assert [one.level for one in check_order(app.extensions["realtime"])] == ["error"]


def test_what_is_set_up_wrongly_is_in_the_log_too(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    another_one_later(app)
    assert app.test_client().get("/rooms/lobby/messages").status_code == 500
    assert [one.getMessage() for one in caplog.records if "after Realtime, and would go" in one.getMessage()]


def test_a_module_level_socketio_of_several_applications_is_no_mistake() -> None:
    socketio, realtime = SocketIO(async_mode="threading"), Realtime()
    apps = []
    for name in ("one", "two"):
        app = Flask(name)
        socketio.init_app(app)
        realtime.init_app(app)
        apps.append(app)
    for app in apps:
        with app.app_context(), testing.subscribe(app, "lobby") as reader:
            realtime.publish("lobby", app.name)
            assert reader.expect().data == app.name


def test_a_route_of_the_applications_own_in_the_way_is_found(app: Flask) -> None:
    @app.get("/events")
    def calendar() -> str:
        return "today"

    Realtime(app)
    (finding,) = check_routes(app)
    assert (finding.level, finding.said) == ("error", "/events is answered by calendar")
    other = Flask("other")
    Realtime(other)
    assert [one.level for one in check_routes(other)] == ["ok"]


def test_what_failed_to_initialise_can_be_initialised_rightly(app: Flask) -> None:
    app.config["REALTIME_HEARTBEAT"] = "soon"
    realtime = Realtime()
    with pytest.raises(ConfigError, match="REALTIME_HEARTBEAT"):
        realtime.init_app(app)
    app.config["REALTIME_HEARTBEAT"] = 7
    realtime.init_app(app)
    assert realtime.publish("lobby", 1)


def test_without_any_application_it_is_said(app: Flask) -> None:
    realtime = Realtime()
    with pytest.raises(ConfigError, match=r"call init_app\(app\) first"):
        realtime.publish("lobby", 1)
    with app.app_context(), pytest.raises(ConfigError, match=r"call init_app\(app\) first"):
        realtime.history("lobby")
