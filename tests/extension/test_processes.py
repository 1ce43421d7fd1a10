"""Forks and reloads: a process follows the log from its first use on, by itself, whatever it was forked from."""

from __future__ import annotations

import subprocess
import sys
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
    running,
    start_gunicorn,
)
from tests.support.publishing import publish
from tests.support.streams import EventReader

FORK = """
import os
from flask import Flask
from realtime import ConfigError, Realtime, testing
from realtime.signals import connection_closed

app = Flask("application")
realtime = Realtime(app)
realtime.publish("lobby", "before")
gone = []


@connection_closed.connect_via(app)
def closed(sender, transport, **about):
    gone.append(transport)


def child():
    realtime.history("lobby")
    state = app.extensions["realtime"]
    assert (gone, len(state.socketio.server.eio.sockets)) == ([], 0)
    with testing.subscribe(app, "lobby", "other") as mine:
        realtime.publish("lobby", "from the child")
        assert mine.expect(timeout=5).data == "from the child"
        assert len(state.hub.connections) == 1
    state.close()


with (
    testing.subscribe(app, "lobby") as reader,
    testing.subscribe(app, "lobby", transport="socketio") as socket,
):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
        except ConfigError as exc:
            print(exc, flush=True)
            status = 2
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    if app.extensions["realtime"].bus.shared:
        reader.expect(data="from the child", timeout=5)
    realtime.publish("lobby", "from the parent")
    reader.expect(data="from the parent", timeout=5)
    socket.expect(data="from the parent", skip_others=True, timeout=5)
    assert gone == []
    print([one.data for one in realtime.history("lobby").messages], flush=True)
"""


def forked(**settings: str) -> list[str]:
    """Run that script; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:.*multi-threaded:DeprecationWarning", "-c", FORK],
        env=clean_environment(PYTHONPATH=str(ROOT), **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


WRITING = """
import os, threading
from realtime.concurrency import Threads
from realtime.web.behind import Behind

begun, parent, written = threading.Event(), os.getpid(), []


def write(batch):
    if os.getpid() == parent:
        begun.set()
        threading.Event().wait()
    written.append(dict(batch))


behind = Behind(write, concurrency=Threads(), name="writing")
behind.put("parents", 1)
begun.wait()
behind.put("parents too", 2)
pid = os.fork()
if pid == 0:
    behind.put("own", 3)
    behind.close()
    os._exit(written != [{"own": 3}])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
os._exit(0)
"""


def test_a_child_of_a_process_that_is_just_writing_waits_for_nobody_and_writes_its_own() -> None:
    command = [sys.executable, "-c", WRITING]
    env = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0\n", done.stderr


def test_a_child_of_a_following_process_follows_by_itself(shared_redis: Redis, namespace: str) -> None:
    status, history = forked(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    assert status == "0"
    assert history == "['before', 'from the child', 'from the parent']"


def test_a_child_on_memory_is_told_that_nobody_would_hear_it() -> None:
    said, status, history = forked(REALTIME_BUS_URL="memory://")
    assert "was forked from the one that serves memory://" in said
    assert (status, history) == ("2", "['before', 'from the parent']")


PRELOADED = """
from flask import Flask
from realtime import Realtime

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
realtime = Realtime(app)
realtime.publish("seed", "while it was loaded")


@app.get("/mode")
def mode():
    return app.extensions["realtime"].concurrency.mode
"""


@pytest.mark.parametrize("bus", ["memory", "redis"])
def test_gunicorn_may_load_the_application_before_it_forks(
    bus: str, tmp_path: Path, shared_redis: Redis, namespace: str, room: str
) -> None:
    (tmp_path / "preloaded.py").write_text(PRELOADED, "utf-8")
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace} if bus == "redis" else {}
    server = start_gunicorn("preloaded", "--preload", "--pythonpath", str(tmp_path), **settings)
    with running(server):
        assert requests.get(server.url + "/mode", timeout=10).text == "gevent"
        seeded = requests.get(server.url + "/rooms/seed/messages", timeout=10).json()["messages"]
        assert [one["data"] for one in seeded] == ["while it was loaded"]
        chat = websocket.create_connection(
            server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket", timeout=10
        )
        assert chat.recv().startswith('0{"sid"')
        chat.send("40")
        assert chat.recv().startswith('40{"sid"')
        chat.send(f'421["join",{{"room":"{room}"}}]')
        assert chat.recv().startswith('431[{"ok":true')
        with EventReader(server.url, room) as stream:
            stream.ready()
            id_ = publish(server.url, room, "hi")
            stream.wait(1)
            assert stream.ids == [id_]
        assert chat.recv() == f'42["message","hi","{id_}"]'
        chat.close()
    assert "MonkeyPatchWarning" not in server.output
    assert "Traceback" not in server.output, server.output


RELOADED = """
from flask import Flask
from realtime import Realtime

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
realtime = Realtime(app)


@app.get("/")
def version():
    return "VERSION"
"""


def test_under_the_reloader_and_the_debugger(tmp_path: Path, own_redis: Redis, room: str) -> None:
    file = tmp_path / "reloaded.py"
    file.write_text(RELOADED.replace("VERSION", "first"), "utf-8")
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "reloaded", "run", "--debug", "--port", str(port)]
    server = Server(command, env=clean_environment(PYTHONPATH=str(ROOT), REALTIME_BUS_URL=own_redis.url), cwd=tmp_path)
    server.url = f"http://127.0.0.1:{port}"
    with running(server):
        server.until("Debugger PIN")
        eventually(lambda: shown(server) == "first", what="the first version")
        with EventReader(server.url, room) as stream:
            stream.ready()
            first = publish(server.url, room, 1)
            stream.wait(1)
            file.write_text(RELOADED.replace("VERSION", "second!"), "utf-8")
            eventually(lambda: shown(server) == "second!", within=20, what="the second version")
        with EventReader(server.url, room, headers={"Last-Event-ID": first}) as stream:
            assert stream.ready()["recovered"] is True
            second = publish(server.url, room, 2)
            stream.wait(1)
            assert stream.ids == [second]
    assert "Traceback" not in server.output, server.output


def shown(server: Process) -> str | None:
    """The page, while there is one."""
    assert isinstance(server, Server)
    try:
        return requests.get(server.url, timeout=10).text
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return None  # The one that goes may break off while it answers.
