"""Requests come in time, or their clients are sent away, on both servers that have the project's handler. Nobody else
notices, and what is no request any more (a stream, a WebSocket) has all the time it wants.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing

import gevent
import gevent.socket
import pytest

from realtime.serve.patience import DISCARD_SECONDS, Patience
from tests.hostile.lines import Line, connected, head, response, trickled
from tests.support.processes import Server, running, start_gevent, start_gunicorn

HEAD = 1.0
BODY = 0.6
JSON = "Content-Type: application/json"
MESSAGES = "/rooms/deadlines/messages"


@pytest.fixture(scope="module", params=[start_gevent, start_gunicorn], ids=["gevent", "gunicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server, with little patience."""
    server: Server = request.param(REALTIME_HEAD_TIMEOUT=str(HEAD), REALTIME_BODY_TIMEOUT=str(BODY))
    with running(server):
        yield server
        assert "Traceback" not in server.output


def publish(url: str) -> int:
    """What an honest client is answered."""
    request = urllib.request.Request(f"{url}{MESSAGES}", b'{"data": 1}', {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


def test_three_hundred_half_sent_heads_are_ended_while_an_honest_client_is_served(server: Server) -> None:
    with ExitStack() as lines:
        slow = []
        for _ in range(300):
            line = lines.enter_context(closing(connected(server.url)))
            # At once: a connection on which nothing came at all is closed without a word.
            line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            slow.append(line)
        assert publish(server.url) == 201
        for line in slow:
            assert response(line).status == 408
        assert publish(server.url) == 201


@pytest.mark.parametrize(
    ("fields", "begun"),
    [
        (("Content-Length: 11",), b'{"data'),
        (("Content-Length: 11",), b""),
        (("Transfer-Encoding: chunked",), b"6\r\n" + b'{"data' + b"\r\n"),
        (("Transfer-Encoding: chunked",), b"6\r\n{"),
        (("Transfer-Encoding: chunked",), b""),
    ],
)
def test_a_body_that_is_never_finished_is_answered_with_408_and_the_connection_closed(
    server: Server, fields: tuple[str, ...], begun: bytes
) -> None:
    with closing(connected(server.url)) as line:
        line.sendall(head("POST", MESSAGES, JSON, *fields) + begun)
        late = response(line)
        assert (late.status, late.headers["Connection"]) == (408, "close")
        error = json.loads(late.read())["error"]
        assert error == {"code": "request_timeout", "message": "the body of the request did not come in time"}
        assert line.recv(1) == b""


def test_a_body_that_comes_byte_by_byte_gets_no_more_time(server: Server) -> None:
    began = time.monotonic()
    with closing(connected(server.url)) as line:
        line.sendall(head("POST", MESSAGES, JSON, "Content-Length: 1000"))
        assert trickled(line, b" ").startswith(b"HTTP/1.1 408")
    assert BODY <= time.monotonic() - began < BODY + 3


def test_a_body_of_long_polling_is_answered_with_408_in_the_same_shape(server: Server) -> None:
    with urllib.request.urlopen(f"{server.url}/socket.io/?EIO=4&transport=polling", timeout=5) as opened:
        sid = json.loads(opened.read()[1:])["sid"]
    with closing(connected(server.url)) as line:
        target = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        line.sendall(head("POST", target, "Content-Type: text/plain", "Content-Length: 2") + b"4")
        late = response(line)
        assert late.status == 408
        assert json.loads(late.read())["error"]["code"] == "request_timeout"
        assert line.recv(1) == b""


def test_a_body_that_pauses_for_less_is_taken_and_the_connection_goes_on(server: Server) -> None:
    with closing(connected(server.url)) as line:
        for _ in range(2):
            line.sendall(head("POST", MESSAGES, JSON, "Content-Length: 11") + b'{"data"')
            time.sleep(BODY / 3)
            line.sendall(b": 1}")
            late = response(line)
            assert late.status == 201
            late.read()
            time.sleep(max(HEAD, BODY) * 1.5)  # Silence between two requests is no lateness.


@pytest.mark.parametrize("fields", [(JSON, "Content-Length: 200000000"), ("Content-Length: 10",)])
def test_the_body_of_a_refused_request_is_not_waited_for(server: Server, fields: tuple[str, ...]) -> None:
    began = time.monotonic()
    with closing(connected(server.url)) as line:
        line.sendall(head("POST", MESSAGES, *fields))
        late = response(line)
        assert late.status in {413, 415}
        late.read()
        assert line.recv(1) == b""
    assert time.monotonic() - began < DISCARD_SECONDS + 2


def test_a_small_body_that_was_refused_makes_place_for_the_next_request(server: Server) -> None:
    with closing(connected(server.url)) as line:
        for _ in range(2):
            line.sendall(head("POST", MESSAGES, "Content-Length: 10") + b"0123456789")
            late = response(line)
            assert late.status == 415
            late.read()


def test_streams_and_websockets_have_all_the_time_they_want(server: Server) -> None:
    with closing(connected(server.url)) as stream, Line(server.url) as websocket:
        websocket.connect()
        stream.sendall(head("GET", "/events?room=deadlines"))
        followed = response(stream)
        assert followed.status == 200
        time.sleep(max(HEAD, BODY) * 1.5)
        publish(server.url)
        while not followed.readline().startswith(b"data:"):
            pass
        assert websocket.outcome(within=0.1) == "open"


def test_zero_sets_no_limit() -> None:
    server = start_gevent(REALTIME_HEAD_TIMEOUT="0", REALTIME_BODY_TIMEOUT="0")
    with running(server), closing(connected(server.url)) as line:
        request = head("POST", MESSAGES, JSON, "Content-Length: 11") + b'{"data": 1}'
        for piece in (request[:20], request[20:-4], request[-4:]):
            line.sendall(piece)
            time.sleep(0.4)
        assert response(line).status == 201


class Waiting:
    """Who waits for a request."""

    def __init__(self, line: gevent.socket.socket) -> None:
        self.late = False
        self.socket = line


def test_a_connection_that_is_silent_for_too_long_between_two_requests_is_ended() -> None:
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs, gevent.Timeout(5):
        waiting, patience = Waiting(ours), Patience(head=0, body=0, idle=0.2)
        patience.wait(waiting)
        with contextlib.suppress(OSError):  # So gevent ends who waits for a socket that is shut.
            assert ours.recv(1) == b""
        assert waiting.late


def test_large_bodies_get_more_time() -> None:
    patience = Patience(head=10, body=30)
    assert patience.due(64 * 1024 * 100) - patience.due(0) == pytest.approx(100, abs=1)
