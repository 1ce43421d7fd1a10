"""Publishing from wherever Flask code runs: views of Blueprints, threads, with and without a context, any time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Blueprint, Flask, current_app

from realtime import InvalidValue, Realtime, testing
from tests.support.processes import Redis

realtime = Realtime()
orders = Blueprint("orders", __name__, url_prefix="/orders")


@orders.post("/<int:number>/ship")
def ship(number: int) -> dict[str, str]:
    """A view far away from the application, as in most projects."""
    return {"id": realtime.publish("orders", {"order": number, "by": current_app.name}, event="shipped")}


@pytest.fixture(params=["memory", "redis"])
def create_app(request: pytest.FixtureRequest, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Flask]:
    """The application factory; each application has a log of its own."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)

    def create_app(name: str = "shop") -> Flask:
        app = Flask(name)
        app.config.update(SECRET_KEY="test", REALTIME_NAMESPACE=f"{namespace}-{name}")
        if request.param == "redis":
            shared_redis: Redis = request.getfixturevalue("shared_redis")
            app.config["REALTIME_BUS_URL"] = shared_redis.url
        realtime.init_app(app)
        app.register_blueprint(orders)
        request.addfinalizer(app.extensions["realtime"].close)
        return app

    monkeypatch.setattr(realtime, "_states", [])
    return create_app


def test_a_blueprints_view_publishes_to_the_application_that_serves_it(create_app: Callable[..., Flask]) -> None:
    apps = [create_app("one"), create_app("two")]
    for app in apps:
        with testing.subscribe(app, "orders") as reader:
            id_ = app.test_client().post("/orders/7/ship").get_json()["id"]
            got = reader.expect("shipped", timeout=5)
            assert (got.id, got.data) == (id_, {"order": 7, "by": app.name})
    for app in apps:
        with app.app_context():
            assert [one.data["by"] for one in realtime.history("orders").messages] == [app.name]


def test_before_the_first_request_and_outside_of_any_context(create_app: Callable[..., Flask]) -> None:
    app = create_app()
    id_ = realtime.publish("lobby", "early")
    assert [str(one.id) for one in realtime.history("lobby").messages] == [id_]
    with testing.subscribe(app, "lobby", history=1) as reader:
        assert reader.expect(timeout=5).id == id_


def test_in_a_context_of_the_application(create_app: Callable[..., Flask]) -> None:
    app, other = create_app("one"), create_app("two")
    with testing.subscribe(app, "lobby") as reader, testing.subscribe(other, "lobby") as others:
        with app.app_context():
            realtime.publish("lobby", 1)
        with app.test_request_context("/anything"):
            realtime.socketio.emit("message", 2, to="lobby")
        assert [reader.expect(timeout=5).data, reader.expect(timeout=5).data] == [1, 2]
        others.expect_nothing(timeout=0.05)


def test_from_threads_without_a_context(create_app: Callable[..., Flask]) -> None:
    app = create_app()
    with testing.subscribe(app, "lobby", transport="socketio") as reader:
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda number: realtime.publish("lobby", number), range(40)))
        seen = [reader.expect(timeout=5) for _ in ids]
    assert sorted(ids) == sorted(one.id for one in seen)
    assert [one.id for one in seen] == [
        one.id for one in sorted(seen, key=lambda one: tuple(map(int, one.id.split("-"))))
    ]


def test_from_a_thread_that_begins_before_any_request(create_app: Callable[..., Flask]) -> None:
    app = create_app()
    published: list[str] = []
    thread = threading.Thread(target=lambda: published.append(realtime.publish("lobby", "first")))
    thread.start()
    thread.join()
    with testing.subscribe(app, "lobby", after=published[0]) as reader:
        assert reader.recovered
        realtime.publish("lobby", "second")
        assert reader.expect(timeout=5).data == "second"


def test_settings_may_come_the_way_flask_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_REALTIME_HISTORY_LENGTH", "5")
    app = Flask("shop")
    app.config.from_prefixed_env()
    app.config.from_mapping(REALTIME_HEARTBEAT=7, REALTIME_ALLOWED_ORIGINS=["https://a.example"])
    Realtime(app)
    settings = app.extensions["realtime"].settings
    assert (settings.history_length, settings.heartbeat) == (5, 7)
    assert settings.allowed_origins == {"https://a.example"}


@pytest.mark.parametrize("room", [7, None, ["orders"]])
def test_what_is_no_text_is_no_room(create_app: Callable[..., Flask], room: object) -> None:
    create_app()
    with pytest.raises(InvalidValue, match=r"not a room name: .*; a room is 1-128 letters and digits"):
        realtime.publish(room, 1)  # type: ignore[call-overload]
