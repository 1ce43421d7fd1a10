"""Each way to have something open on a server, and what is answered to one more."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from tests.support.clients import SocketClient
from tests.support.processes import eventually
from tests.support.streams import EventReader
from tests.support.wires import Refused

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PATHS = {
    "sse": "/events?room=knocking",
    "websocket": "/socket.io/?EIO=4&transport=websocket",
    "polling": "/socket.io/?EIO=4&transport=polling",
    "longpoll": "/rooms/nothing-comes/messages?after=0-0&wait=25",
}
DOORS = tuple(PATHS)

Headers = dict[str, str]


class Open(Protocol):
    """Something that is open."""

    def close(self) -> None:
        """Hang up."""


class Answer(NamedTuple):
    """What somebody was answered."""

    status: int
    retry_after: str | None
    body: Any


class LongPoll:
    """A long poll that waits."""

    def __init__(self, base: str, headers: Headers) -> None:
        self._line = connected(base)
        self._line.request("GET", PATHS["longpoll"], headers=headers)

    def answered(self) -> bool:
        """Whether the answer has begun."""
        assert self._line.sock is not None
        self._line.sock.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            return bool(self._line.sock.recv(1))
        return False

    def close(self) -> None:
        self._line.close()


def connected(base: str, source: str | None = None) -> http.client.HTTPConnection:
    """A connection to the server, from an address of its own where one is named."""
    parts = urlsplit(base)
    return http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=10, source_address=None if source is None else (source, 0)
    )


def opened(base: str, door: str, headers: Headers | None = None) -> Open:
    """Open something, which must be let in."""
    headers = headers or {}
    if door == "sse":
        reader = EventReader(base, "knocking", headers=headers)
        if reader.status != 200:
            reader.close()
            raise Refused(reader.status, "")
        reader.ready()
        return reader
    if door == "longpoll":
        poll = LongPoll(base, headers)
        if poll.answered():
            poll.close()
            raise Refused(429, "")
        return poll
    return SocketClient(base, door, headers=headers)


def knocked(base: str, door: str, headers: Headers | None = None, source: str | None = None) -> Answer:
    """Ask for one more and hang up at once: what was answered, if anything but what was asked for."""
    line = connected(base, source)
    try:
        more = UPGRADE if door == "websocket" else {}
        line.request("GET", PATHS[door], headers={**(headers or {}), **more})
        line.sock.settimeout(0.4 if door == "longpoll" else 10)
        try:
            answer = line.getresponse()
        except TimeoutError:
            return Answer(200, None, None)
        if door == "polling" and answer.status == 200:
            # Nothing else tells the server that a session is over, before it has missed a ping.
            sid = json.loads(answer.read()[1:])["sid"]
            line.request("POST", f"{PATHS[door]}&sid={sid}", "1", {"Content-Type": "text/plain"})
            assert line.getresponse().read() == b"ok"
        let_in = answer.status in {200, 101}
        return Answer(answer.status, answer.getheader("Retry-After"), None if let_in else json.loads(answer.read()))
    finally:
        line.close()


def is_full(base: str, door: str, headers: Headers | None = None, source: str | None = None) -> bool:
    """Whether one more is refused."""
    return knocked(base, door, headers, source).status == 429


def opened_soon(base: str, door: str, headers: Headers | None = None) -> Open:
    """The same, where somebody has just hung up."""

    def attempt() -> Open | None:
        with contextlib.suppress(Refused):
            return opened(base, door, headers)
        return None

    found: Open = eventually(attempt, within=3, what="a place that became free")
    return found


def soon(condition: Callable[[], Any], what: str) -> None:
    """Well before a heartbeat, or a long poll, is over."""
    eventually(condition, within=3, what=what)


def name() -> str:
    """Somebody whom nobody else is."""
    return f"user-{secrets.token_hex(4)}"


def all_at_once(count: int, one: Callable[[], Any]) -> list[Any]:
    """Do something so often in as many threads; what they returned."""
    done: list[Any] = []
    workers = [threading.Thread(target=lambda: done.append(one())) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    return done
