"""A small application whose rules a test declares, with a client on each of its doors, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from realtime import Realtime, RealtimeError

Publish = Callable[..., dict[str, Any]]


class Application:
    """A Flask application with Realtime, not a Realtime one before it is asked for."""

    def __init__(self, **config: Any) -> None:
        self.realtime = Realtime()
        self.app = Flask("shop")
        self.app.config.update(SECRET_KEY="test", **config)
        self._started = False

    def start(self) -> Application:
        """Put Realtime into the application, once."""
        if not self._started:
            self._started = True
            self.realtime.init_app(self.app)
        return self

    def log(self, room: str = "lobby") -> list[tuple[str, Any]]:
        """What was published to a room: event and data."""
        with self.app.app_context():
            return [(one.event, one.data) for one in self.realtime.history(room).messages]

    def by_http(self, room: str = "lobby", **body: Any) -> dict[str, Any]:
        """Publish by POST: ``{"id"}`` or ``{"status", "error"}``."""
        answer = self.start().app.test_client().post(f"/rooms/{room}/messages", json=body)
        return answer.json if answer.status_code < 300 else {"status": answer.status_code, **answer.json}

    def by_socketio(self, room: str = "lobby", **body: Any) -> dict[str, Any]:
        """Publish as a Socket.IO client: likewise, without the status."""
        client = self.start().realtime.socketio.test_client(self.app)
        answer = client.emit("publish", {"room": room, **body}, callback=True)
        client.disconnect()
        assert answer.pop("ok") is ("id" in answer)
        return answer

    def by_server(self, room: str = "lobby", **body: Any) -> dict[str, Any]:
        """Publish by the server's own code, outside any request: likewise."""
        try:
            return {"id": self.start().realtime.publish(room, **body)}
        except RealtimeError as exc:
            return {"status": exc.status, "error": exc.as_dict()}


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Application:
    """An application with the embedded bus and no settings from outside."""
    for name in ("REDIS_URL", "REALTIME_BUS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Application()


@pytest.fixture(params=["http", "socketio", "server"])
def source(request: pytest.FixtureRequest) -> str:
    """The same test through each door."""
    return str(request.param)


@pytest.fixture
def publish(application: Application, source: str) -> Publish:
    """Publish through the door of this test."""
    return getattr(application, f"by_{source}")  # type: ignore[no-any-return]
