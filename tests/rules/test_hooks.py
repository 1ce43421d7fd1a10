"""``@realtime.on_publish``: what a hook sees and may do, through whichever door a message comes."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort, current_app, g, redirect, request, session

from realtime import ConfigError, Forbidden, HookFailed, InvalidValue, Publication, Realtime, Refused

from .conftest import Application, Publish


def test_a_hook_sees_who_publishes_what_and_where(application: Application, publish: Publish, source: str) -> None:
    seen = []
    application.realtime.on_publish(seen.append)
    assert publish("orders/7", data={"n": 1}, event="shipped", key="k")["id"]
    (one,) = seen
    assert (one.rooms, one.room, one.event, one.data, one.key) == (("orders/7",), "orders/7", "shipped", {"n": 1}, "k")
    assert (one.source, one.identity) == (source, None)
    assert bool(one.sid) is (source == "socketio")


def test_what_a_hook_returns_is_published_instead(application: Application, publish: Publish) -> None:
    application.realtime.on_publish(lambda one: {**one.data, "stamped": True})
    publish(data={"n": 1})
    assert application.log() == [("message", {"n": 1, "stamped": True})]


def test_what_a_hook_changes_inside_the_data_counts_and_leaves_the_callers_own_alone(
    application: Application, publish: Publish
) -> None:
    @application.realtime.on_publish
    def stamp(publication: Publication) -> None:
        publication.data["tags"].append("seen")

    mine = {"tags": ["mine"]}
    publish(data=mine)
    assert application.log() == [("message", {"tags": ["mine", "seen"]})]
    assert mine == {"tags": ["mine"]}


def test_a_hook_may_change_the_event_and_the_rooms(application: Application, publish: Publish) -> None:
    application.realtime.on_publish(lambda one: one.replace(event="said", rooms=(*one.rooms, "audit"), data=None))
    publish(data=1)
    assert application.log() == application.log("audit") == [("said", None)]


def test_hooks_run_in_the_order_of_their_declaration_on_what_the_last_one_made(
    application: Application, publish: Publish
) -> None:
    realtime = application.realtime
    realtime.on_publish(lambda one: [*one.data, "first"])
    realtime.on_publish(lambda one: one.replace(event="other", data=[*one.data, "second"]))
    realtime.on_publish(event="message")(lambda one: [*one.data, "no more"])
    realtime.on_publish(event="other")(lambda one: [*one.data, "third"])
    publish(data=[])
    assert application.log() == [("other", ["first", "second", "third"])]


@pytest.mark.parametrize(
    ("room", "event", "fits"),
    [
        ("orders/7", None, True),
        ("orders/*", None, True),
        ("*", "shipped", True),
        ("o*s/*7", "shipped", True),
        (None, "shipped", True),
        ("orders", None, False),
        ("orders/8", None, False),
        ("*/", None, False),
        ("orders/7", "message", False),
    ],
)
def test_a_hook_may_be_for_some_rooms_and_events_only(
    application: Application, room: str | None, event: str | None, fits: bool
) -> None:
    seen: list[Publication] = []
    application.realtime.on_publish(room=room, event=event)(seen.append)
    application.by_server("orders/7", data=1, event="shipped")
    assert bool(seen) is fits


@pytest.mark.parametrize("wrong", [{"room": "no room"}, {"room": "a*b c"}, {"room": ""}, {"event": "connect"}])
def test_a_filter_that_nothing_can_fit_is_refused_when_it_is_declared(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"not a(n event| room) name"):
        Realtime().on_publish(**wrong)(print)


def test_what_is_no_plain_function_is_refused_when_it_is_declared() -> None:
    async def hook(publication: Publication) -> None: ...

    for wrong in (hook, "lobby"):
        with pytest.raises(ConfigError, match="a plain function"):
            Realtime().on_publish(wrong)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("reason", "status", "error"),
    [
        (Refused("no links here"), 403, {"code": "refused", "message": "no links here"}),
        (Refused("slow down", status=429, code="flood"), 429, {"code": "flood", "message": "slow down"}),
        (Forbidden("not yours"), 403, {"code": "forbidden", "message": "not yours"}),
        (InvalidValue("empty", path="$.text"), 422, {"code": "invalid_value", "message": "empty", "path": "$.text"}),
    ],
)
def test_a_hook_refuses_in_the_documented_shape(
    application: Application, publish: Publish, reason: Exception, status: int, error: dict[str, str]
) -> None:
    @application.realtime.on_publish
    def refuse(publication: Publication) -> None:
        raise reason

    answer = publish(data=1)
    assert answer["error"] == error
    assert answer.get("status", status) == status
    assert application.log() == []


def test_a_refusal_may_say_when_to_come_back(application: Application) -> None:
    @application.realtime.on_publish
    def refuse(publication: Publication) -> None:
        raise Refused("slow down", status=429, retry_after=7)

    answer = application.start().app.test_client().post("/rooms/lobby/messages", json={"data": 1})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_refusal_has_a_status_that_blames_the_client() -> None:
    with pytest.raises(ValueError, match="from 400 to 499, not 500"):
        Refused("x", status=500)


def test_a_hook_may_abort_as_views_do(application: Application, publish: Publish) -> None:
    application.realtime.on_publish(lambda one: abort(403, "members only"))
    answer = publish(data=1)
    assert answer["error"] == {"code": "forbidden", "message": "members only"}
    assert answer.get("status", 403) == 403
    assert application.log() == []


@pytest.mark.parametrize(
    "fault",
    [
        lambda one: one.data["missing"],
        lambda one: object(),
        lambda one: one.replace(event="connect"),
        lambda one: one.replace(key="other"),
        lambda one: one.replace(rooms=()),
        lambda one: abort(redirect("/login")),
        lambda one: (_ for _ in ()).throw(ConfigError("secret setting")),
    ],
)
def test_a_hook_that_fails_publishes_nothing_and_is_logged(
    application: Application, publish: Publish, caplog: pytest.LogCaptureFixture, fault: Any
) -> None:
    application.realtime.on_publish(fault)
    with caplog.at_level(logging.ERROR, "realtime"):
        answer = publish(data={})
    assert answer["error"] == {"code": "internal", "message": "the server failed; it was logged"}
    assert answer.get("status", 500) == 500
    (record,) = caplog.records
    assert re.fullmatch(
        r"(the hook|what the hook) \S+<lambda> of on_publish (made )?failed; nothing was published", record.message
    )
    assert record.exc_info
    assert application.log() == []


def test_python_code_is_told_which_hook_failed_and_how(application: Application) -> None:
    @application.realtime.on_publish
    def divide(publication: Publication) -> float:
        return 1 / float(publication.data)

    with pytest.raises(HookFailed) as caught:
        application.start().realtime.publish("lobby", 0)
    assert re.fullmatch(
        r"the hook tests\.rules\.test_hooks\.\S+divide of on_publish failed "
        r"\(ZeroDivisionError: float division by zero\); nothing was published\. Its traceback is logged",
        str(caught.value),
    )
    assert caught.value.as_dict() == {"code": "internal", "message": "the server failed; it was logged"}
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_what_a_hook_makes_may_not_be_too_large_either(application: Application) -> None:
    application.app.config["REALTIME_MAX_MESSAGE_BYTES"] = 100
    application.realtime.on_publish(lambda one: one.data * 100)
    assert application.by_http(data="ab")["status"] == 413
    assert application.log() == []


def test_hooks_see_only_what_could_be_published(application: Application, publish: Publish) -> None:
    seen: list[Publication] = []
    application.realtime.on_publish(seen.append)
    assert publish("lobby", data=1, event="connect")["error"]["code"] == "invalid_value"
    assert publish("lobby", data="x" * 70_000)["error"]["code"] == "too_large"
    assert publish("no room", data=1)["error"]["code"] == "invalid_value"
    assert seen == []


@pytest.fixture(params=["memory", "redis"])
def any_bus(request: pytest.FixtureRequest, application: Application, namespace: str) -> Iterator[None]:
    """The application with either bus."""
    if request.param == "redis":
        url = request.getfixturevalue("shared_redis").url
        application.app.config.update(REALTIME_BUS_URL=url, REALTIME_NAMESPACE=namespace)
    yield
    application.app.extensions["realtime"].close()


def test_a_repeated_key_is_the_same_message_although_a_hook_stamps_each_differently(
    application: Application, any_bus: None
) -> None:
    ticks = itertools.count()
    application.realtime.on_publish(lambda one: {**one.data, "tick": next(ticks)})
    first = application.by_http(data={"n": 1}, key="k")
    assert application.by_http(data={"n": 1}, key="k") == first
    assert application.by_server(data={"n": 1}, key="k") == first
    assert application.by_http(data={"n": 2}, key="k")["error"]["code"] == "key_conflict"
    assert application.log() == [("message", {"n": 1, "tick": 0})]


def test_a_key_belongs_to_the_room_that_the_publisher_named(application: Application, any_bus: None) -> None:
    application.realtime.on_publish(lambda one: one.replace(rooms="all"))
    first, second = (application.by_http(room, data=1, key="k") for room in ("a", "b"))
    assert first != second
    assert application.by_http("a", data=1, key="k") == first
    assert application.log("all") == [("message", 1)] * 2


def test_a_hook_may_publish_itself(application: Application, publish: Publish) -> None:
    realtime = application.realtime

    @realtime.on_publish(room="lobby")
    def audit(publication: Publication) -> None:
        realtime.publish("audit", {"room": publication.room, "data": publication.data})

    publish(data=1)
    assert application.log("audit") == [("message", {"room": "lobby", "data": 1})]


def test_a_hook_that_publishes_for_ever_fails_once(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    realtime = application.realtime
    realtime.on_publish(lambda one: realtime.publish(one.room, one.data))
    assert application.by_http(data=1)["status"] == 500
    assert application.log() == []
    assert {"of on_publish" in record.message for record in caplog.records} == {True}


def test_emit_to_rooms_comes_through_hooks_and_says_what_they_refuse(application: Application) -> None:
    seen: list[Publication] = []
    application.realtime.on_publish(seen.append)
    application.realtime.on_publish(event="bad")(lambda one: abort(403))
    socketio = application.start().realtime.socketio
    socketio.emit("message", {"n": 1}, to=["a", "b"])
    socketio.emit("several", (1, 2), to="a")
    socketio.emit("nothing", to="a")
    with pytest.raises(Refused):
        socketio.emit("bad", 1, to="a")
    assert [(one.rooms, one.data, one.spread, one.source) for one in seen[:3]] == [
        (("a", "b"), {"n": 1}, False, "server"),
        (("a",), [1, 2], True, "server"),
        (("a",), [], True, "server"),
    ]
    assert application.log("a") == [("message", {"n": 1}), ("several", [1, 2]), ("nothing", [])]


def test_what_is_no_message_of_a_room_passes_hooks_by(application: Application) -> None:
    seen: list[Publication] = []
    application.realtime.on_publish(seen.append)
    socketio = application.start().realtime.socketio
    client = socketio.test_client(application.app)
    socketio.emit("n", 1)
    socketio.emit("n", b"binary", to="lobby")
    assert [one["args"] for one in client.get_received()] == [[1]]
    assert seen == []


def test_hooks_have_an_application_context(application: Application, publish: Publish) -> None:
    names: list[str] = []
    application.realtime.on_publish(lambda one: names.append(current_app.name))
    publish(data=1)
    assert names == ["shop"]


def test_hooks_of_one_publication_share_a_context(application: Application, publish: Publish) -> None:
    application.realtime.on_publish(lambda one: setattr(g, "seen", one.data))
    application.realtime.on_publish(lambda one: [g.seen, one.data])
    publish(data=1)
    assert application.log() == [("message", [1, 1])]


def test_hooks_have_the_clients_request_and_session_on_both_doors(application: Application) -> None:
    @application.realtime.on_publish
    def sign(publication: Publication) -> Any:
        return {"by": session.get("user"), "path": request.path, "same": getattr(request, "sid", None)}

    app = application.app
    app.add_url_rule("/login", view_func=lambda: session.update(user="ann") or "")
    application.start()
    browser = app.test_client()
    browser.get("/login")
    browser.post("/rooms/lobby/messages", json={"data": 1})
    client = application.realtime.socketio.test_client(app, flask_test_client=browser)
    client.emit("publish", {"room": "lobby", "data": 2}, callback=True)
    (_, posted), (_, emitted) = application.log()
    assert posted == {"by": "ann", "path": "/rooms/lobby/messages", "same": None}
    assert (emitted["by"], bool(emitted["same"])) == ("ann", True)


def test_hooks_may_be_declared_before_and_after_the_applications_and_hold_for_all_of_them() -> None:
    realtime = Realtime()
    realtime.on_publish(lambda one: [*one.data, "before", current_app.name])
    apps = [Flask(name) for name in ("one", "two")]
    for app in apps:
        app.config["SECRET_KEY"] = "test"
        realtime.init_app(app)
    realtime.on_publish(lambda one: [*one.data, "after"])
    other = Realtime(Flask("other"))
    for app in apps:
        with app.app_context():
            realtime.publish("lobby", [])
            assert realtime.history("lobby").messages[0].data == ["before", app.name, "after"]
    other.publish("lobby", [])
    assert other.history("lobby").messages[0].data == []
