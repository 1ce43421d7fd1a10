"""The two stock Socket.IO clients, npm's in a process of its own and PyPI's, with one face for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import socketio

from tests.support.processes import clean_environment, eventually, program
from tests.support.scripted import Scripted

SCRIPT = Path(__file__).with_name("stock.mjs")


class Got(NamedTuple):
    """An event as it was handed to the application."""

    event: str
    args: list[Any]

    @property
    def id(self) -> str:
        """The last argument, where the contract puts the id."""
        value = self.args[-1]
        assert isinstance(value, str)
        return value


class NpmClient(Scripted):
    """npm's socket.io-client; what it does with a room is in ``stock.mjs``.

    It says: connected, upgraded, joined, event, answer, disconnected, failed.

    Args:
        url: the server.
        room: joined at every connection.
        options: the client's own; without reconnection, unless they say otherwise.
    """

    def __init__(self, url: str, room: str, **options: Any) -> None:
        command = [program("node"), str(SCRIPT), url, json.dumps({"reconnection": False, **options}), room]
        super().__init__(command, env=clean_environment())

    @property
    def got(self) -> list[Got]:
        """Every event, in the order in which they came."""
        return [Got(one["event"], one["args"]) for one in self.said("event")]

    def wait_joined(self, count: int = 1) -> dict[str, Any]:
        """Wait until it has joined so many times; return the last answer."""
        eventually(lambda: len(self.said("joined")) >= count, within=20, what=f"join {count}")
        answer: dict[str, Any] = self.said("joined")[-1]["joined"]
        assert answer["ok"], answer
        return answer

    def publish(self, room: str, data: Any, **more: Any) -> str:
        """Publish with an acknowledgement; return the id."""
        count = len(self.said("answer"))
        self.tell(["publish", {"room": room, "data": data, **more}])
        eventually(lambda: len(self.said("answer")) > count, within=20, what="the acknowledgement")
        (answer,) = self.said("answer")[-1]["answer"]
        assert answer["ok"], answer
        return str(answer["id"])


class PythonClient:
    """python-socketio's client.

    Attributes:
        got: every event, in the order in which they came.
    """

    def __init__(self) -> None:
        self.got: list[Got] = []
        self._client = socketio.Client(reconnection=False, handle_sigint=False)
        self._client.on("*", lambda event, *args: self.got.append(Got(event, list(args))))

    def enter(self, url: str, room: str, **options: Any) -> None:
        """Connect and join a room."""
        self._client.connect(url, **options)
        answer = self._client.call("join", {"room": room}, timeout=15)
        assert answer["ok"], answer

    @property
    def transport(self) -> str:
        """What it is connected over."""
        return str(self._client.transport())

    def publish(self, room: str, data: Any, **more: Any) -> str:
        """Publish with an acknowledgement; return the id."""
        answer = self._client.call("publish", {"room": room, "data": data, **more}, timeout=15)
        assert answer["ok"], answer
        return str(answer["id"])

    def end(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.wait()
