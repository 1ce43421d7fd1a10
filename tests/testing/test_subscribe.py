"""The testing client, on both buses and both transports: it sees what subscribers see, and its assertions say why."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
import redis
from flask import Flask
from flask_socketio import SocketIO

from realtime import ConfigError, Publisher, Realtime, testing
from tests.support.processes import ROOT, Redis, clean_environment, eventually

Make = Callable[..., Flask]


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make applications on one bus; what they started ends with the test."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)
    bus = {}
    if request.param == "redis":
        shared_redis: Redis = request.getfixturevalue("shared_redis")
        bus = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    made: list[Flask] = []

    def make(socketio: SocketIO | None = None, **config: Any) -> Flask:
        app = Flask(__name__)
        app.config.update({"SECRET_KEY": "test", "TESTING": True, **bus, **config})
        app.realtime = Realtime(socketio=socketio)  # type: ignore[attr-defined]
        app.realtime.init_app(app)  # type: ignore[attr-defined]
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["realtime"].close()


@pytest.fixture
def app(make: Make) -> Flask:
    """An application with nothing of its own."""
    return make()


both = pytest.mark.parametrize("transport", ["sse", "socketio"])


@both
def test_it_sees_what_is_published_and_emitted_in_order(app: Flask, transport: testing.Transport) -> None:
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    with testing.subscribe(app, "lobby", "news", transport=transport) as reader:
        assert reader.recovered
        id_ = realtime.publish("news", {"n": 1}, event="headline")
        realtime.publish("elsewhere", 0)
        realtime.socketio.emit("pair", (1, "1-1 is no id here"), to="lobby")
        web = app.test_client().post("/rooms/lobby/messages", json={"data": None})
        assert reader.expect("headline") == testing.Received(id_, "headline", {"n": 1}, "news")
        assert reader.expect("pair", data=[1, "1-1 is no id here"]).room == "lobby"
        assert reader.expect() == testing.Received(web.json["id"], "message", None, "lobby")
        reader.expect_nothing(timeout=0.05)
        assert [one.event for one in reader.messages] == ["headline", "pair", "message"]
        assert id_ > reader.cursor


@both
def test_it_resumes_from_a_cursor_and_reads_history(app: Flask, transport: testing.Transport) -> None:
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    ids = [realtime.publish("lobby", number) for number in range(4)]
    with testing.subscribe(app, "lobby", transport=transport, after=ids[1]) as reader:
        assert reader.recovered
        assert [reader.expect().data, reader.expect().data] == [2, 3]
        reader.expect_nothing(timeout=0.05)
    with testing.subscribe(app, "lobby", transport=transport, history=1) as reader:
        assert reader.expect().id == ids[3]
    with testing.subscribe(app, "lobby", transport=transport, after="5-5") as reader:
        assert not reader.recovered
        assert reader.expect().id == ids[0]


@both
def test_without_a_cursor_it_sees_nothing_that_was_published_before(app: Flask, transport: testing.Transport) -> None:
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    for number in range(20):
        realtime.publish("lobby", number)
        with testing.subscribe(app, "lobby", transport=transport) as reader:
            live = realtime.publish("lobby", "live")
            assert reader.expect(timeout=5).id == live


@both
def test_several_subscribers_and_several_threads(app: Flask, transport: testing.Transport) -> None:
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    with (
        testing.subscribe(app, "lobby", transport=transport) as one,
        testing.subscribe(app, "lobby", transport=transport) as other,
    ):
        threads = [threading.Thread(target=realtime.publish, args=("lobby", number)) for number in range(8)]
        for thread in threads:
            thread.start()
        seen = [[reader.expect(timeout=5).id for _ in threads] for reader in (one, other)]
        assert seen[0] == seen[1] == sorted(seen[0])
        for thread in threads:
            thread.join()


@both
def test_nothing_remains_of_it(app: Flask, transport: testing.Transport) -> None:
    hub = app.extensions["realtime"].hub
    app.test_client().get("/readyz")
    threads = set(threading.enumerate())
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        assert hub.members("lobby") == 1
    reader.close()
    eventually(lambda: not hub.connections, what="the hub forgetting it")
    eventually(lambda: not [one for one in set(threading.enumerate()) - threads if "testing" in one.name])


@both
def test_assertions_say_what_was_seen(app: Flask, transport: testing.Transport) -> None:
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        with pytest.raises(AssertionError) as failed:
            reader.expect("shipped", timeout=0.05)
        assert str(failed.value) == (
            f"expected 'shipped' within 0.05 s; seen before: nothing; subscribed to lobby over {transport}"
        )
        realtime.publish("lobby", 1, event="packed")
        with pytest.raises(AssertionError, match=r"expected 'shipped', but the next .*'packed'.*seen before: nothing"):
            reader.expect("shipped")
        realtime.publish("lobby", 2, event="shipped")
        with pytest.raises(AssertionError, match=r"expected 'shipped' with 3, but the next .*seen before: .*packed"):
            reader.expect("shipped", data=3)
        realtime.publish("lobby", 3, event="shipped")
        with pytest.raises(AssertionError, match=r"expected nothing, but .*shipped.* came"):
            reader.expect_nothing(timeout=1)
        realtime.publish("lobby", 4)
        realtime.publish("lobby", 5, event="shipped")
        assert reader.expect("shipped", skip_others=True).data == 5
        with pytest.raises(AssertionError, match=r"expected realtime.reset within 0.01 s"):
            reader.expect_reset(timeout=0.01)
        with pytest.raises(AssertionError, match=r"expected the end within 0.01 s"):
            reader.expect_end(timeout=0.01)


@both
def test_what_is_transient_has_no_id_and_who_is_there_is_no_message(make: Make, transport: testing.Transport) -> None:
    app = make(REALTIME_PRESENCE=True)
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        id_ = realtime.publish("lobby", 1)
        for data in ({"who": "ann"}, "ann", None):
            assert realtime.publish("lobby", data, event="typing", transient=True) is None
        assert reader.expect().id == id_
        for data in ({"who": "ann"}, "ann", None):
            assert reader.expect("typing") == testing.Received("", "typing", data, None)
        eventually(lambda: reader.presence, what="being told who is there")
        assert (reader.presence[0]["room"], reader.presence[0]["viewers"]) == ("lobby", 1)
        reader.expect_nothing(timeout=0.05)
        assert realtime.presence("lobby").viewers == 1
    assert eventually(lambda: realtime.presence("lobby").viewers == 0, what="nobody being left")
    with pytest.raises(ConfigError, match="REALTIME_PRESENCE"):
        make().realtime.presence("lobby")  # type: ignore[attr-defined]


@both
def test_it_is_told_when_the_server_goes(make: Make, transport: testing.Transport) -> None:
    app = make()
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        app.extensions["realtime"].close()
        reader.expect_end(timeout=5)
        assert reader.expect("realtime.closing").data["retry"] > 0
        with pytest.raises(AssertionError, match=r"the subscription has ended: the server ended"):
            reader.expect(timeout=5)


@both
def test_who_is_not_let_in_is_told_why(make: Make, transport: testing.Transport) -> None:
    app = make(REALTIME_MAX_ROOMS_PER_CONNECTION=1)
    said = testing.refused(app, "one", "two", transport=transport, code="invalid_value")
    assert said.status == (422 if transport == "sse" else None)
    assert "allowed" in said.message
    foreign = testing.refused(app, "one", transport=transport, headers={"Origin": "https://evil.example"})
    assert foreign.status in {400, 403}
    with pytest.raises(testing.AccessRefused, match="invalid_value: not a room name"):
        testing.subscribe(app, "two words", transport=transport)
    with pytest.raises(AssertionError, match=f"was let into one over {transport}"):
        testing.refused(app, "one", transport=transport)
    with pytest.raises(AssertionError, match=r"refused with 'forbidden', but was with invalid_value"):
        testing.refused(app, "two words", transport=transport, code="forbidden")


def test_the_applications_own_connect_handler_decides(make: Make) -> None:
    socketio = SocketIO(async_mode="threading")

    @socketio.on("connect")
    def connect(auth: Any = None) -> bool:
        return auth == {"token": "good"} or flask.session.get("user") == "ann"

    app = make(socketio)

    @app.get("/login")
    def login() -> str:
        flask.session["user"] = "ann"
        return ""

    assert testing.refused(app, "lobby", transport="socketio").code == "connection_refused"
    testing.subscribe(app, "lobby", transport="socketio", auth={"token": "good"}).close()
    browser = app.test_client()
    browser.get("/login")
    testing.subscribe(app, "lobby", transport="socketio", client=browser).close()


@both
def test_identify_and_authorize_decide_and_what_they_say_is_seen(make: Make, transport: testing.Transport) -> None:
    app = make()
    realtime: Realtime = app.realtime  # type: ignore[attr-defined]

    @realtime.identify
    def who() -> str | None:
        return flask.request.headers.get("X-User")

    @realtime.authorize(room="staff/*")
    def allowed(identity: str | None, action: str, _room: str) -> bool:
        return identity == "ann" or (identity == "bob" and action == "subscribe")

    ann, bob, eve = ({"X-User": name} for name in ("ann", "bob", "eve"))
    nobody = testing.refused(app, "staff/all", transport=transport, code="unauthorized")
    assert nobody.status == (401 if transport == "sse" else None)
    testing.refused(app, "staff/all", transport=transport, headers=eve, code="forbidden")
    first = realtime.publish("staff/all", 1)
    with testing.subscribe(app, "staff/all", transport=transport, headers=ann, after=first) as reader:
        realtime.publish("staff/all", 2)
        assert reader.recovered
        assert reader.expect(timeout=5).data == 2
    with testing.subscribe(app, "staff/all", transport=transport, headers=bob, after=first) as reader:
        assert not reader.recovered
        realtime.publish("staff/all", 3)
        assert reader.expect(timeout=5).data == 3
    # Whoever may not read a room may still load a page.
    with app.test_client().get("/realtime/static/js/realtime.js") as script:
        assert script.status_code == 200


def test_a_socket_client_also_gets_what_is_no_message_of_a_room(make: Make) -> None:
    socketio = SocketIO(async_mode="threading")
    socketio.on_event("whoami", lambda: flask.request.sid)  # type: ignore[attr-defined]
    app = make(socketio)
    with testing.subscribe(app, "lobby", transport="socketio", auth={"ids": False}) as reader:
        assert isinstance(reader, testing.SocketReader)
        sid = reader.emit("whoami")
        socketio.emit("private", {"png": b"\0\1"}, to=sid)
        socketio.emit("everybody")
        socketio.emit("room", 1, to="lobby")
        assert reader.expect("private", timeout=5) == testing.Received("", "private", {"png": b"\0\1"}, None)
        assert reader.expect("everybody", timeout=5).data is None
        assert reader.expect("room").id == ""
        with pytest.raises(AssertionError, match="'nobody' was not acknowledged"):
            reader.emit("nobody", timeout=0.05)


def test_a_socketio_may_have_a_path_of_its_own(make: Make) -> None:
    socketio = SocketIO(async_mode="threading", path="/push")
    with testing.subscribe(make(socketio), "lobby", transport="socketio") as reader:
        socketio.emit("n", 1, to="lobby")
        assert reader.expect("n", timeout=5).data == 1


def test_a_session_of_a_browser_is_sent_along(app: Flask) -> None:
    @app.before_request
    def only_ann() -> tuple[dict[str, Any], int] | None:
        if flask.request.path == "/events" and flask.session.get("user") != "ann":
            return {"error": {"code": "unauthorized", "message": "log in"}}, 401
        return None

    refused = testing.refused(app, "lobby", code="unauthorized")
    assert (refused.status, refused.message) == (401, "log in")
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["user"] = "ann"
    testing.subscribe(app, "lobby", client=browser).close()


@both
def test_a_lost_log_is_told(own_redis: Redis, transport: testing.Transport) -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_BUS_URL=own_redis.url)
    realtime = Realtime(app)
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        realtime.publish("lobby", 1)
        reader.expect(timeout=5)
        with redis.Redis.from_url(own_redis.url) as client:
            client.flushall()
        realtime.publish("lobby", 2)
        reader.expect_reset(timeout=10)
        assert reader.expect(timeout=5).data == 2
    app.extensions["realtime"].close()


@both
def test_what_another_process_publishes_is_seen(
    shared_redis: Redis, namespace: str, transport: testing.Transport
) -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    Realtime(app)
    with (
        testing.subscribe(app, "lobby", transport=transport) as reader,
        Publisher(shared_redis.url, namespace=namespace) as publisher,
    ):
        id_ = publisher.publish("lobby", "hi")
        assert reader.expect(timeout=5).id == id_
    app.extensions["realtime"].close()


def test_wrong_use_is_explained(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"has no Realtime: call Realtime\(app\)"):
        testing.subscribe(Flask("plain"), "lobby")
    with pytest.raises(ConfigError, match="name at least one room"):
        testing.subscribe(make())
    with pytest.raises(ConfigError, match="'carrier pigeon'; allowed is 'sse' or 'socketio'"):
        testing.subscribe(make(), "lobby", transport="carrier pigeon")  # type: ignore[arg-type]
    no_polling = make(SocketIO(async_mode="threading", transports=["websocket"]))
    with pytest.raises(ConfigError, match="leave transports out in tests"):
        testing.subscribe(no_polling, "lobby", transport="socketio")
    own = SocketIO(async_mode="threading")
    own.on_event("join", lambda _data: "my own")
    with pytest.raises(AssertionError, match="a handler of its own for 'join', which answered 'my own'"):
        testing.subscribe(make(own), "lobby", transport="socketio")


@both
def test_a_socketio_that_took_gevent_by_itself_works_on_memory(transport: testing.Transport) -> None:
    """As ``SocketIO()`` does outside of ``flask run``, wherever gevent is installed, patched or not."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_BUS_URL="memory://")
    realtime = Realtime(socketio=SocketIO(async_mode="gevent"))
    realtime.init_app(app)
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        id_ = realtime.publish("lobby", 1)
        assert reader.expect().id == id_
        reader.expect_nothing(timeout=0.05)
        realtime.socketio.emit("message", 2, to="lobby")
        assert reader.expect().data == 2
    assert not app.extensions["realtime"].hub.connections


def test_gevent_on_redis_needs_a_patched_process(shared_redis: Redis, namespace: str) -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    Realtime(socketio=SocketIO(async_mode="gevent")).init_app(app)
    with pytest.raises(ConfigError, match=r"SocketIO\(async_mode='threading'\)"):
        testing.subscribe(app, "lobby")


def test_it_needs_no_test_framework_and_leaves_no_noise() -> None:
    script = """
import sys
from flask import Flask
from realtime import Realtime, testing
app = Flask("application")
realtime = Realtime(app)
for transport in ("sse", "socketio"):
    with testing.subscribe(app, "lobby", transport=transport) as reader:
        realtime.publish("lobby", transport)
        assert reader.expect().data == transport
assert not {"pytest", "_pytest", "gevent"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=clean_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
