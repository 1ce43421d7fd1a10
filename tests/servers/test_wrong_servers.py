"""Servers that cannot serve streams say so, instead of standing still."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask

from realtime import Realtime
from tests.support.processes import (
    ROOT,
    Process,
    Redis,
    answers,
    clean_environment,
    eventually,
    free_port,
    is_open,
    running,
)

SHOP = """
from flask import Flask
from flask_socketio import SocketIO
from realtime import Realtime

app = Flask(__name__)
app.secret_key = "test"
socketio = SocketIO(app)
realtime = Realtime(app)
"""


@contextmanager
def serving(folder: Path, *command: str, port: int, **environment: str) -> Iterator[str]:
    """A program that serves on this port, for as long as the block lasts; its address."""
    environ = clean_environment() | {"PYTHONPATH": f"{folder}:{ROOT}", **environment}
    with subprocess.Popen([sys.executable, *command], cwd=folder, env=environ, stderr=subprocess.DEVNULL) as program:
        try:
            eventually(lambda: is_open(port), within=20, what="the server")
            yield f"http://127.0.0.1:{port}"
        finally:
            program.kill()


def refused(url: str) -> str:
    answer = requests.get(f"{url}/events?room=lobby", timeout=5, stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "config")
    message: str = answer.json()["error"]["message"]
    return message


def gunicorn(port: int) -> tuple[str, ...]:
    return "-m", "gunicorn", "--no-control-socket", "--workers", "1", "--bind", f"127.0.0.1:{port}", "shop:app"


def flask_run(port: int) -> tuple[str, ...]:
    return "-m", "flask", "--app", "shop", "run", "--without-threads", "--port", str(port)


@pytest.mark.parametrize("command", [gunicorn, flask_run])
def test_one_that_answers_one_request_at_a_time_refuses_streams_and_goes_on(
    tmp_path: Path, command: Callable[[int], tuple[str, ...]]
) -> None:
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")
    port = free_port()
    with serving(tmp_path, *command(port), port=port, REALTIME_BUS_URL="memory://") as url:
        assert "one request at a time" in refused(url)
        # What ends by itself is served: a post, a long poll, and a stream that ends with the first news.
        assert requests.post(f"{url}/rooms/lobby/messages", json={"data": 1}, timeout=5).status_code == 201
        assert requests.get(f"{url}/rooms/lobby/messages?wait=1", timeout=5).json()["messages"]
        assert "realtime.ready" in requests.get(f"{url}/events?room=lobby&wait=0.2", timeout=5).text


def test_gevent_that_is_not_patched_refuses_to_serve_redis_and_goes_on(
    tmp_path: Path, shared_redis: Redis, namespace: str
) -> None:
    port = free_port()
    run = f'\nif __name__ == "__main__":\n    socketio.run(app, port={port})\n'
    (tmp_path / "shop.py").write_text(SHOP + run, "utf-8")
    bus = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    with serving(tmp_path, "shop.py", port=port, **bus) as url:
        assert "monkey.patch_all()" in refused(url)
        assert requests.post(f"{url}/rooms/lobby/messages", json={"data": 1}, timeout=5).status_code == 500
        assert requests.get(f"{url}/healthz", timeout=5).status_code == 200


def test_a_script_of_the_same_application_is_told_so_too(tmp_path: Path, shared_redis: Redis, namespace: str) -> None:
    environ = clean_environment() | {"PYTHONPATH": str(ROOT)}
    environ |= {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    script = [sys.executable, "-c", SHOP + '\nrealtime.publish("lobby", 1)\n']
    done = subprocess.run(script, env=environ, cwd=tmp_path, timeout=20, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "a script that only publishes takes a Publisher" in done.stderr


def workers(kind: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", kind, "--workers", "2"]
    return [*command, "--threads", "4", "--bind", f"127.0.0.1:{port}", "shop:app"]


@pytest.mark.parametrize("kind", ["realtime.serve.worker.Worker", "gthread"])
def test_several_workers_with_a_log_each_refuse_what_would_be_lost(tmp_path: Path, kind: str) -> None:
    """Half of what is published would never reach half of those who listen."""
    publishing = (
        "\nrealtime.publish('lobby', 'from outside of a request')\n@app.get('/plain')\ndef plain(): return 'ok'\n"
    )
    (tmp_path / "shop.py").write_text(SHOP + publishing, "utf-8")
    port = free_port()
    environ = clean_environment(PYTHONPATH=f"{tmp_path}:{ROOT}", REALTIME_BUS_URL="memory://")
    server = Process(workers(kind, port), env=environ, cwd=tmp_path)
    with running(server):
        eventually(lambda: answers(port), within=30, what="the server")
        url = f"http://127.0.0.1:{port}"
        assert "Set REALTIME_BUS_URL=redis://" in refused(url)
        answer = requests.post(f"{url}/rooms/lobby/messages", json={"data": 1}, timeout=15)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "config")
        ready = requests.get(f"{url}/readyz", timeout=15)
        assert (ready.status_code, ready.json()) == (503, {"status": "config"})
        assert requests.get(f"{url}/plain", timeout=15).text == "ok"
        if kind != "gthread":
            # Its own worker says so at once, the first of them for all.
            server.until(r"\[ERROR\] REALTIME_BUS_URL is memory://")


def test_one_process_or_a_server_that_is_not_sure_serves_memory(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("shop")
    realtime = Realtime(app)
    client = app.test_client()
    adapter = {"SERVER_SOFTWARE": "adapter", "wsgi.multiprocess": True}
    for _ in range(2):
        posted = client.post("/rooms/lobby/messages", json={"data": 1}, environ_overrides=adapter)
        assert posted.status_code == 201
    assert [one.getMessage()[:60] for one in caplog.records if "memory://" in one.getMessage()] == [
        "REALTIME_BUS_URL is memory://, but adapter serves with sever"
    ]
    for name in ("gunicorn/27.0", "gevent/26.9 gunicorn/27.0", "Werkzeug/3.1"):
        sure = {"SERVER_SOFTWARE": name, "wsgi.multiprocess": True}
        other = Flask("other")
        Realtime(other)
        answer = other.test_client().post("/rooms/lobby/messages", json={"data": 1}, environ_overrides=sure)
        assert (answer.status_code, answer.json["error"]["code"]) == (500, "config")
    gunicorn = {"SERVER_SOFTWARE": "gunicorn/27.0", "wsgi.multiprocess": False}
    again = client.post("/rooms/lobby/messages", json={"data": 1}, environ_overrides=gunicorn)
    assert again.status_code == 201
    assert realtime.history("lobby").messages
