"""``realtime.stream``: a request's own events, with its context, on every server."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

from realtime import ConfigError, InvalidValue, Realtime, StreamEvent
from realtime.wire.sse import Decoder
from tests.support.processes import Server, eventually, start_gevent, start_gunicorn, start_threads

STARTERS = {"gevent": start_gevent, "threads": start_threads, "gunicorn": start_gunicorn}
APP = "tests.apps.streams_app"
END = {"failed": False}
NO_JSON = "the data has no JSON form: Object of type bytes is not JSON serializable"


@pytest.fixture(scope="module", params=list(STARTERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = STARTERS[request.param](APP, REALTIME_RETRY="3")
    yield server
    server.stop()


def events(server: Server, target: str, **headers: str) -> list[tuple[str, str, str]]:
    """The whole stream: each event's name, data and id."""
    answer = requests.get(server.url + target, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return [(one.event, one.data, one.id) for one in Decoder().feed(answer.content)]


def hang_up(server: Server, target: str) -> http.client.HTTPConnection:
    """Begin to read a stream; the connection, to be closed."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=20)
    connection.request("GET", target)
    response = connection.getresponse()
    got = b""
    while b"begun" not in got:
        got += response.read1(1000)
    response.close()
    return connection


def ends(server: Server) -> list[str]:
    answer: list[str] = requests.get(server.url + "/ends", timeout=10).json()
    return answer


def test_the_requests_context_lasts_as_long_as_the_generator(server: Server) -> None:
    browser = requests.Session()
    browser.get(server.url + "/login/ann", timeout=10)
    answer = browser.get(server.url + "/context?who=bob", timeout=10)
    got = [json.loads(one.data) for one in Decoder().feed(answer.content)]
    assert got[0][3].endswith("streams_app")
    assert got == [["bob", "ann", "bob", got[0][3], "/context"]] * 2 + [END]


def test_every_kind_of_item_arrives_as_what_it_is(server: Server) -> None:
    answer = requests.get(server.url + "/kinds", timeout=10)
    decoder = Decoder()
    got = [(one.event, one.data, one.id) for one in decoder.feed(answer.content)]
    assert got == [
        ("message", "one line", ""),
        ("message", " two\nlines", ""),
        ("message", "", ""),
        ("message", '{"a":[1,"ü"]}', ""),
        ("message", "5", ""),
        ("named", "text", "über-1"),
        ("message", "null", "7"),
        ("realtime.end", '{"failed":false}', "realtime.end"),
    ]
    assert decoder.retry == 1234
    assert b"retry: " in answer.content.split(b"\n\n")[0]
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"


def test_a_client_that_comes_back_goes_on_after_its_last_id(server: Server) -> None:
    assert [data for _, data, _ in events(server, "/count?to=3")[:-1]] == ["1", "2", "3"]
    assert [data for _, data, _ in events(server, "/count?to=3", **{"Last-Event-ID": "1"})[:-1]] == ["2", "3"]
    assert [data for _, data, _ in events(server, "/count?to=3&lastEventId=2")[:-1]] == ["3"]


def test_a_client_that_comes_back_after_the_end_is_told_to_stay_away(server: Server) -> None:
    *_, (event, _, last) = events(server, "/count?to=1")
    assert event == "realtime.end"
    answer = requests.get(server.url + "/count?to=1", headers={"Last-Event-ID": last}, timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("fail", {"code": "internal", "message": "the server failed; it was logged"}),
        (
            "bytes",
            {
                "code": "invalid_value",
                "message": "the data has no JSON form: Object of type bytes is not JSON serializable",
            },
        ),
        ("refuse", {"code": "not_found", "message": "no such number"}),
        ("invalid", {"code": "invalid_value", "message": "not that number"}),
    ],
)
def test_an_error_is_told_and_ends_the_stream_for_good(server: Server, how: str, told: dict[str, str]) -> None:
    first, error, end = events(server, f"/count?to=3&{how}=2")
    assert first == ("message", "1", "1")
    assert (error[0], json.loads(error[1])) == ("realtime.error", told)
    assert (end[0], json.loads(end[1]), end[2]) == ("realtime.end", {"failed": True}, "realtime.end")
    if how == "fail":
        eventually(lambda: "KeyError: 'the inside'" in server.output, what="the error in the log")


def test_a_silent_generator_has_a_heartbeat(server: Server) -> None:
    answer = requests.get(server.url + "/sleepy", timeout=10)
    assert answer.content.count(b":\n\n") >= 5
    assert b"data: awake\n\n" in answer.content


def test_a_generator_is_closed_in_its_context_when_its_client_goes(server: Server, room: str) -> None:
    connection = hang_up(server, f"/silent?mark={room}&heartbeat=60")
    began = time.monotonic()
    connection.close()
    eventually(lambda: f"closed {room} {room}" in ends(server), within=5, what="GeneratorExit")
    assert time.monotonic() - began < 4
    # Once for the view, once for the generator.
    eventually(lambda: ends(server).count(f"teardown {room}") == 2, what="both ends")


def test_a_client_that_reads_slowly_slows_the_generator_down(server: Server) -> None:
    with requests.get(server.url + "/fast", stream=True, timeout=10) as answer:
        answer.raw.read(1)
        made = ""
        while made != (made := ends(server)[0]):
            time.sleep(0.3)
        assert int(made.split()[1]) < 1000


def test_head_asks_for_nothing_but_the_headers(server: Server) -> None:
    answer = requests.head(server.url + "/count?to=1000&pause=1", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_another_origins_page_is_refused(server: Server) -> None:
    answer = requests.get(server.url + "/count?to=1", headers={"Origin": "https://evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("kind", list(STARTERS))
def test_a_server_that_stops_lets_clients_go_on_elsewhere(kind: str) -> None:
    server = STARTERS[kind](APP)
    with requests.get(server.url + "/silent?mark=stop", stream=True, timeout=20) as answer:
        assert b"begun" in next(answer.iter_content(None)) + next(answer.iter_content(None))
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        rest = b""
        try:
            rest = b"".join(answer.iter_content(None))
        except requests.RequestException:
            pass
        assert b"realtime.end" not in rest
        assert time.monotonic() - began < 4
    server.stop()


@pytest.fixture
def bare() -> Realtime:
    return Realtime(Flask("bare"))


async def not_this() -> Any:
    yield 1


@pytest.mark.parametrize("source", [not_this, not_this(), 5])
def test_what_is_no_generator_is_refused_at_once(bare: Realtime, source: Any) -> None:
    with pytest.raises(ConfigError, match=r"realtime\.stream wants a"):
        bare.stream(source)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "realtime.ready"},
        {"event": "a\nb"},
        {"id": "a\nb"},
        {"id": "realtime.end"},
        {"id": ""},
        {"id": True},
        {"retry": -1},
        {"retry": "5"},
    ],
)
def test_an_event_that_cannot_be_written_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        StreamEvent(data=1, **wrong)


def test_flasks_test_client_reads_a_stream() -> None:
    app = Flask("tested")
    realtime = Realtime(app)
    app.add_url_rule("/", "words", lambda: realtime.stream(iter(["a", "b"])))
    text = app.test_client().get("/").text
    assert text.endswith('data: a\n\ndata: b\n\nid: realtime.end\nevent: realtime.end\ndata: {"failed":false}\n\n')
