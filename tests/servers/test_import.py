"""Importing ``realtime`` patches nothing, opens nothing, starts nothing; ``Publisher`` needs no framework."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from realtime import ConfigError, Publisher
from tests.support.processes import ROOT, Redis, clean_environment, running, start_gevent
from tests.support.streams import EventReader

LOOK = """
import gc, json, os, signal, socket, sys, threading, time
files, create, sleep = set(os.listdir("/proc/self/fd")), socket.socket, time.sleep
handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
STATEMENT
print(json.dumps({
    "threads": [thread.name for thread in threading.enumerate()],
    "sockets": [repr(one) for one in gc.get_objects() if isinstance(one, socket.socket)],
    "files": len(set(os.listdir("/proc/self/fd")) - files),
    "patched": socket.socket is not create or time.sleep is not sleep,
    "handled": handlers != [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    "modules": sorted(name for name in sys.modules if "." not in name),
}))
"""


def run(script: str, **settings: str) -> str:
    """Run a script with the package on its path; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=clean_environment(PYTHONPATH=str(ROOT), **settings),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import realtime", {"gevent", "flask", "socketio", "redis", "werkzeug"}),
        ("from realtime import Publisher, Message, Position", {"gevent", "flask", "socketio", "redis"}),
        ("from realtime import Realtime; realtime = Realtime()", {"gevent", "geventwebsocket"}),
        ("from flask import Flask; from realtime import Realtime; Realtime(Flask('x'))", {"gevent"}),
        (
            "from flask import Flask; from realtime import Realtime; app = Flask('x')\n"
            "app.config['REALTIME_BUS_URL'] = 'redis://127.0.0.1:1'; Realtime(app)",
            {"gevent"},
        ),
    ],
)
def test_importing_and_setting_up_does_nothing(statement: str, absent: set[str]) -> None:
    seen = json.loads(run(LOOK.replace("STATEMENT", statement)))
    assert seen["threads"] == ["MainThread"]
    assert seen["sockets"] == []
    assert seen["files"] == 0
    assert seen["patched"] is False
    assert seen["handled"] is False
    assert absent.isdisjoint(seen["modules"])


PUBLISH = """
import sys
from realtime import Publisher
with Publisher(URL, namespace=NAMESPACE) as publisher:
    print(publisher.publish(ROOM, {"from": "a script"}))
    print(publisher.publish(ROOM, 2, event="other", key="k"))
    print(publisher.publish(ROOM, 2, event="other", key="k"))
assert not {"flask", "gevent", "socketio", "werkzeug"} & set(sys.modules)
"""


@pytest.fixture
def settings(shared_redis: Redis, namespace: str) -> dict[str, str]:
    """A log that two processes share."""
    return {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}


@pytest.mark.parametrize("told_by", ["arguments", "environment"])
def test_a_plain_script_publishes_to_the_applications_subscribers(
    settings: dict[str, str], room: str, told_by: str
) -> None:
    if told_by == "environment":
        values, environment = {"URL": None, "NAMESPACE": None}, settings
    else:
        values, environment = {"URL": settings["REALTIME_BUS_URL"], "NAMESPACE": settings["REALTIME_NAMESPACE"]}, {}
    head = "".join(f"{name} = {value!r}\n" for name, value in {**values, "ROOM": room}.items())
    server = start_gevent(**settings)
    with running(server), EventReader(server.url, room) as stream:
        stream.ready()
        first, second, again = run(head + PUBLISH, **environment).split()
        stream.wait(2)
        assert stream.ids == [first, second]
        assert [event.event for event in stream.messages] == ["message", "other"]
        assert stream.data == [{"from": "a script"}, 2]
        assert again == second


def test_a_publisher_on_memory_is_a_mistake_that_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("REALTIME_BUS_URL", raising=False)
    for url in (None, "memory://"):
        with pytest.raises(ConfigError, match=r"memory://.*one process.*redis://"):
            Publisher(url)


def test_a_publisher_without_its_redis_says_so_within_bounded_time() -> None:
    script = """
import time
from realtime import BusUnavailable, Publisher
started = time.monotonic()
try:
    Publisher("redis://127.0.0.1:1").publish("room", 1)
except BusUnavailable:
    print(time.monotonic() - started)
"""
    assert 0.3 < float(run(script, REALTIME_PUBLISH_TIMEOUT="0.5")) < 3
