"""The same rule for Socket.IO: a foreign page gets no session by polling and no working WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import websocket

from tests.support.processes import Server, start_gevent, start_gunicorn, start_threads

POLLING = "/socket.io/?EIO=4&transport=polling"
APP = "https://app.example.com"
FOREIGN = [
    "http://evil.com",
    "http://127.0.0.1.evil.com:{port}",
    "https://127.0.0.1:{port}",
    "null",
    "http://127.0.0.1:1",
]


@pytest.fixture(
    scope="module", params=[start_gevent, start_threads, start_gunicorn], ids=["gevent", "threads", "gunicorn"]
)
def server(request: pytest.FixtureRequest) -> Any:
    """Each server, with one other origin allowed."""
    server = request.param(REALTIME_ALLOWED_ORIGINS=APP)
    yield server
    server.stop()


def first_packet(server: Server, origin: str | None) -> str:
    """The first packet over a fresh WebSocket, or why there is none."""
    url = server.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    options = {"origin": origin} if origin else {"suppress_origin": True}
    try:
        connection = websocket.create_connection(url, timeout=10, **options)
    except websocket.WebSocketBadStatusException as exc:
        return f"refused: {exc.status_code}"
    try:
        return str(connection.recv()) or "closed"
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return "closed"
    finally:
        connection.shutdown()


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_gets_no_session_by_polling(server: Server, origin: str) -> None:
    origin = origin.format(port=server.port)
    answer = requests.get(server.url + POLLING, headers={"Origin": origin}, timeout=10)
    assert answer.status_code == 403
    assert "sid" not in answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_gets_no_working_websocket(server: Server, origin: str) -> None:
    packet = first_packet(server, origin.format(port=server.port))
    assert packet == "refused: 403"


def test_a_foreign_page_cannot_use_anothers_session(server: Server) -> None:
    opened = requests.get(server.url + POLLING, timeout=10)
    sid = opened.text.split('"sid":"')[1].split('"')[0]
    answer = requests.post(
        server.url + POLLING + f"&sid={sid}", "40", headers={"Origin": "http://evil.com"}, timeout=10
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_a_foreign_page_says_nothing_in_a_session_that_it_guessed(server: Server, kind: str) -> None:
    opened = requests.get(server.url + POLLING, timeout=10)
    url = server.url + POLLING + "&sid=" + opened.text.split('"sid":"')[1].split('"')[0]
    for origin in ("http://evil.com", "null"):
        answer = requests.post(url, "40", headers={"Origin": origin, "Content-Type": kind}, timeout=10)
        assert answer.status_code in {400, 403}
    assert requests.post(url, "40", timeout=10).ok
    assert requests.get(url, timeout=10).text.startswith("40{"), "the session is as it was"


@pytest.mark.parametrize("origin", [None, "own", APP])
def test_the_own_page_an_allowed_one_and_programs_get_both(server: Server, origin: str | None) -> None:
    origin = server.url if origin == "own" else origin
    answer = requests.get(server.url + POLLING, headers={"Origin": origin} if origin else {}, timeout=10)
    assert answer.status_code == 200
    assert answer.text.startswith('0{"sid":')
    assert answer.headers.get("Access-Control-Allow-Origin") == origin
    assert first_packet(server, origin).startswith('0{"sid":')


def test_the_own_page_is_recognised_behind_a_proxy(server: Server) -> None:
    headers = {"Host": "inside", "X-Forwarded-Host": "chat.example.com", "X-Forwarded-Proto": "https"}
    page = {**headers, "Origin": "https://chat.example.com"}
    assert requests.get(server.url + POLLING, headers=page, timeout=10).status_code == 200
    page = {**headers, "Origin": "https://evil.example.com"}
    assert requests.get(server.url + POLLING, headers=page, timeout=10).status_code == 403
    page = {"Host": "inside", "Origin": "https://chat.example.com", "Sec-Fetch-Site": "same-origin"}
    assert requests.get(server.url + POLLING, headers=page, timeout=10).status_code == 200
