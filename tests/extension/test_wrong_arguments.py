"""What the Python API is given that is nothing of the kind is refused with what was given and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from realtime import ConfigError, InvalidValue, Message, Publisher, Realtime, testing
from tests.support.processes import Redis

NOT_NUMBERS: list[Any] = [True, "5", "x", b"5", None, [], {}, math.nan, -1, 10**30, math.inf, ...]
NOT_USERS: list[Any] = [None, True, 1.5, "", b"ann", [], {}, ..., "half a pair \ud800"]


@pytest.fixture(params=["memory", "Redis", "Publisher"])
def api(request: pytest.FixtureRequest, shared_redis: Redis, namespace: str) -> Iterator[Any]:
    """Whatever publishes and reads the log."""
    if request.param == "Publisher":
        with Publisher(shared_redis.url, namespace=namespace) as publisher:
            yield publisher
        return
    app = Flask("shop")
    app.config["REALTIME_BUS_URL"] = "memory://" if request.param == "memory" else shared_redis.url
    app.config["REALTIME_NAMESPACE"] = namespace
    yield Realtime(app)
    app.extensions["realtime"].close()


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Flask, Realtime]]:
    app = Flask("shop")
    app.secret_key = "not guessed"
    app.config.update(REALTIME_BUS_URL="memory://", REALTIME_PRIVATE_PREFIX="private:")
    yield app, Realtime(app)
    app.extensions["realtime"].close()


@pytest.mark.parametrize("limit", [*NOT_NUMBERS, 1.5], ids=repr)
def test_a_limit_is_a_whole_number(api: Any, limit: Any) -> None:
    id_ = api.publish("lobby", 1)
    for after in (None, id_):
        with pytest.raises(InvalidValue, match="limit is a whole number from 0 to 1000000, not "):
            api.history("lobby", after=after, limit=limit)
    assert len(api.history("lobby", limit=1_000_000).messages) == 1
    assert api.history("lobby", limit=0).messages == ()


@pytest.mark.parametrize("items", [None, 5, "lobby", b"lobby", {"room": "lobby", "data": 1}, ...], ids=repr)
def test_several_messages_are_a_list_of_them(api: Any, items: Any) -> None:
    with pytest.raises(InvalidValue, match=r"items is a list of \{.*, not "):
        api.publish_many(items)
    assert api.history("lobby").messages == ()


@pytest.mark.parametrize("room", [None, 5, 1.5, ...], ids=repr)
def test_a_room_is_text(api: Any, room: Any) -> None:
    for call in (lambda: api.publish(room, 1), lambda: api.history(room), lambda: Message.new(room, 1)):
        with pytest.raises(InvalidValue, match="not a room name"):
            call()


@pytest.mark.parametrize("user", NOT_USERS, ids=repr)
def test_a_user_is_an_id(shop: tuple[Flask, Realtime], user: Any) -> None:
    _, realtime = shop
    calls: list[Callable[[], Any]] = [
        lambda: realtime.grant(user, "private:a"),
        lambda: realtime.logout(user),
        lambda: realtime.revoke(user),
        lambda: realtime.ticket(user, "lobby"),
    ]
    for call in calls:
        with pytest.raises(InvalidValue, match="a user"):
            call()


@pytest.mark.parametrize("seconds", [*NOT_NUMBERS, 0], ids=repr)
def test_a_time_is_a_number_of_seconds(shop: tuple[Flask, Realtime], seconds: Any) -> None:
    app, realtime = shop
    with pytest.raises(InvalidValue, match=r"expires is a number of seconds from 0\.001 to 3600, not "):
        realtime.ticket("ann", "lobby", expires=seconds)
    with app.test_request_context(), pytest.raises(InvalidValue, match=r"heartbeat is a number of seconds from 0\.05"):
        realtime.stream(iter(()), heartbeat=seconds if seconds is not None else "none")
    if seconds is not None:
        with pytest.raises(InvalidValue, match=r"expires is a number of seconds from 0\.001 to 315\d+, not "):
            realtime.grant("ann", "private:a", expires=seconds)


def test_a_tickets_rooms_and_uses(shop: tuple[Flask, Realtime]) -> None:
    _, realtime = shop
    rooms: Any
    for rooms in (None, 5, {"lobby": 1}, b"lobby"):
        with pytest.raises(InvalidValue, match="rooms is a list of rooms' names, not "):
            realtime.ticket("ann", rooms)
    once: Any
    for once in (None, 1, "no"):
        with pytest.raises(InvalidValue, match="once is true or false, not "):
            realtime.ticket("ann", "lobby", once=once)


def test_text_is_no_stream(shop: tuple[Flask, Realtime]) -> None:
    app, realtime = shop
    with app.test_request_context(), pytest.raises(ConfigError, match="wants a generator"):
        realtime.stream("one letter after the other")


@pytest.mark.parametrize("other", [5, "shop", ..., "", 0, []], ids=repr)
def test_what_is_no_application_and_no_socketio_is_told_so(other: Any) -> None:
    with pytest.raises(ConfigError, match="for a Flask application, not for "):
        Realtime(other)
    with pytest.raises(ConfigError, match="socketio= is the application's SocketIO, not "):
        Realtime(Flask("shop"), socketio=other)
    with pytest.raises(ConfigError, match="takes the Flask application first, not "):
        testing.subscribe(other, "lobby")


def test_what_a_test_subscribes_with(shop: tuple[Flask, Realtime]) -> None:
    app, _ = shop
    wrong: Any = object()
    for options, text in (
        ({"client": wrong}, "client is what app.test_client"),
        ({"headers": [wrong]}, "headers is a mapping"),
        ({"history": wrong}, "history is a whole number"),
        ({"transport": wrong}, "allowed is 'sse' or 'socketio'"),
    ):
        with pytest.raises((ConfigError, InvalidValue), match=text):
            testing.subscribe(app, "lobby", **options)
    with pytest.raises(ConfigError, match="name at least one room"):
        testing.subscribe(app, wrong)


def test_a_test_waits_for_a_time(shop: tuple[Flask, Realtime]) -> None:
    app, _ = shop
    with testing.subscribe(app, "lobby", transport="socketio") as reader:
        wait: Any
        for wait in (math.nan, math.inf, "1", None, -1):
            for call in (reader.expect, reader.expect_nothing, reader.expect_reset, reader.expect_end):
                with pytest.raises(InvalidValue, match="timeout is a number of seconds"):
                    call(timeout=wait)
