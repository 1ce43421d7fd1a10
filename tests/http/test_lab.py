"""The lab's routes: a clock, a feeder whose every number is capped, and a knife for who knows a lane's name."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import requests
from flask import Flask

from realtime import Realtime
from realtime.web import lab, pages
from tests.support.processes import Server, clean_environment, eventually
from tests.support.publishing import history
from tests.support.streams import EventReader

GOOD: dict[str, Any] = {"first": 0, "count": 3, "seconds": 0, "size": 64}


def lab_room() -> str:
    return f"lab-{secrets.token_hex(16)}"


def feed(server: Server, of_room: str, **change: Any) -> requests.Response:
    body = {"room": of_room, "since": time.time(), **GOOD, **change}
    return requests.post(f"{server.url}/lab/feed", json=body, timeout=10)


def refusal(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) >= {"code", "message"}
    return str(answer.json()["error"]["message"])


def test_what_is_fed_is_in_the_log_under_the_ids_that_are_answered(any_server: Server) -> None:
    room = lab_room()
    answer = feed(any_server, room, first=34, size=100).json()
    log = history(any_server.url, room)
    assert answer == {"ids": [one["id"] for one in log], "error": None}
    assert [one["event"] for one in log] == ["lab"] * 3
    assert [int(one["data"].split(".")[0], 36) for one in log] == [34, 35, 36]
    assert {len(json.dumps(one["data"])) for one in log} == {100}


@pytest.mark.parametrize("size", [16, 17, 16384])
def test_a_message_has_just_the_size_that_was_asked_for_and_says_when_it_was_sent(size: int) -> None:
    text = lab.message(150_000, 299.87654, size)
    assert len(json.dumps(text)) == size
    number, tenths, _ = text.split(".")
    assert (int(number, 36), int(tenths, 36)) == (150_000, 2_998_765)


def test_a_slice_is_spread_over_its_time(gevent_server: Server) -> None:
    room, began = lab_room(), time.monotonic()
    assert len(feed(gevent_server, room, count=10, seconds=0.5).json()["ids"]) == 10
    assert 0.4 < time.monotonic() - began < 1.5
    sent = [int(one["data"].split(".")[1], 36) for one in history(gevent_server.url, room)]
    assert sent == sorted(sent) and 3500 < sent[-1] - sent[0] < 9000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 501}, "count is a whole number from 1 to 500, not '501'"),
        ({"count": 0}, "count is a whole number from 1 to 500, not '0'"),
        ({"count": 1.5}, "count is a whole number from 1 to 500, not '1.5'"),
        ({"count": None}, "count is a whole number from 1 to 500, not 'None'"),
        ({"seconds": 1.01}, "seconds is a number from 0 to 1, not '1.01'"),
        ({"seconds": True}, "seconds is a number from 0 to 1, not 'True'"),
        ({"size": 15}, "size is a whole number from 16 to 16384, not '15'"),
        ({"size": 16385}, "size is a whole number from 16 to 16384, not '16385'"),
        ({"first": -1}, "first is a whole number from 0 to 1000000, not '-1'"),
        ({"since": 0}, "since is a number from"),
        ({"room": "lobby"}, "room is lab- and 32 hexadecimal digits: the lab feeds no other"),
        ({"room": ["lab"]}, "room is lab- and 32 hexadecimal digits: the lab feeds no other"),
    ],
)
def test_every_number_is_capped_and_no_room_but_the_labs_is_fed(
    gevent_server: Server, change: dict[str, Any], said: str
) -> None:
    assert refusal(feed(gevent_server, lab_room(), **change), 422).startswith(said)


def test_what_is_no_request_is_refused_in_the_documented_shape(gevent_server: Server) -> None:
    for path in ("feed", "cut"):
        url = f"{gevent_server.url}/lab/{path}"
        refusal(requests.post(url, data="{}", timeout=10), 415)
        refusal(requests.post(url, data="{", headers={"Content-Type": "application/json"}, timeout=10), 400)
        refusal(requests.post(url, json=[1], timeout=10), 422)
        refusal(requests.post(url, json={"a": "x" * 5000}, timeout=10), 413)
        refusal(requests.post(url, json={}, headers={"Origin": "https://elsewhere.example"}, timeout=10), 403)
        refusal(requests.get(url, timeout=10), 405)


def test_a_process_feeds_only_a_few_labs_at_the_same_time(gevent_server: Server) -> None:
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(feed(gevent_server, lab_room(), count=5, seconds=1)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.status_code for one in answers) == [200] * 4 + [429] * 2
    assert {one.headers.get("Retry-After") for one in answers if one.status_code == 429} == {"1"}
    assert feed(gevent_server, lab_room()).status_code == 200


def test_labs_fill_the_log_only_so_far_however_many_rooms_they_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "_MOST_KEPT", 3 * 100 * 1024)
    app = Flask("some")
    app.config.update(SECRET_KEY="not a secret, but long enough", REALTIME_LAB=True, REALTIME_HISTORY_LENGTH=100)
    Realtime(app)
    pages.register(app)
    client, first = app.test_client(), lab_room()

    def fed(room: str) -> int:
        body = {**GOOD, "room": room, "since": time.time(), "count": 100, "size": 1024}
        answer = client.post("/lab/feed", json=body)
        if answer.status_code == 429:
            assert 0 < int(answer.headers["Retry-After"]) <= 86_400
            assert "may keep 307200 bytes in all" in answer.json["error"]["message"]
        return answer.status_code

    assert [fed(first), fed(lab_room()), fed(lab_room()), fed(lab_room()), fed(first)] == [200, 200, 200, 429, 200]


def test_the_clock_says_the_time_and_how_long_the_requests_head_was(any_server: Server) -> None:
    before = time.time() * 1000
    plain = requests.get(f"{any_server.url}/lab/time", timeout=10)
    longer = requests.get(f"{any_server.url}/lab/time", headers={"X-More": "x" * 90}, timeout=10).json()
    assert before - 1 <= plain.json()["now"] <= time.time() * 1000 + 1
    assert longer["head"] - plain.json()["head"] == len("X-More: \r\n") + 90
    assert "no-store" in plain.headers["Cache-Control"]


def cut(server: Server, lane: Any) -> requests.Response:
    return requests.post(f"{server.url}/lab/cut", json={"lane": lane}, timeout=10)


def test_a_stream_is_cut_by_its_lanes_name_and_no_other(any_server: Server) -> None:
    mine, other, room = secrets.token_hex(16), secrets.token_hex(16), lab_room()
    with (
        EventReader(any_server.url, room, lane=mine) as ours,
        EventReader(any_server.url, room, lane=other) as theirs,
    ):
        ours.ready()
        theirs.ready()
        assert cut(any_server, mine).json() == {"ended": 1}
        eventually(lambda: ours.ended, what="the end of the stream")
        assert cut(any_server, mine).json() == {"ended": 0}
        feed(any_server, room)
        theirs.wait(3)


def test_a_name_that_nobody_bears_cuts_nothing_and_a_wrong_one_is_refused(gevent_server: Server) -> None:
    assert cut(gevent_server, secrets.token_hex(16)).json() == {"ended": 0}
    for wrong in ("", "x" * 32, None, 7, ["a"], "0" * 31, "0" * 33):
        assert "32 hexadecimal digits" in refusal(cut(gevent_server, wrong), 422)


def an_app(**config: Any) -> Flask:
    app = Flask("some")
    app.config.update(SECRET_KEY="not a secret, but long enough", **config)
    realtime = Realtime(app)
    pages.register(app, url_prefix="/live")

    @realtime.authorize
    def authorize(_identity: Any, action: str, room: str) -> bool:
        return not (action == "publish" and room.startswith("lab-"))

    return app


def test_an_application_that_did_not_ask_for_the_lab_has_none() -> None:
    app = an_app()
    assert [rule.rule for rule in app.url_map.iter_rules() if "lab" in rule.rule] == []
    assert "Transport lab" not in app.test_client().get("/live/").text


def test_the_lab_stands_where_the_pages_do_and_obeys_the_applications_rules() -> None:
    client = an_app(REALTIME_LAB=True).test_client()
    page = client.get("/live/lab")
    assert page.status_code == 200 and "unsafe" not in page.headers["Content-Security-Policy"]
    assert re.findall(r'data-(\w+)="(/live/lab/\w+)"', page.text) == [
        ("time", "/live/lab/time"), ("feed", "/live/lab/feed"), ("cut", "/live/lab/cut"),
    ]  # fmt: skip
    assert 'href="/live/lab"' in client.get("/live/").text
    answer = client.post("/live/lab/feed", json={"room": lab_room(), "since": time.time(), **GOOD})
    assert answer.status_code == 401


def test_the_environment_takes_the_lab_away_from_the_projects_application() -> None:
    code = "import server; print([r.rule for r in server.app.url_map.iter_rules() if '/lab' in r.rule])"
    for value, lines in {"0": "[]", "1": "['/lab/time', "}.items():
        run = subprocess.run(
            [sys.executable, "-c", code], env=clean_environment(REALTIME_LAB=value), capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert run.stdout.startswith(lines), run.stdout
