"""``/openapi.json`` and ``/asyncapi.json``: valid by the official schemas, and true of what the application does."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import jsonschema
import msgspec
import pydantic
import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from realtime import Realtime
from tests.support.processes import ROOT

from .conftest import Application


class Point(msgspec.Struct):
    x: int


class Circle(msgspec.Struct, tag=True):
    middle: Point
    radius: float


class Square(msgspec.Struct, tag=True):
    corner: Point
    side: float


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    friends: list[Cat] = []


class Größe(msgspec.Struct):  # noqa: PLC2401  applications name things in any language
    wert: int
    teil: Größe | None = None


class Maß(pydantic.BaseModel):  # noqa: PLC2401
    wert: int
    teile: list[Maß] = []


class Pet(pydantic.BaseModel):
    animal: Cat | Dog = pydantic.Field(discriminator="kind")
    born: datetime.date | None = None


@pytest.fixture
def declared(application: Application) -> Application:
    """An application with events of both libraries, in all rooms and in some, with names that documents cannot have."""
    realtime = application.realtime
    realtime.schema("message", Circle | Square)
    realtime.schema("größer als: ünï", dict[str, Point])
    realtime.schema("pair", tuple[str, int])
    realtime.schema("moved", Point, room="maps/*/pins/*")
    realtime.schema("moved", Circle, room="circles@home")
    return application


@pytest.fixture(params=["nothing declared", "declared", "strict"])
def any_application(request: pytest.FixtureRequest, application: Application) -> Application:
    """Applications whose documents differ."""
    if request.param == "strict":
        application.app.config["REALTIME_STRICT_EVENTS"] = True
    if request.param == "declared":
        request.getfixturevalue("declared")
        application.realtime.schema("pet", Pet)
        application.realtime.schema("größe", Größe, room="größen/*")
        application.realtime.schema("maße", list[Maß])
    return application


def document(application: Application, name: str) -> dict[str, Any]:
    """A document as the application serves it."""
    answer = application.start().app.test_client().get(f"/{name}.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return dict(answer.json)


def references(value: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "$ref":
                yield one
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def found(document: dict[str, Any], reference: str) -> Any:
    """What a reference refers to."""
    value: Any = document
    for part in reference.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def valid(document: dict[str, Any], schema: dict[str, Any], data: Any) -> bool:
    """Whether data is of a schema of the document."""
    whole = {**schema, "components": document["components"]}
    return bool(jsonschema.Draft202012Validator(whole).is_valid(data))


def test_the_openapi_document_is_valid(any_application: Application) -> None:
    OpenAPIV31SpecValidator(document(any_application, "openapi")).validate()


def test_the_asyncapi_document_is_valid(any_application: Application) -> None:
    official = json.loads((ROOT / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text("utf-8"))
    jsonschema.Draft7Validator(official).validate(document(any_application, "asyncapi"))


def test_what_the_asyncapi_document_refers_to_is_there_and_belongs_together(any_application: Application) -> None:
    spec = document(any_application, "asyncapi")
    for reference in references(spec):
        found(spec, reference)
    for name, operation in spec["operations"].items():
        # AsyncAPI 3.0: an operation's messages are its channel's, by reference into the channel.
        assert name.startswith(operation["channel"]["$ref"].removeprefix("#/channels/")), name
        for message in [*operation["messages"], *operation.get("reply", {}).get("messages", [])]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/"), name
    for channel in spec["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel.get("parameters", ()))


def test_the_openapi_document_names_the_routes_that_there_are_and_no_others(declared: Application) -> None:
    spec = document(declared, "openapi")
    ours = {"realtime", "realtime_health"}
    routes = set()
    for rule in declared.app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in ours and not rule.endpoint.endswith(".static"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            routes |= {(path, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    named = {(path, method) for path, item in spec["paths"].items() for method in set(item) - {"parameters"}}
    assert named == routes


def test_what_the_calls_answer_is_what_the_openapi_document_says(declared: Application) -> None:
    spec = document(declared, "openapi")
    client = declared.app.test_client()
    circle = {"type": "Circle", "middle": {"x": 1}, "radius": 2}
    calls = [
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", {"data": circle, "key": "k"}, 201),
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", {"data": circle, "key": "k"}, 200),
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", {"data": 1}, 422),
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", {"data": {**circle, "radius": 3}, "key": "k"}, 409),
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", {"data": "x" * 70_000, "event": "o"}, 413),
        ("/rooms/{room}/messages", "post", "/rooms/a/b/messages", None, 415),
        ("/rooms/{room}/messages", "get", "/rooms/a/b/messages", None, 200),
        ("/rooms/{room}/messages", "get", "/rooms/a/b/messages?after=x", None, 422),
        ("/events", "get", "/events", None, 422),
        ("/healthz", "get", "/healthz", None, 200),
        ("/readyz", "get", "/readyz", None, 200),
        ("/openapi.json", "get", "/openapi.json", None, 200),
        ("/asyncapi.json", "get", "/asyncapi.json", None, 200),
    ]
    for path, method, url, body, status in calls:
        answer = client.open(url, method=method, json=body)
        assert answer.status_code == status, (url, answer.json)
        described = spec["paths"][path][method]["responses"][str(status)]
        described = found(spec, described["$ref"]) if "$ref" in described else described
        assert valid(spec, described["content"]["application/json"]["schema"], answer.json), (url, answer.json)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({"data": {"type": "Circle", "middle": {"x": 1}, "radius": 2}}, True),
        ({"data": {"type": "Circle", "middle": {"x": "1"}, "radius": 2}}, False),
        ({"data": 1}, False),
        ({"data": 1, "event": "message"}, False),
        ({"data": 1, "event": "other"}, True),
        ({"data": ["a", 1], "event": "pair"}, True),
        ({"data": ["a"], "event": "pair"}, False),
        ({"data": {"a": {"x": 1}}, "event": "größer als: ünï"}, True),
        ({"data": {"a": {"x": None}}, "event": "größer als: ünï"}, False),
        ({"event": "other"}, False),
    ],
)
def test_a_body_is_valid_by_the_document_exactly_when_it_is_accepted(
    declared: Application, body: dict[str, Any], accepted: bool
) -> None:
    spec = document(declared, "openapi")
    assert valid(spec, {"$ref": "#/components/schemas/Publication"}, body) is accepted
    assert ("id" in declared.by_http(**body)) is accepted


def test_rooms_with_events_of_their_own_are_channels(declared: Application) -> None:
    channels = document(declared, "asyncapi")["channels"]
    assert [channel["address"] for channel in channels.values()] == [
        "{room}",
        "maps/{any1}/pins/{any2}",
        "circles@home",
        "/socket.io/",
    ]
    general = {"event", "event.message", "event.pair", "event.gr_er_als_n_", "realtime.ready"}
    general |= {"realtime.reset", "realtime.revoked", "realtime.expired"}
    assert set(channels["room"]["messages"]) == general
    assert set(channels["room-circles_home"]["messages"]) == {*general, "event.moved-2"}


def test_acknowledgements_and_control_events_are_what_the_asyncapi_document_says(declared: Application) -> None:
    spec = document(declared, "asyncapi")
    client = declared.realtime.socketio.test_client(declared.app)
    asked = [
        ("join", {"room": "lobby", "history": 1}),
        ("join", {"room": "no room"}),
        ("publish", {"room": "lobby", "data": 1}),
        ("publish", {"room": "lobby", "data": 1, "event": "other", "key": "k"}),
        ("refresh", {}),
        ("leave", {"room": "lobby"}),
    ]
    for event, request in asked:
        messages = spec["components"]["messages"]
        answer = client.emit(event, request, callback=True)
        assert valid(spec, messages[f"socketio.{event}"]["payload"], request) is (request.get("room") != "no room")
        assert valid(spec, messages[f"socketio.{event}.ack"]["payload"], answer), answer
        assert not valid(spec, messages[f"socketio.{event}.ack"]["payload"], {"ok": True, "error": answer} | {"ok": 1})
    client.disconnect()
    stream = declared.app.test_client().get("/events?room=lobby", buffered=False)
    opening = next(block for block in stream.response if b"realtime.ready" in block)
    stream.close()
    data = json.loads(re.search(rb"data: (.*)", opening)[1])  # type: ignore[index]
    assert valid(spec, spec["components"]["messages"]["realtime.ready"]["payload"], data)


def test_the_documents_are_made_again_when_another_event_is_declared_and_not_otherwise(declared: Application) -> None:
    client = declared.start().app.test_client()
    for name in ("openapi", "asyncapi"):
        first = client.get(f"/{name}.json")
        again = client.get(f"/{name}.json", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        declared.realtime.schema(f"new {name}", int)
        later = client.get(f"/{name}.json", headers={"If-None-Match": first.headers["ETag"]})
        assert (later.status_code, f"new_{name}" in later.text) == (200, True)


def test_an_application_under_a_path_says_so(declared: Application) -> None:
    client = declared.start().app.test_client()
    for root, url in (("", "/"), ("/shop", "/shop")):
        answer = client.get("/openapi.json", environ_overrides={"SCRIPT_NAME": root})
        assert answer.json["servers"] == [{"url": url}]
        described = client.get("/asyncapi.json", environ_overrides={"SCRIPT_NAME": root}).json
        assert described["channels"]["socketio"]["address"] == f"{root}/socket.io/"
        assert described["operations"]["room.subscribe"]["x-sse"]["path"] == f"{root}/events"
        assert described["operations"]["room.publish"]["x-http"]["path"] == f"{root}/rooms/{{room}}/messages"


def test_a_setting_leaves_the_documents_out(declared: Application) -> None:
    declared.app.config["REALTIME_API_DOCUMENTS"] = False
    client = declared.start().app.test_client()
    assert [client.get(f"/{name}.json").status_code for name in ("openapi", "asyncapi")] == [404, 404]


def test_presence_is_described_where_it_is_on() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_PRESENCE=True)
    Realtime(app)
    client = app.test_client()
    spec, events = client.get("/openapi.json").json, client.get("/asyncapi.json").json
    OpenAPIV31SpecValidator(spec).validate()
    answer = client.get("/rooms/a/b/presence").json
    described = spec["paths"]["/rooms/{room}/presence"]["get"]["responses"]["200"]
    assert valid(spec, described["content"]["application/json"]["schema"], answer)
    told = {"room": "a/b", "joined": [], "left": [], "changed": [], "viewers": 1, "total": 0}
    assert valid(spec, {"$ref": "#/components/schemas/PresenceChange"}, told)
    assert "realtime.presence" in events["channels"]["room"]["messages"]
