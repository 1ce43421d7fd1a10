"""Signals: what an application is told about messages, connections and the bus, and that nobody's fault spreads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from blinker import Signal
from flask import Flask, current_app

from realtime import Realtime, signals
from tests.support.processes import Redis, eventually

from .conftest import Application, Publish

Told = list[tuple[str, dict[str, Any]]]


@contextmanager
def listening(app: Flask | None, *heard: Signal) -> Iterator[Told]:
    """What receivers of these signals are told: the application whose context they have, and the rest."""
    told: Told = []

    def receive(sender: Flask, **about: Any) -> None:
        assert sender is (app or sender)
        told.append((current_app.name, about))

    for signal in heard:
        signal.connect(receive, sender=app) if app else signal.connect(receive)
    try:
        yield told
    finally:
        for signal in heard:
            signal.disconnect(receive)


def test_a_message_is_announced_once_it_is_in_the_log(application: Application, publish: Publish, source: str) -> None:
    with listening(application.app, signals.message_published) as told:
        id_ = publish("orders", data={"n": 1}, event="shipped", key="k")["id"]
        assert publish("orders", data={"n": 1}, event="shipped", key="k")["id"] == id_
        publish("orders", data=1, event="connect")
    ((name, about),) = told
    message = about["message"]
    assert (name, about["source"], bool(about["sid"])) == ("shop", source, source == "socketio")
    assert (str(message.id), message.rooms, message.event, message.data) == (id_, ("orders",), "shipped", {"n": 1})


def test_what_hooks_made_of_it_is_announced(application: Application) -> None:
    application.realtime.on_publish(lambda one: one.data + 1)
    with listening(application.app, signals.message_published) as told:
        application.by_http(data=1, key="k")
        application.start().realtime.socketio.emit("n", 5, to="lobby")
    assert [about["message"].data for _, about in told] == [2, 6]


def test_a_receiver_hears_of_its_application_only() -> None:
    apps = [Flask(name) for name in ("one", "two")]
    realtimes = []
    for app in apps:
        app.config["SECRET_KEY"] = "test"
        realtimes.append(Realtime(app))
    with listening(apps[0], signals.message_published) as one, listening(None, signals.message_published) as both:
        for realtime in realtimes:
            realtime.publish("lobby", 1)
    assert [name for name, _ in one] == ["one"]
    assert [name for name, _ in both] == ["one", "two"]


def test_a_receiver_that_fails_is_logged_and_changes_nothing(
    application: Application, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(sender: Flask, **about: Any) -> None:
        raise ValueError("no")

    with signals.message_published.connected_to(fail), listening(None, signals.message_published) as told:
        assert publish(data=1)["id"]
    assert len(told) == 1
    assert [record.message for record in caplog.records] == ["a receiver of message_published failed"]


def test_connections_are_announced_when_they_begin_to_read_and_when_they_are_gone(application: Application) -> None:
    app = application.start().app
    with listening(app, signals.connection_opened, signals.connection_closed) as told:
        client = application.realtime.socketio.test_client(app)
        assert told == []
        client.emit("join", {"room": "lobby"}, callback=True)
        client.emit("join", {"room": "other"}, callback=True)
        client.disconnect()
        stream = app.test_client().get("/events?room=a&room=b", buffered=False)
        next(block for block in stream.response if b"realtime.ready" in block)
        del stream
        eventually(lambda: len(told) == 4, what="four signals")
    (_, opened), (_, closed), (_, began), (_, ended) = told
    assert (opened["transport"], began["transport"]) == ("socketio", "sse")
    assert (opened["rooms"], closed["rooms"]) == (frozenset(), {"lobby", "other"})
    assert began == ended
    assert began["rooms"] == {"a", "b"}
    assert opened["id"] == closed["id"]
    assert began["id"] == ""


def test_a_failing_receiver_of_connections_is_logged_and_the_next_one_is_told(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(sender: Flask, **about: Any) -> None:
        raise ValueError("no")

    app = application.start().app
    with signals.connection_opened.connected_to(fail), listening(app, signals.connection_opened) as told:
        for _ in range(2):
            client = application.realtime.socketio.test_client(app)
            client.emit("join", {"room": "lobby"}, callback=True)
            client.disconnect()
        eventually(lambda: len(told) == 2 and len(caplog.records) == 2, what="both, and both failures")
    assert {record.message for record in caplog.records} == {"a receiver of realtime-connection-opened failed"}


def test_the_bus_is_announced_as_down_and_up_again(
    application: Application, own_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    application.app.config["REALTIME_BUS_URL"] = own_redis.url
    state = application.start().app.extensions["realtime"]
    with listening(application.app, signals.bus_down) as down, listening(application.app, signals.bus_up) as up:
        with caplog.at_level(logging.CRITICAL):
            application.by_server(data=1)
            own_redis.kill()
            eventually(lambda: down, what="bus_down")
            assert up == []
            own_redis.start()
            eventually(lambda: up, what="bus_up")
        state.close()
    assert (down, up) == ([("shop", {})], [("shop", {})])
