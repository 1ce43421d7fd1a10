"""A WebSocket of the application's own, beside Socket.IO: it is still given gevent-websocket's object by the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
import websocket

from tests.support.processes import Server, start_gevent, start_gunicorn

APP = "tests.apps.websocket_app"


@pytest.fixture(scope="module", params=[start_gevent, start_gunicorn], ids=["gevent", "gunicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server that has the project's request handler."""
    server: Server = request.param(APP)
    yield server
    server.stop()


def test_it_is_answered_when_the_application_takes_it(server: Server) -> None:
    with closing(websocket.create_connection(server.url.replace("http", "ws") + "/echo", timeout=10)) as echo:
        for text in ("a", "\u00e9" * 1000):
            echo.send(text)
            assert echo.recv() == text


def test_the_application_may_refuse_it_with_a_response(server: Server) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(server.url.replace("http", "ws") + "/refuse", timeout=10)
    assert refused.value.status_code == 403
    # WSGI's close() of the refusing response was called.
    assert requests.get(server.url + "/closed", timeout=10).text == "1"
