"""Engine.IO protocol 4, "HTTP long-polling", "Heartbeat" and "Close" of a session that polls."""

from __future__ import annotations

import base64
import time

import pytest
import requests

from tests.support.engine import SECONDS, Polling, Waiting
from tests.support.processes import eventually
from tests.support.raw import RawRequest


def test_a_payload_with_one_text_packet(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    assert session.post('42["message","hello"]').text == "ok"
    answer = session.get()
    assert (answer.status_code, answer.text) == (200, '42["message-back","hello"]')
    assert answer.headers["Content-Type"].lower() == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("count", [3, 40])
def test_a_payload_with_several_packets(slow: str, count: int) -> None:
    # The stock browser client puts into a payload whatever waits; the library refuses more than sixteen.
    session = Polling(slow)
    session.connect()
    assert session.post("\x1e".join(f'42["message",{number}]' for number in range(count))).text == "ok"
    got: list[str] = []
    while len(got) < count:
        got += session.poll()
    assert sorted(got) == sorted(f'42["message-back",{number}]' for number in range(count))


def test_bytes_go_as_base64_both_ways(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    data = "b" + base64.b64encode(b"\x01\x02\x03\x04\xff").decode()
    assert session.post(f'451-["message",{{"_placeholder":true,"num":0}}]\x1e{data}').text == "ok"
    got: list[str] = []
    while len(got) < 2:
        got += session.poll()
    assert got == ['451-["message-back",{"_placeholder":true,"num":0}]', data]


@pytest.mark.parametrize(
    "body",
    [
        b"abc",
        b"",
        b"9",
        b"0{}",
        b"2",
        b"2probe",
        b"5",
        b"6",
        "\u0664hello".encode(),
        b'42["message",1]\x1e',
        b'42["message",1]\x1eabc',
        b"b!!!!",
        "b\u2028AAEC".encode(),
        b"\xff\xfe",
        b"4",
        b"d=42%5B%22message%22%5D",
    ],
)
def test_what_is_no_payload_closes_the_session_and_no_other(slow: str, body: bytes) -> None:
    honest, session = Polling(slow), Polling(slow)
    honest.connect()
    session.connect()
    answer = session.post(body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed"
    assert session.get().status_code == 400
    assert honest.post('42["message",1]').text == "ok"
    assert honest.poll() == ['42["message-back",1]']


def test_nothing_of_a_payload_is_done_when_a_packet_in_it_is_none(slow: str) -> None:
    first, second = Polling(slow), Polling(slow)
    for session in (first, second):
        session.connect()
    assert first.post('42["tell","never"]\x1ex').status_code == 400
    assert second.post('42["tell","now"]').text == "ok"
    assert second.poll() == ['42["told","now"]']


def test_a_second_poll_closes_the_session(slow: str) -> None:
    session = Polling(slow)
    first = Waiting(session)
    assert session.get(t="burst").status_code == 400
    assert first.text() == "1"
    assert session.get().status_code == 400


def test_a_payload_over_what_was_announced_is_refused_unread(slow: str) -> None:
    session = Polling(slow)
    most = session.opening["maxPayload"]
    headers = {"Content-Length": str(most + 1), "Content-Type": "text/plain"}
    with RawRequest(slow, session.url().removeprefix(slow), method="POST", headers=headers) as request:
        # Nothing of the body is sent: it is not waited for.
        request.read_head()
        assert request.status == 413
    assert session.get().status_code == 400
    session = Polling(slow)
    session.connect()
    assert session.post('42["message","' + "x" * (most - 16) + '"]').text == "ok"


def test_a_payload_whose_length_python_does_not_read_is_refused_like_any_other(slow: str) -> None:
    session = Polling(slow)
    headers = {"Content-Length": "9" * 5000, "Content-Type": "text/plain"}
    with RawRequest(slow, session.url().removeprefix(slow), method="POST", headers=headers) as request:
        request.read_head()
        # gevent's server refuses such a head by itself.
        assert request.status in {400, 413}


def test_a_chunked_payload_is_read_up_to_the_bound(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    answer = requests.post(session.url(), iter([b'42["mess', b'age",7]']), timeout=SECONDS)
    assert answer.text == "ok"
    assert session.poll() == ['42["message-back",7]']


def test_the_server_pings_and_the_client_pongs(quick: str) -> None:
    session = Polling(quick)
    session.connect()
    for _ in range(3):
        answer = session.get()
        assert (answer.status_code, answer.text) == (200, "2")
        assert session.post("3").text == "ok"


def test_a_session_past_its_ping_timeout_is_gone(quick: str) -> None:
    session = Polling(quick)
    session.connect()
    time.sleep(0.9)
    answer = session.get()
    assert answer.status_code == 400
    assert answer.json()["message"] == "Session ID unknown"
    assert session.post("3").status_code == 400


def test_a_poll_of_a_session_whose_client_answers_no_ping_is_ended(quick: str) -> None:
    session = Polling(quick)
    session.connect()
    assert session.get().text == "2"
    assert session.get().text == "1"
    assert session.get().status_code == 400


def test_close_ends_the_session_and_its_waiting_poll(slow: str) -> None:
    session = Polling(slow)
    waiting = Waiting(session)
    assert session.post("1").text == "ok"
    assert waiting.text() == "6"
    assert session.get().status_code == 400


def test_a_closed_session_is_forgotten(slow: str) -> None:
    session = Polling(slow)
    assert session.sid in requests.get(f"{slow}/sessions", timeout=SECONDS).json()
    assert session.post("1").text == "ok"
    assert session.sid not in requests.get(f"{slow}/sessions", timeout=SECONDS).json()


def test_a_client_that_does_not_connect_to_a_namespace_is_dropped(quick: str) -> None:
    session, began = Polling(quick), time.monotonic()

    def gone() -> bool:
        answer = session.get()
        if answer.text == "2":
            session.post("3")
        return answer.status_code == 400

    eventually(gone, what="the end of the session")
    assert 0.8 < time.monotonic() - began < 3


def test_a_connected_client_is_not_dropped(quick: str) -> None:
    session, ends = Polling(quick), time.monotonic() + 1.6
    session.connect()
    while time.monotonic() < ends:
        assert session.get().text == "2"
        assert session.post("3").text == "ok"
