"""Publishing from tests over HTTP: one message, or a flood of numbered ones from a thread of its own; and the log."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
from typing import Any
from urllib.parse import quote, urlsplit

from .processes import eventually


def path(room: str) -> str:
    """The path of a room's messages."""
    return f"/rooms/{quote(room, safe='')}/messages"


def publish(base: str, room: str, data: Any = None, **more: Any) -> str:
    """Publish one message and return its id. (Not by ``requests``, which takes the room ``..`` out of the path.)"""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    with contextlib.closing(connection):
        body = json.dumps({"data": data, **more})
        connection.request("POST", parts.path + path(room), body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    assert answer.status == 201, text
    return str(json.loads(text)["id"])


def history(base: str, room: str) -> list[dict[str, Any]]:
    """What the room's log holds, oldest first: each message's ``id``, ``room``, ``event`` and ``data``."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path(room) + "?limit=1000000")
        answer = connection.getresponse()
        text = answer.read()
    assert answer.status == 200, text
    messages: list[dict[str, Any]] = json.loads(text)["messages"]
    return messages


class Flood:
    """Publishes 0, 1, 2 … into the rooms in turn, as fast as one connection at a time allows, while the block lasts.

    Args:
        base: the server.
        rooms: published into in turn.
        most: stop after so many.
        pause: seconds to rest after every 20, for readers that are slower than any publisher, as a browser's page is.

    Attributes:
        ids: of what was accepted, in that order.
        refused: answers other than 201.
    """

    def __init__(self, base: str, *rooms: str, most: int | None = None, pause: float = 0) -> None:
        self.ids: list[str] = []
        self.refused: list[str] = []
        self._base = urlsplit(base)
        self._rooms = rooms
        self._most = most
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._base.hostname or "", self._base.port, timeout=30)
        paths = [path(room) for room in self._rooms]
        for number in itertools.count() if self._most is None else range(self._most):
            if self._stopping.is_set() or (number % 20 == 19 and self._stopping.wait(self._pause)):
                break
            body = json.dumps({"data": number})
            connection.request("POST", paths[number % len(paths)], body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 201:
                self.ids.append(json.loads(text)["id"])
            else:
                self.refused.append(f"{answer.status} {text!r}")
        connection.close()

    @property
    def over(self) -> bool:
        """Everything was published (only with ``most``)."""
        return not self._thread.is_alive()

    def wait(self, count: int) -> None:
        """Wait until so many were accepted."""
        eventually(lambda: len(self.ids) >= count or self.over, within=30, what=f"{count} published")

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join(30)
        assert not self.refused
