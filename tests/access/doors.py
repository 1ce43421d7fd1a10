"""Every way in, each as one call that says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import requests

from tests.support.clients import SocketClient
from tests.support.publishing import path
from tests.support.streams import EventReader

Cookie = dict[str, str]


class Answer(NamedTuple):
    """What a door said: the HTTP status (``None`` on Socket.IO), and the error, or ``None`` where it opened."""

    status: int | None
    error: dict[str, str] | None

    @property
    def code(self) -> str:
        """The error's word, ``ok`` where there is none."""
        return "ok" if self.error is None else self.error["code"]


def log_in(base: str, name: str) -> Cookie:
    """A browser's cookie after logging in."""
    answer = requests.get(f"{base}/login/{name}", timeout=30)
    return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in answer.cookies)}


def sse(base: str, room: str, cookie: Cookie) -> Answer:
    """Subscribe to an event stream."""
    with requests.get(f"{base}/events", params={"room": room}, headers=cookie, stream=True, timeout=30) as answer:
        if answer.status_code != 200:
            return Answer(answer.status_code, answer.json()["error"])
    with EventReader(base, room, headers=cookie) as stream:
        stream.ready()
    return Answer(200, None)


def _http(answer: requests.Response) -> Answer:
    return Answer(answer.status_code, answer.json().get("error"))


def history(base: str, room: str, cookie: Cookie) -> Answer:
    """Read the log."""
    return _http(requests.get(base + path(room), headers=cookie, timeout=30))


def long_poll(base: str, room: str, cookie: Cookie) -> Answer:
    """Wait for news."""
    return _http(requests.get(base + path(room), params={"wait": "0.05"}, headers=cookie, timeout=30))


def post(base: str, room: str, cookie: Cookie) -> Answer:
    """Publish over HTTP."""
    return _http(requests.post(base + path(room), json={"data": 1}, headers=cookie, timeout=30))


def _asked(base: str, transport: str, cookie: Cookie, event: str, request: dict[str, Any]) -> Answer:
    with SocketClient(base, transport, headers=cookie) as client:
        answer = client.ask(event, request)
    assert answer["ok"] is ("error" not in answer)
    return Answer(None, answer.get("error"))


def _join(transport: str) -> Callable[[str, str, Cookie], Answer]:
    return lambda base, room, cookie: _asked(base, transport, cookie, "join", {"room": room})


def _publish(transport: str) -> Callable[[str, str, Cookie], Answer]:
    return lambda base, room, cookie: _asked(base, transport, cookie, "publish", {"room": room, "data": 1})


DOORS: dict[str, tuple[str, Callable[[str, str, Cookie], Answer]]] = {
    "sse": ("subscribe", sse),
    "history": ("history", history),
    "long poll": ("history", long_poll),
    "post": ("publish", post),
    "websocket join": ("subscribe", _join("websocket")),
    "polling join": ("subscribe", _join("polling")),
    "websocket publish": ("publish", _publish("websocket")),
    "polling publish": ("publish", _publish("polling")),
}
"""By name: the action that it asks for, and the call."""
