"""gunicorn with the project's worker, alone and as the Procfile starts it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
import websocket

from tests.support.processes import (
    ROOT,
    Process,
    Redis,
    Server,
    clean_environment,
    eventually,
    free_port,
    is_open,
    start_gunicorn,
)
from tests.support.publishing import path, publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader

WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


@pytest.fixture
def server() -> Iterator[Server]:
    """One of the test's own, with an access log."""
    server = start_gunicorn("server", "--access-logfile", "-")
    yield server
    server.stop()


def ended(process: Process, *, within: float) -> int:
    """Wait for the program's end; its exit status."""
    eventually(lambda: process.popen.poll() is not None, within=within, what="the end of the program")
    return process.stop()


def test_publishing_streams_and_websockets_work(server: Server, room: str) -> None:
    chat = websocket.create_connection(server.url.replace("http", "ws") + WEBSOCKET, timeout=10)
    with closing(chat), EventReader(server.url, room) as stream:
        stream.ready()
        assert chat.recv().startswith('0{"sid"')
        chat.send("40")
        assert chat.recv().startswith('40{"sid"')
        chat.send(f'421["join",{{"room":"{room}"}}]')
        assert chat.recv().startswith('431[{"ok":true')
        id_ = publish(server.url, room, "hi")
        stream.wait(1)
        assert stream.ids == [id_]
        assert chat.recv() == f'42["message","hi","{id_}"]'


def test_the_access_log_has_a_line_for_every_kind_of_request(server: Server, room: str) -> None:
    publish(server.url, room)
    requests.get(server.url + "/nothing", timeout=10)
    chat = websocket.create_connection(server.url.replace("http", "ws") + WEBSOCKET, timeout=10)
    assert chat.recv().startswith('0{"sid"')
    chat.close()
    for line in (
        f'"POST /rooms/{room}/messages HTTP/1.1" 201 ',
        '"GET /nothing HTTP/1.1" 404 ',
        f'"GET {WEBSOCKET} HTTP/1.1" 101 ',
    ):
        eventually(lambda line=line: line in server.output, what=line)
        assert server.output.count(line) == 1


def test_it_ends_streams_at_once_and_stops_gracefully(server: Server, room: str) -> None:
    chat = websocket.create_connection(server.url.replace("http", "ws") + WEBSOCKET, timeout=10)
    with EventReader(server.url, room) as stream:
        stream.ready()
        assert chat.recv().startswith('0{"sid"')
        server.signal(signal.SIGTERM)
        eventually(lambda: stream.ended, within=2, what="the stream's end")
        assert ended(server, within=6) == 0
    chat.shutdown()
    assert "Traceback" not in server.output
    assert "graceful timeout" not in server.output


def test_a_stream_that_is_asked_for_while_it_goes_ends_properly(server: Server, room: str) -> None:
    with EventReader(server.url, room) as stream:
        stream.ready()
        server.signal(signal.SIGTERM)
        eventually(lambda: stream.ended, within=2, what="the stream's end")
    # The worker still accepts for a moment. An empty answer would be an error, which ends an EventSource for good.
    while True:
        try:
            with RawRequest(server.url, events_target(room)) as late:
                late.read_head()
                assert late.status == 200
                assert late.read_rest().endswith(b"\r\n0\r\n\r\n")
        except (ConnectionRefusedError, ConnectionResetError):
            break
    assert ended(server, within=8) == 0


def test_a_publish_that_is_under_way_is_answered(server: Server, room: str) -> None:
    body = json.dumps({"data": "x" * 1000}).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Expect": "100-continue"}
    with RawRequest(server.url, path(room), method="POST", headers=headers) as request:
        assert request.read_head().startswith("HTTP/1.1 100 ")
        request.send(body[:100])
        server.signal(signal.SIGTERM)
        eventually(lambda: not is_open(server.port), what="nobody new is let in")
        request.send(body[100:])
        request.read_head()
        assert request.status == 201
    assert ended(server, within=8) == 0


def test_being_stopped_while_it_loads_is_no_failure(tmp_path: Path) -> None:
    slow = "import time\nprint('loading', flush=True)\ntime.sleep(1)\nfrom server import app\n"
    (tmp_path / "slow_server.py").write_text(slow)
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{free_port()}"]
    command += ["--worker-class", "realtime.serve.worker.Worker", "slow_server:app"]
    process = Process(command, env=clean_environment(PYTHONPATH=f"{tmp_path}:{ROOT}"))
    process.until("loading")
    assert process.stop() == 0
    assert "Traceback" not in process.output


def test_two_workers_share_one_log_on_redis(shared_redis: Redis, namespace: str, room: str) -> None:
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    server = start_gunicorn("server", "--workers", "2", **settings)
    try:
        streams = [EventReader(server.url, room) for _ in range(8)]
        for stream in streams:
            stream.ready()
        ids = [publish(server.url, room, number) for number in range(50)]
        for stream in streams:
            stream.wait(50)
            assert stream.ids == ids
            stream.close()
    finally:
        assert server.stop() == 0


@pytest.fixture
def procfile(tmp_path: Path) -> Iterator[Server]:
    """What a platform starts: the Procfile, by honcho, with PORT set."""
    port = free_port()
    programs = Path(sys.executable).parent
    environment = clean_environment(
        PORT=str(port),
        PATH=f"{programs}:{os.environ['PATH']}",
        GUNICORN_CMD_ARGS="--access-logfile -",
    )
    server = Server([str(programs / "honcho"), "start", "web"], env=environment)
    server.url = f"http://127.0.0.1:{port}"
    server.until("Booting worker")
    eventually(lambda: is_open(port), within=30, what="the port")
    yield server
    server.stop()


def test_the_procfile_starts_it_on_the_port_that_the_platform_names(procfile: Server, room: str) -> None:
    with EventReader(procfile.url, room) as stream:
        stream.ready()
        id_ = publish(procfile.url, room)
        stream.wait(1)
        assert stream.ids == [id_]
    assert requests.get(procfile.url + "/readyz", timeout=10).status_code == 200
    eventually(lambda: f"POST /rooms/{room}/messages" in procfile.output, what="the access log")


def test_the_procfile_stops_gracefully(procfile: Server, room: str) -> None:
    with EventReader(procfile.url, room) as stream:
        stream.ready()
        started = time.monotonic()
        procfile.signal(signal.SIGTERM)
        eventually(lambda: stream.ended, within=5, what="the stream's end")
        eventually(lambda: procfile.popen.poll() is not None, what="the end of the program")
        assert time.monotonic() - started < 8
    assert not is_open(procfile.port)
    assert "Shutting down: Master" in procfile.output
    assert "Traceback" not in procfile.output
