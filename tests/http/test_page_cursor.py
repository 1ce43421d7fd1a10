"""``realtime_cursor``: a page's subscription begins at the state that it was rendered with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template_string

from realtime import BusUnavailable, InvalidValue, Realtime, testing
from tests.support.processes import Redis

PAGE = '{"rows": {{ rows|tojson }}, "cursor": "{{ realtime_cursor("orders") }}"}'
MakeApp = Callable[[], tuple[Flask, Realtime]]


@pytest.fixture(params=["memory", "redis"])
def make_app(request: pytest.FixtureRequest, namespace: str, monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    """An application with a page of rows out of its database, which is a list; of a process that did nothing yet."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)

    def make() -> tuple[Flask, Realtime]:
        app = Flask("shop")
        app.config["REALTIME_NAMESPACE"] = namespace
        if request.param == "redis":
            app.config["REALTIME_BUS_URL"] = request.getfixturevalue("shared_redis").url
        realtime = Realtime(app)
        rows: list[int] = []
        app.extensions["rows"] = rows
        app.extensions["while reading"] = lambda: None

        @app.get("/orders")
        def orders() -> str:
            found = list(rows)
            app.extensions["while reading"]()
            return render_template_string(PAGE, rows=found)

        request.addfinalizer(app.extensions["realtime"].close)
        return app, realtime

    return make


def page_of(app: Flask) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(app.test_client().get("/orders").text)
    return page


@pytest.mark.parametrize("transport", ["sse", "socketio"])
@pytest.mark.parametrize("first", [True, False], ids=["a process's first request", "a later request"])
def test_what_changes_while_the_page_is_rendered_reaches_it(make_app: MakeApp, transport: Any, first: bool) -> None:
    app, realtime = make_app()
    if not first:
        page_of(app)

    def change() -> None:
        app.extensions["rows"].append(1)
        realtime.publish("orders", 1)

    app.extensions["while reading"] = change
    page = page_of(app)
    assert page["rows"] == []
    with testing.subscribe(app, "orders", transport=transport, after=page["cursor"]) as reader:
        assert reader.recovered
        assert reader.expect(timeout=5).data == 1
        realtime.publish("orders", 2)
        assert reader.expect(timeout=5).data == 2


@pytest.mark.parametrize("transport", ["sse", "socketio"])
def test_a_room_without_messages_on_a_log_that_was_just_born(make_app: MakeApp, transport: Any) -> None:
    app, realtime = make_app()
    with testing.subscribe(app, "orders", transport=transport, after=page_of(app)["cursor"]) as reader:
        assert reader.recovered
        reader.expect_nothing(timeout=0.05)
        realtime.publish("orders", "first")
        assert reader.expect(timeout=5).data == "first"


def test_pages_rendered_amid_changes_miss_none(make_app: MakeApp) -> None:
    app, realtime = make_app()
    rows: list[int] = app.extensions["rows"]
    over = threading.Event()

    def write() -> None:
        for number in range(300):
            rows.append(number)
            realtime.publish("orders", number)
        over.set()

    thread = threading.Thread(target=write)
    thread.start()
    pages = [page_of(app)]
    while not over.is_set():
        pages.append(page_of(app))
    thread.join()
    for page in [pages[0], *pages[1 : -1 : max(1, len(pages) // 5)], pages[-1]]:
        told = realtime.history("orders", after=page["cursor"], limit=1000)
        assert told.recovered
        assert sorted({*page["rows"], *(one.data for one in told.messages)}) == list(range(300))


def test_taking_it_skips_what_the_request_published_itself(make_app: MakeApp) -> None:
    app, realtime = make_app()

    @app.post("/orders")
    def order() -> str:
        realtime.publish("orders", "mine")
        realtime.take_cursor()
        return realtime.cursor("orders")

    cursor = app.test_client().post("/orders").text
    assert realtime.history("orders", after=cursor).messages == ()
    realtime.publish("orders", "next")
    assert [one.data for one in realtime.history("orders", after=cursor).messages] == ["next"]


def test_outside_a_request_the_first_call_in_a_context_fixes_it(make_app: MakeApp) -> None:
    app, realtime = make_app()
    with app.app_context():
        cursor = realtime.cursor("orders")
        realtime.publish("orders", 1)
        assert realtime.cursor("orders") == cursor
    assert realtime.cursor() != cursor
    assert [one.data for one in realtime.history("orders", after=cursor).messages] == [1]


def test_what_is_no_room_is_refused(make_app: MakeApp) -> None:
    _, realtime = make_app()
    with pytest.raises(InvalidValue, match="not a room name"):
        realtime.cursor("no room")


def test_a_page_that_cannot_know_says_so(own_redis: Redis) -> None:
    app = Flask("shop")
    app.config["REALTIME_BUS_URL"] = own_redis.url
    realtime = Realtime(app)
    app.add_url_rule("/", "page", lambda: realtime.cursor("orders"))
    app.add_url_rule("/plain", "plain", lambda: "plain")
    own_redis.kill()
    assert app.test_client().get("/plain").text == "plain"
    app.testing = True
    with pytest.raises(BusUnavailable):
        app.test_client().get("/")
    own_redis.start()
    # Nobody noted where the log stood when this request began.
    doubtful = app.test_client().get("/").text
    assert not realtime.history("orders", after=doubtful).recovered
    assert realtime.history("orders", after=app.test_client().get("/").text).recovered
    app.extensions["realtime"].close()
