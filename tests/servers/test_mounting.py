"""Servers of applications below a path: told of it by ``SCRIPT_NAME``, or serving a dispatcher in which they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import requests
import websocket
from flask import Flask, current_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from realtime import ConfigError, Realtime
from realtime.serve.mounting import mount_point, mounted, states
from tests.hostile.lines import connected, response
from tests.support.processes import (
    GUNICORN,
    ROOT,
    Process,
    Server,
    clean_environment,
    eventually,
    free_port,
    running,
    start_gevent,
    start_gunicorn,
)
from tests.support.publishing import publish
from tests.support.streams import EventReader

WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
MOUNTED = "tests.apps.mounted_app"
STARTS = pytest.mark.parametrize("start", [start_gevent, start_gunicorn], ids=["server.py", "gunicorn"])


def ends_in_time(server: Server) -> None:
    """Tell it to stop, and wait."""
    server.popen.terminate()
    eventually(lambda: server.popen.poll() is not None, within=5, what="the end of the program")


def everything_works(base: str, room: str) -> EventReader:
    """A WebSocket and an event stream get what is published; the stream is still open."""
    stream = EventReader(base, room)
    stream.ready()
    with closing(websocket.create_connection(base.replace("http", "ws") + WEBSOCKET, timeout=10)) as chat:
        assert chat.recv().startswith('0{"sid"')
        chat.send("40")
        assert chat.recv().startswith('40{"sid"')
        chat.send(f'421["join",{{"room":"{room}"}}]')
        assert chat.recv().startswith('431[{"ok":true')
        id_ = publish(base, room, "hi")
        assert chat.recv() == f'42["message","hi","{id_}"]'
    stream.wait(1)
    assert stream.ids == [id_]
    return stream


@STARTS
def test_a_server_that_is_told_its_path_serves_what_is_below_it_and_nothing_else(
    start: Callable[..., Server], room: str
) -> None:
    with running(server := start(SCRIPT_NAME="/live/chat/")):
        root = server.url.removesuffix("/live/chat")
        base = f"{root}/live/chat"
        stream = everything_works(base, room)
        assert 'data-realtime-url="/live/chat"' in requests.get(base, timeout=10).text
        made = requests.post(f"{base}/invitations", json={}, timeout=10)
        assert "; Path=/live/chat;" in f"{made.headers['Set-Cookie']};"
        for outside in ("/", "/healthz", "/live", "/live/chatter", "/events?room=a", WEBSOCKET):
            assert requests.get(root + outside, timeout=10).status_code == 404, outside
        ends_in_time(server)
        eventually(lambda: stream.ended, what="the stream's end")
        assert stream.events[-1].event == "realtime.closing"


@pytest.mark.parametrize(
    "bad", ["live", "/live?a", "//live", "/a//b", "/a b", "/a\\b", "/a\n", "http://example.com/live"]
)
def test_what_is_no_path_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError) as refused:
        mount_point({"SCRIPT_NAME": bad})
    said = f"SCRIPT_NAME is {bad!r}; allowed is a path such as /shop, or nothing for the root"
    assert refused.value.message == said


def test_a_server_with_a_bad_path_says_so_and_does_not_start() -> None:
    command, env = [sys.executable, "server.py"], clean_environment(SCRIPT_NAME="live", PORT="0")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("configuration: SCRIPT_NAME is 'live'; allowed is a path")


class Endless:
    """Something that has whatever it is asked for, for ever."""

    def __getattr__(self, name: str) -> Endless:
        return Endless()


def test_applications_are_found_in_whatever_is_around_them() -> None:
    front, shop, team = (Flask(name) for name in ("front", "shop", "team"))
    for app in (front, shop, team):
        Realtime(app)
    found = [app.extensions["realtime"] for app in (front, shop, team)]
    front.wsgi_app = DispatcherMiddleware(front.wsgi_app, {"/shop": shop, "/team": ProxyFix(team.wsgi_app)})  # type: ignore[method-assign]
    for served in (front, front.wsgi_app, ProxyFix(front), mounted(ProxyFix(front.wsgi_app), "/below")):
        assert sorted(map(id, states(served))) == sorted(map(id, found))
    assert next(states(front)) is found[0]
    for other in (None, Flask("other"), lambda _environ, _start: [], ProxyFix(current_app), Endless()):
        assert list(states(other)) == []


def test_gunicorn_says_so_too() -> None:
    command = [*GUNICORN, "--bind", f"127.0.0.1:{free_port()}", "server:app"]
    process = Process(command, env=clean_environment(SCRIPT_NAME="live"))
    with running(process):
        process.until("configuration: SCRIPT_NAME is 'live'; allowed is a path such as /shop, or nothing for the root")
        eventually(lambda: process.popen.poll() is not None, what="the end of the program")


@pytest.fixture(scope="module")
def dispatcher() -> Iterator[Server]:
    """gunicorn with a dispatcher, in which two applications of ours are."""
    with running(server := start_gunicorn(MOUNTED, REALTIME_HEAD_TIMEOUT="0.5")):
        yield server


def test_an_application_in_a_dispatcher_is_told_when_its_server_stops(room: str) -> None:
    with running(server := start_gunicorn(MOUNTED)):
        streams = [everything_works(f"{server.url}/{name}", room) for name in ("shop", "team")]
        assert requests.get(server.url, timeout=10).text == "the front"
        ends_in_time(server)
        for stream in streams:
            eventually(lambda stream=stream: stream.ended, what="the stream's end")  # type: ignore[misc]
            assert stream.events[-1].event == "realtime.closing"


def test_its_settings_hold_for_its_server(dispatcher: Server) -> None:
    with closing(connected(dispatcher.url)) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        assert response(line).status == 408
