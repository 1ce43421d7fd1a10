"""Behind nginx: with nothing but ``proxy_pass``, and with ``deploy/nginx.conf`` in front of two processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
import socketio

from tests.support.nginx import PLAIN, nginx
from tests.support.processes import (
    ROOT,
    Redis,
    Server,
    eventually,
    free_port,
    is_open,
    program,
    running,
    start_gevent,
)
from tests.support.publishing import path, publish
from tests.support.raw import RawRequest, events_target
from tests.support.streams import EventReader


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[str]:
    """An nginx that has only ``proxy_pass``: everything else as it comes, buffering and HTTP/1.0 to the server."""
    server = start_gevent()
    port = free_port()
    with nginx(tmp_path, PLAIN % {"port": port, "upstream": server.url}, port) as url:
        yield url
    server.stop()


def metrics(url: str) -> str:
    """What the server says of itself."""
    return requests.get(url + "/metrics", timeout=10).text


def test_events_pass_a_plain_nginx_at_once(plain: str, room: str) -> None:
    started = time.monotonic()
    with EventReader(plain, room) as stream:
        stream.ready()
        assert time.monotonic() - started < 2
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-cache, no-transform"
        for number in range(1, 6):
            published = time.monotonic()
            id_ = publish(plain, room, number)
            stream.wait(number)
            assert time.monotonic() - published < 1
            assert stream.ids[-1] == id_
        assert not stream.ended


def test_a_subscriber_that_leaves_through_nginx_is_forgotten(plain: str, room: str) -> None:
    with EventReader(plain, room) as stream:
        stream.ready()
        assert "realtime_rooms 1.0" in metrics(plain)
    # The server notices at its next write, if not before.
    eventually(lambda: publish(plain, room) and "realtime_rooms 0.0" in metrics(plain), what="nobody is left")


def test_a_long_poll_passes_a_plain_nginx(plain: str, room: str) -> None:
    cursor = publish(plain, room)
    answer = requests.get(plain + path(room), params={"after": cursor, "wait": "0.3"}, timeout=10)
    assert (answer.status_code, answer.json()["messages"]) == (200, [])


def test_the_configuration_is_right_as_it_stands(tmp_path: Path) -> None:
    file = ROOT / "deploy" / "nginx.conf"
    command = [program("nginx"), "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr
    assert "[warn]" not in done.stderr


class Site(NamedTuple):
    """Two processes on one Redis behind ``deploy/nginx.conf``."""

    url: str
    servers: tuple[Server, Server]


@contextmanager
def deployed(folder: Path, redis: Redis, namespace: str) -> Iterator[Site]:
    """A site as the configuration says, but on free ports."""
    settings = {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": namespace, "REALTIME_HEARTBEAT": "1"}
    servers = start_gevent(ACCESS_LOG="1", **settings), start_gevent(ACCESS_LOG="1", **settings)
    configuration = (ROOT / "deploy" / "nginx.conf").read_text()
    port = free_port()
    for written, used in (
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:5000", f"127.0.0.1:{servers[0].port}"),
        ("127.0.0.1:5001", f"127.0.0.1:{servers[1].port}"),
    ):
        assert written in configuration
        configuration = configuration.replace(written, used)
    with running(*servers), nginx(folder, configuration, port) as url:
        yield Site(url, servers)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_redis: Redis) -> Iterator[Site]:
    """One for this file: use rooms of your own and stop nothing."""
    with deployed(tmp_path_factory.mktemp("nginx"), shared_redis, __name__) as found:
        yield found


@pytest.fixture
def own_site(tmp_path: Path, shared_redis: Redis, namespace: str) -> Iterator[Site]:
    """One of the test's own."""
    with deployed(tmp_path, shared_redis, namespace) as found:
        yield found


