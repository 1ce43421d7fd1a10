"""``python server.py``: how it announces itself, what it writes, and how it stops."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from statistics import median

import pytest
import requests
import websocket

from tests.support.processes import ROOT, Server, clean_environment, eventually, free_port, is_open, start_gevent
from tests.support.publishing import path, publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own."""
    server = start_gevent(ACCESS_LOG="1")
    yield server
    server.stop()


def gone(server: Server, *, within: float = 5) -> int:
    """Wait for the program's end; its exit status."""
    eventually(lambda: server.popen.poll() is not None, within=within, what="the end of the program")
    return server.stop()


def output_of_failing(**settings: str) -> tuple[int, list[str]]:
    """Exit status and lines of a server that cannot start."""
    done = subprocess.run(
        [sys.executable, "server.py"],
        env=clean_environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_it_says_where_it_listens_in_one_line(server: Server) -> None:
    assert [line for line in server.lines if "Listening on" in line] == [f"Listening on {server.url}"]
    assert server.url.startswith("http://127.0.0.1:")
    assert requests.get(server.url, timeout=10).status_code == 200


def test_it_listens_on_the_port_and_host_that_it_is_told() -> None:
    port = free_port()
    server = start_gevent(HOST="::1", PORT=str(port))
    assert server.url == f"http://[::1]:{port}"
    with closing(socket.create_connection(("::1", port), timeout=5)):
        pass
    assert server.stop() == 0


def test_a_port_in_use_is_said_in_one_line(server: Server) -> None:
    status, lines = output_of_failing(PORT=str(server.port))
    assert status != 0
    assert len(lines) == 1
    assert lines[0].startswith(f"cannot listen on 127.0.0.1:{server.port}: Address already in use")
    assert lines[0].endswith("set HOST and PORT")


def test_a_host_that_is_not_here_is_said_in_one_line() -> None:
    status, lines = output_of_failing(HOST="203.0.113.1", PORT="0")
    assert status != 0
    assert len(lines) == 1
    assert lines[0].startswith("cannot listen on 203.0.113.1:0: ")


@SIGNALS
def test_it_ends_streams_and_sockets_and_exits_cleanly(server: Server, room: str, number: signal.Signals) -> None:
    base = server.url
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    kept = requests.Session()
    assert kept.get(base + "/healthz", timeout=5).status_code == 200
    chat = websocket.create_connection(base.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket", timeout=5)
    polled = requests.get(base + "/socket.io/?EIO=4&transport=polling", timeout=5)
    with closing(idle), kept, EventReader(base, room) as stream, EventReader(base, room, history=3) as other:
        stream.ready(), other.ready()
        assert chat.recv().startswith('0{"sid"')
        assert polled.text.startswith('0{"sid"')
        started = time.monotonic()
        server.signal(number)
        assert gone(server) == 0
        assert time.monotonic() - started < 5
        eventually(lambda: stream.ended and other.ended, what="the streams' end")
        assert _hung_up(chat)
    assert "Traceback" not in server.output


def test_a_stream_ends_cleanly_so_that_its_client_knows_that_all_came(server: Server, room: str) -> None:
    with RawRequest(server.url, events_target(room)) as stream:
        stream.read_opening()
        last = publish(server.url, room, "last")
        server.signal(signal.SIGTERM)
        rest = stream.read_rest()
        assert f'id: {last}\nevent: message\ndata: "last"\n\n'.encode() in rest
        if "chunked" in stream.head:
            assert rest.endswith(b"0\r\n\r\n")
    assert gone(server) == 0


@SIGNALS
def test_a_publish_that_is_under_way_is_answered(server: Server, room: str, number: signal.Signals) -> None:
    body = json.dumps({"data": "x" * 1000}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        # The server says when it has begun to read the body.
        "Expect": "100-continue",
    }
    with RawRequest(server.url, path(room), method="POST", headers=headers) as request:
        assert request.read_head().startswith("HTTP/1.1 100 ")
        request.send(body[:100])
        server.signal(number)
        eventually(lambda: not is_open(server.port), what="nobody new is let in")
        assert server.popen.poll() is None
        request.send(body[100:])
        request.read_head()
        assert request.status == 201
        assert set(json.loads(request.read_body())) == {"id"}
    assert gone(server) == 0


def test_a_client_that_reads_nothing_does_not_hold_up_the_end_for_ever(server: Server, room: str) -> None:
    with RawRequest(server.url, events_target(room), receive_buffer=4096) as reader:
        reader.read_opening()
        for _ in range(200):
            publish(server.url, room, "x" * 40_000)
        server.signal(signal.SIGTERM)
        assert gone(server, within=8) == 0


def test_the_access_log_has_a_line_a_request_and_only_when_it_is_asked_for(server: Server, room: str) -> None:
    publish(server.url, room)
    requests.get(server.url + "/healthz", timeout=10)
    eventually(lambda: f'"POST /rooms/{room}/messages HTTP/1.1" 201 ' in server.output, what="the publish in the log")
    eventually(lambda: '"GET /healthz HTTP/1.1" 200 ' in server.output, what="the health check in the log")
    quiet = start_gevent()
    requests.get(quiet.url + "/healthz", timeout=10)
    assert quiet.stop() == 0
    assert "healthz" not in quiet.output


def test_a_websocket_is_in_the_access_log_too(server: Server) -> None:
    chat = websocket.create_connection(server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket")
    assert chat.recv().startswith('0{"sid"')
    chat.close()
    eventually(lambda: '"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1" 101 ' in server.output, what="its line")


def test_small_answers_on_a_kept_alive_connection_do_not_wait_for_acknowledgements(server: Server, room: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    times = []
    with closing(connection):
        for _ in range(25):
            started = time.monotonic()
            connection.request("POST", path(room), b'{"data": 1}', {"Content-Type": "application/json"})
            assert connection.getresponse().read()
            times.append(time.monotonic() - started)
    # Where the second packet of an answer waits for the client's acknowledgement, each takes 40 ms or more.
    assert median(times) < 0.03


def _hung_up(connection: websocket.WebSocket) -> bool:
    try:
        while connection.recv():
            pass
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return True
    finally:
        connection.shutdown()
    return True
