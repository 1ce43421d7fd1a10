"""``realtime.schema``: what an event carries, and what a publisher is told who sends something else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from realtime import ConfigError, InvalidValue, Publication, Realtime

from .conftest import Application, Publish


class User(msgspec.Struct):
    name: str


class Chat(msgspec.Struct, forbid_unknown_fields=True):
    user: User
    text: str
    tags: list[int] = []
    scores: dict[str, int] = {}


class UserModel(pydantic.BaseModel):
    name: str


class ChatModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    user: UserModel
    text: str
    tags: list[int] = []
    scores: dict[str, int] = {}


@dataclass
class Point:
    x: int
    y: int


@pydantic.dataclasses.dataclass
class PointModel:
    x: int
    y: int


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Owner(pydantic.BaseModel):
    pet: Cat | Dog = pydantic.Field(discriminator="kind")
    others: dict[str, Cat] = {}


class Row(TypedDict):
    id: int


GOOD = {"user": {"name": "ann"}, "text": "hi", "tags": [1]}


@pytest.fixture(params=[Chat, ChatModel], ids=["msgspec", "pydantic"])
def chat(request: pytest.FixtureRequest, application: Application) -> None:
    """``message`` carries a chat message, described by either library."""
    application.realtime.schema("message", request.param)


def test_what_is_of_the_type_is_published_as_it_was_said(
    application: Application, publish: Publish, chat: None
) -> None:
    assert publish(data=GOOD)["id"]
    assert application.log() == [("message", GOOD)]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"user": {"name": 1}}, "$.user.name"),
        ({"tags": [1, "x"]}, "$.tags[1]"),
        ({"text": None}, "$.text"),
    ],
)
def test_what_is_not_is_refused_with_the_path_of_what_is_wrong(
    application: Application, publish: Publish, chat: None, changes: dict[str, Any], path: str
) -> None:
    answer = publish(data={**GOOD, **changes})
    assert answer.get("status", 422) == 422
    assert (answer["error"]["code"], answer["error"]["path"]) == ("invalid_value", path)
    assert answer["error"]["message"].startswith("the data is not what this event carries: ")
    assert path in answer["error"]["message"]
    assert application.log() == []


@pytest.mark.parametrize(
    ("kind", "data", "path"),
    [
        (Chat, {"user": {}, "text": ""}, "$.user"),
        (ChatModel, {"user": {}, "text": ""}, "$.user.name"),
        (Chat, {**GOOD, "more": 1}, "$"),
        (ChatModel, {**GOOD, "more": 1}, "$.more"),
        (Chat, {**GOOD, "scores": {"a": "x"}}, "$.scores[...]"),
        (ChatModel, {**GOOD, "scores": {"a": "x"}}, "$.scores.a"),
        (Chat, [], "$"),
        (ChatModel, [], "$"),
        (Owner, {"pet": {"kind": "cat", "lives": "many"}}, "$.pet.lives"),
        (Owner, {"pet": {"kind": "cat"}}, "$.pet.lives"),
        (Owner, {"pet": {"kind": "cow"}}, "$.pet"),
        (Owner, {"pet": {"kind": "dog"}, "others": {"a b": {"kind": "cat", "lives": ""}}}, "$.others['a b'].lives"),
        (Owner, {}, "$.pet"),
        (dict[int, int], {"x": 1}, "$"),
        (int, [[]], "$"),
    ],
)
def test_each_library_says_where_as_exactly_as_it_knows(
    application: Application, kind: Any, data: object, path: str
) -> None:
    application.realtime.schema("message", kind)
    assert application.by_http(data=data)["error"]["path"] == path


@pytest.mark.parametrize("kind", [dict[int, int], pydantic.RootModel[dict[int, int]]])
def test_what_is_quoted_of_the_data_is_short(application: Application, kind: Any) -> None:
    application.realtime.schema("message", kind)
    assert len(str(application.by_http(data={"x" * 10_000: 1})["error"])) < 600


@pytest.mark.parametrize(
    ("kind", "instance", "plain"),
    [
        (Chat, Chat(User("ann"), "hi"), {"user": {"name": "ann"}, "text": "hi", "tags": [], "scores": {}}),
        (UserModel, UserModel(name="ann"), {"name": "ann"}),
        (list[UserModel], [{"name": "ann"}], [{"name": "ann"}]),
        (Point, Point(1, 2), {"x": 1, "y": 2}),
        (PointModel, PointModel(1, 2), {"x": 1, "y": 2}),
        (Row, Row(id=1), {"id": 1}),
    ],
)
def test_the_server_may_publish_instances(application: Application, kind: Any, instance: Any, plain: Any) -> None:
    application.realtime.schema("message", kind)
    assert application.by_server(data=instance)["id"]
    assert application.log() == [("message", plain)]


def test_other_events_are_free_unless_the_application_is_strict(application: Application, publish: Publish) -> None:
    application.realtime.schema("message", Chat)
    assert publish(data=1, event="other")["id"]


def test_a_strict_application_takes_declared_events_only(application: Application, publish: Publish) -> None:
    application.app.config["REALTIME_STRICT_EVENTS"] = True
    assert "declared events: none" in publish(data=1, event="other")["error"]["message"]
    application.realtime.schema("message", int)
    answer = publish(data=1, event="other")
    assert answer.get("status", 422) == 422
    assert answer["error"]["code"] == "invalid_value"
    assert "the event 'other' is not declared for 'lobby'; declared events: 'message'" in answer["error"]["message"]
    assert publish(data=1)["id"]


def test_a_strict_application_wants_an_event_declared_for_each_of_its_rooms(application: Application) -> None:
    application.app.config["REALTIME_STRICT_EVENTS"] = True
    application.realtime.schema("n", int, room="numbers/*")
    socketio = application.start().realtime.socketio
    socketio.emit("n", 1, to=["numbers/1", "numbers/2"])
    with pytest.raises(InvalidValue, match="is not declared for 'words'"):
        socketio.emit("n", 1, to=["numbers/1", "words"])


def test_an_event_may_carry_something_else_in_some_rooms(application: Application) -> None:
    realtime = application.realtime
    realtime.schema("n", int, room="numbers/*")
    realtime.schema("n", str, room="words")
    assert application.by_http("numbers/1", data=1, event="n")["id"]
    assert application.by_http("numbers/1", data="one", event="n")["status"] == 422
    assert application.by_http("words", data="one", event="n")["id"]
    assert application.by_http("elsewhere", data=None, event="n")["id"]


def test_emit_is_checked_too_with_several_arguments_as_their_list(application: Application) -> None:
    application.realtime.schema("pair", tuple[str, int])
    application.realtime.schema("ping", type(None))
    socketio = application.start().realtime.socketio
    socketio.emit("pair", ("a", 1), to="lobby")
    socketio.emit("ping", to="lobby")
    with pytest.raises(InvalidValue, match=r"at \$\[1\]"):
        socketio.emit("pair", ("a", "b"), to="lobby")
    assert application.log() == [("pair", ["a", 1]), ("ping", [])]


def test_the_data_is_checked_before_hooks_and_not_after(application: Application) -> None:
    seen: list[Publication] = []
    application.realtime.schema("message", Chat)
    application.realtime.on_publish(seen.append)
    application.realtime.on_publish(lambda one: {**one.data, "at": 5})
    assert application.by_http(data={})["status"] == 422
    assert seen == []
    assert application.by_http(data=GOOD)["id"]
    assert application.log() == [("message", {**GOOD, "at": 5})]


def test_a_class_is_declared_by_a_decorator() -> None:
    realtime = Realtime()

    @realtime.schema("shipped", room="orders")
    class Shipped(msgspec.Struct):
        order: int

    assert Shipped(1).order == 1
    with pytest.raises(ConfigError, match=r"the event 'shipped' has a schema in orders already"):
        realtime.schema("shipped", int, room="orders")


@pytest.mark.parametrize("wrong", ["x", 5, Realtime, list["Nowhere"]])  # type: ignore[name-defined]  # noqa: F821
def test_what_no_library_can_check_is_refused_when_it_is_declared(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="is no type that an event's data can be checked against"):
        Realtime().schema("message", wrong)


def test_without_the_libraries_everything_else_works_and_a_schema_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['msgspec'] = sys.modules['pydantic'] = None\n"
        "from realtime import Realtime\n"
        "try: Realtime().schema('message', int)\n"
        "except Exception as exc: print(type(exc).__name__, exc)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("ConfigError ")
    assert "pip install 'realtime[schemas]'" in run.stdout


def test_importing_the_package_imports_neither() -> None:
    script = "import sys, realtime; realtime.Realtime; print([m for m in ('msgspec', 'pydantic') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
