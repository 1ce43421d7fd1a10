"""A request's head comes in time, or its client is sent away; whoever is just silent between two requests is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.hostile.lines import connected, response, trickled
from tests.support.processes import Server, running, start_gevent, start_gunicorn

SECONDS = 0.5


@pytest.fixture(scope="module", params=[start_gevent, start_gunicorn], ids=["gevent", "gunicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server that has the project's request handler, with little patience."""
    server: Server = request.param(REALTIME_HEAD_TIMEOUT=str(SECONDS))
    with running(server):
        yield server
        assert "Traceback" not in server.output


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_a_head_that_is_never_finished_is_answered_with_408(server: Server, said: bytes) -> None:
    with closing(connected(server.url)) as line:
        line.sendall(said)
        late = response(line)
        assert late.status == 408
        assert b"request_timeout" in late.read()
        assert line.recv(1) == b""


def test_a_head_that_comes_byte_by_byte_gets_no_more_time(server: Server) -> None:
    began = time.monotonic()
    with closing(connected(server.url)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert trickled(line, b"x").startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began > SECONDS / 2


def test_a_connection_on_which_nothing_is_said_is_closed(server: Server) -> None:
    with closing(connected(server.url)) as line:
        assert line.recv(1) == b""


def test_a_connection_may_be_silent_between_requests_and_a_body_may_take_its_time(server: Server) -> None:
    with closing(connected(server.url)) as line:
        for _ in range(2):
            line.sendall(
                b"POST /rooms/patience/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b'Content-Length: 10\r\n\r\n{"data'
            )
            time.sleep(SECONDS * 2)
            line.sendall(b'":1}')
            published = response(line)
            assert published.status == 201
            published.read()
            time.sleep(SECONDS * 2)