def test_event_streams_and_publishers_on_any_process_see_one_order(site: Site, room: str) -> None:
    streams = [EventReader(site.url, room) for _ in range(4)]
    for stream in streams:
        stream.ready()
    ids = []
    for number in range(20):
        published = time.monotonic()
        ids.append(publish(site.url, room, number))
        for stream in streams:
            stream.wait(number + 1)
        assert time.monotonic() - published < 1
    for stream in streams:
        assert stream.ids == ids
        stream.close()
    for server in site.servers:
        eventually(lambda server=server: f"POST /rooms/{room}/messages" in server.output, what="work for each process")


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="+".join)
def test_people_chat_over_socket_io(site: Site, room: str, transports: list[str]) -> None:
    said: dict[str, list[tuple[object, str]]] = {"ann": [], "bob": []}
    clients = {name: socketio.Client(reconnection=False) for name in said}
    try:
        for name, client in clients.items():
            client.on("message", lambda data, id_, name=name: said[name].append((data, id_)))
            client.connect(site.url, transports=transports, wait_timeout=10)
            assert client.call("join", {"room": room}, timeout=10)["ok"] is True
        if "websocket" in transports:
            assert clients["ann"].transport() == "websocket"
        with EventReader(site.url, room) as stream:
            stream.ready()
            expected = []
            for number, client in enumerate(list(clients.values()) * 5):
                answer = client.call("publish", {"room": room, "data": number}, timeout=10)
                expected.append((number, answer["id"]))
            expected.append(("over HTTP", publish(site.url, room, "over HTTP")))
            stream.wait(11)
            eventually(lambda: all(len(heard) == 11 for heard in said.values()), what="all messages")
        assert said["ann"] == said["bob"] == expected
        assert stream.ids == [id_ for _, id_ in expected]
    finally:
        for client in clients.values():
            client.disconnect()


def test_a_page_through_the_proxy_is_of_the_servers_own_origin(site: Site, room: str) -> None:
    own = {"Origin": site.url}
    assert requests.post(site.url + path(room), json={"data": 1}, headers=own, timeout=10).status_code == 201
    polling = site.url + "/socket.io/?EIO=4&transport=polling"
    assert requests.get(polling, headers=own, timeout=10).status_code == 200
    foreign = {"Origin": "http://evil.com", "X-Forwarded-Host": "evil.com", "X-Forwarded-Proto": "http"}
    assert requests.post(site.url + path(room), json={"data": 1}, headers=foreign, timeout=10).status_code == 403
    assert requests.get(polling, headers=foreign, timeout=10).status_code == 403


def test_streams_move_to_the_other_process_when_one_stops(own_site: Site, room: str) -> None:
    seen: list[str] = []
    ids = [publish(own_site.url, room, number) for number in range(3)]
    cursor = ids[0]
    for stopping in (None, own_site.servers[0]):
        if stopping is not None:
            assert stopping.stop() == 0
            ids += [publish(own_site.url, room, number) for number in range(3)]
        with EventReader(own_site.url, room, headers={"Last-Event-ID": cursor}) as stream:
            assert stream.ready()["recovered"] is True
            stream.wait(len(ids) - 1 - len(seen))
            seen += stream.ids
            cursor = stream.ids[-1]
    assert seen == ids[1:]
    assert requests.get(own_site.url, timeout=10).status_code == 200


def test_its_refusals_look_like_the_servers(site: Site, room: str) -> None:
    answer = requests.post(site.url + path(room), json={"data": "x" * 2_000_000}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    answer = requests.post(site.url + path(room), json={"data": "x" * 500_000}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_event_streams_are_not_compressed_and_pages_are(site: Site, room: str) -> None:
    with RawRequest(site.url, events_target(room), headers={"Accept-Encoding": "gzip"}) as stream:
        assert "content-encoding" not in stream.read_head().lower()
        assert stream.read_block().startswith(b"retry: ")
    answer = requests.get(site.url + "/static/js/realtime.js", timeout=10)
    assert answer.headers["Content-Encoding"] == "gzip"


def test_the_commands_of_the_guide_check_start_and_stop_it(tmp_path: Path) -> None:
    guide = (ROOT / "deploy" / "README.md").read_text("utf-8")
    commands = [
        line.strip() for line in guide.splitlines() if line.startswith("    ") and "/tmp/realtime-nginx" in line
    ]
    port = free_port()
    file = tmp_path / "nginx.conf"
    file.write_text((ROOT / "deploy" / "nginx.conf").read_text().replace("listen 8080;", f"listen 127.0.0.1:{port};"))
    listening = (False, False, True, False)
    for command, open_ in zip(commands, listening, strict=True):
        used = command.replace("/tmp/realtime-nginx", str(tmp_path / "run")).replace(
            "$PWD/deploy/nginx.conf", str(file)
        )
        used = used.replace("nginx ", f"{program('nginx')} ", 1) if used.startswith("nginx") else used
        # Its output is not read: the started nginx would keep a pipe open.
        null = subprocess.DEVNULL
        done = subprocess.run(used, shell=True, stdout=null, stderr=null, timeout=30, check=False)
        assert done.returncode == 0, command
        eventually(lambda open_=open_: is_open(port) is open_, what=command)
