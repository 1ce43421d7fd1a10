"""Behind HAProxy, configured as docs/guides/deployment.md says, in front of two processes."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import socketio

from tests.support.processes import ROOT, Process, Redis, eventually, free_port, is_open, program, running, start_gevent
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

GUIDE = (ROOT / "docs" / "guides" / "deployment.md").read_text("utf-8")
(CONFIGURATION,) = re.findall(r"### HAProxy\n+```text\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_redis: Redis) -> Iterator[str]:
    """The address of two processes on one Redis behind HAProxy."""
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": __name__, "REALTIME_HEARTBEAT": "1"}
    servers = start_gevent(**settings), start_gevent(**settings)
    port = free_port()
    configuration = CONFIGURATION
    for written, used in (
        ("bind :8080", f"bind 127.0.0.1:{port}"),
        ("127.0.0.1:5000", f"127.0.0.1:{servers[0].port}"),
        ("127.0.0.1:5001", f"127.0.0.1:{servers[1].port}"),
    ):
        assert written in configuration
        configuration = configuration.replace(written, used)
    file: Path = tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
    file.write_text(configuration, "utf-8")
    checked = subprocess.run([program("haproxy"), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    proxy = Process([program("haproxy"), "-db", "-f", str(file)], env={})
    with running(*servers, proxy):
        eventually(lambda: is_open(port), what="HAProxy's port")
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: requests.get(url + "/readyz", timeout=10).status_code == 200, what="a server behind it")
        yield url


def test_events_pass_at_once_and_silence_is_filled(site: str, room: str) -> None:
    with EventReader(site, room) as stream:
        stream.ready()
        for number in range(1, 6):
            published = time.monotonic()
            id_ = publish(site, room, number)
            stream.wait(number)
            assert time.monotonic() - published < 1
            assert stream.ids[-1] == id_
        eventually(lambda: stream.raw.endswith(b"\n\n:\n\n"), what="a heartbeat")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_socket_io_clients_stay_with_their_process(site: str, room: str, transport: str) -> None:
    with socketio.SimpleClient() as client:
        client.connect(site, transports=[transport])
        assert client.transport == transport
        assert client.call("join", {"room": room})["ok"]
        answer = client.call("publish", {"room": room, "data": 1})
        assert client.receive(timeout=5) == ["message", 1, answer["id"]]


def test_pages_through_it_are_of_the_servers_own_origin_and_others_are_not(site: str, room: str) -> None:
    for origin, status in ((site, 201), ("http://evil.com", 403)):
        said = requests.post(site + path(room), json={"data": 1}, headers={"Origin": origin}, timeout=10)
        assert said.status_code == status


def test_metrics_are_not_public(site: str) -> None:
    assert requests.get(site + "/metrics", timeout=10).status_code == 403
