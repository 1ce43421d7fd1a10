"""``flask --app server run``: the same application on threads, for development."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import websocket

from tests.support.processes import Server, eventually, start_threads
from tests.support.publishing import publish
from tests.support.streams import EventReader


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for this file."""
    server = start_threads()
    yield server
    server.stop()


def test_the_chat_and_what_it_needs_are_served(server: Server) -> None:
    page = requests.get(server.url, timeout=10)
    assert page.status_code == 200
    assert "/static/js/realtime.js" in page.text
    assert requests.get(server.url + "/static/js/realtime.js", timeout=10).status_code == 200


def test_what_is_published_reaches_subscribers(server: Server, room: str) -> None:
    with EventReader(server.url, room) as one, EventReader(server.url, room) as other:
        one.ready(), other.ready()
        ids = [publish(server.url, room, number) for number in range(20)]
        one.wait(20), other.wait(20)
        assert one.ids == other.ids == ids


def test_a_websocket_works_and_gets_what_was_published_over_http(server: Server, room: str) -> None:
    socket = websocket.create_connection(
        server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket", timeout=10
    )
    try:
        assert socket.recv().startswith('0{"sid"')
        socket.send("40")
        assert socket.recv().startswith('40{"sid"')
        socket.send(f'421["join",{{"room":"{room}"}}]')
        assert socket.recv().startswith('431[{"ok":true')
        id_ = publish(server.url, room, "over HTTP")
        assert socket.recv() == f'42["message","over HTTP","{id_}"]'
        with EventReader(server.url, room) as stream:
            stream.ready()
            socket.send(f'422["publish",{{"room":"{room}","data":"over WebSocket"}}]')
            stream.wait(1)
            assert stream.data == ["over WebSocket"]
    finally:
        socket.shutdown()


def test_it_does_without_gevent() -> None:
    server = start_threads(PYTHONVERBOSE="1")
    assert requests.get(server.url + "/healthz", timeout=10).status_code == 200
    server.popen.terminate()
    server.popen.wait(5)
    server.stop()
    assert "import 'flask'" in server.output
    assert "import 'gevent'" not in server.output


def test_it_stops_when_it_is_told_to_though_streams_are_open(room: str) -> None:
    server = start_threads()
    with EventReader(server.url, room) as stream:
        stream.ready()
        server.popen.terminate()
        server.popen.wait(5)
        eventually(lambda: stream.ended, what="the stream's end")
    server.stop()
    assert stream.ended
