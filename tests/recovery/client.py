"""The stock client, and one that speaks the protocol's raw packets and may lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import websocket

from tests.support.processes import clean_environment, eventually, program
from tests.support.scripted import Scripted

SCRIPT = Path(__file__).with_name("stock.mjs")
PATIENCE: dict[str, Any] = {"reconnectionDelay": 100, "reconnectionDelayMax": 200, "transports": ["websocket"]}


class Connected(NamedTuple):
    """How a connection began: with which session id, and whether the client took it for the one it had."""

    sid: str
    recovered: bool


class StockClient(Scripted):
    """npm's socket.io-client. It says: connected, event, answer, disconnected, failed.

    Args:
        url: the server.
        options: the client's own.
    """

    def __init__(self, url: str, **options: Any) -> None:
        command = [program("node"), str(SCRIPT), url, json.dumps({**PATIENCE, **options})]
        super().__init__(command, env=clean_environment())

    @property
    def connections(self) -> list[Connected]:
        """Each of its connections."""
        return [Connected(one["connected"], one["recovered"]) for one in self.said("connected")]

    def wait_connected(self, count: int) -> Connected:
        """Wait for its so-manieth connection."""
        eventually(lambda: len(self.connections) >= count, within=20, what=f"connection {count}: {self.output[-500:]}")
        return self.connections[count - 1]

    def got(self, event: str = "message") -> list[list[Any]]:
        """The arguments of each event of this name."""
        return [one["args"] for one in self.said("event") if one["event"] == event]

    @property
    def data(self) -> list[Any]:
        """What each message carried."""
        return [args[0] for args in self.got()]

    def call(self, event: str, *args: Any) -> Any:
        """Emit, and return what it is answered."""
        count = len(self.said("answer"))
        self.tell(["emit", event, *args])
        eventually(lambda: len(self.said("answer")) > count, within=20, what=f"the answer to {event}")
        answer = self.said("answer")[-1]["answer"]
        return answer[0] if answer else None

    def join(self, room: str, **more: Any) -> None:
        """Join a room as clients may."""
        answer = self.call("join", {"room": room, **more})
        assert answer["ok"], answer

    def wait_data(self, expected: list[Any]) -> None:
        """Wait for as many messages as these, and find them to be these."""
        eventually(lambda: len(self.data) >= len(expected), within=20, what=f"{len(expected)} messages")
        assert self.data == expected


class RawClient:
    """A bare WebSocket that sends the packets of Socket.IO itself.

    Attributes:
        answer: what CONNECT was answered with.
        early: packets that came ahead of that.
        offset: for tests to remember the last id in.
    """

    offset: str | None = None

    def __init__(
        self, url: str, auth: dict[str, Any] | None = None, *, cookie: str | None = None, timeout: float = 10
    ) -> None:
        address = url.replace("http://", "ws://") + "/socket.io/?EIO=4&transport=websocket"
        self._socket = websocket.create_connection(address, timeout=timeout, cookie=cookie)
        assert self._socket.recv().startswith("0{")
        self.early: list[Any] = []
        self.say("40" + ("" if auth is None else json.dumps(auth)))
        try:
            self.answer: dict[str, Any] = json.loads(self._until("40", keep=self.early))
        except BaseException:
            self.cut()
            raise

    @property
    def sid(self) -> str:
        """Its session id."""
        return str(self.answer["sid"])

    @property
    def pid(self) -> str:
        """What it has to say when it comes back."""
        return str(self.answer["pid"])

    def say(self, text: str) -> None:
        """Send one packet."""
        self._socket.send(text)

    def join(self, room: str, **more: Any) -> dict[str, Any]:
        """Join a room."""
        self.say("421" + json.dumps(["join", {"room": room, **more}]))
        (answer,) = json.loads(self._until("431"))
        assert isinstance(answer, dict)
        return answer

    def ask(self, event: str, *args: Any) -> Any:
        """Emit, and return what it is answered."""
        self.say("422" + json.dumps([event, *args]))
        (answer,) = json.loads(self._until("432"))
        return answer

    def event(self, name: str = "message") -> list[Any]:
        """The arguments of the next event of this name."""
        while True:
            found = json.loads(self._until("42"))
            if found[0] == name:
                return list(found[1:])

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for so long, but pings and what an application says in greeting."""
        self._socket.settimeout(seconds)
        try:
            while True:
                text = self._socket.recv()
                if text != "2" and not text.startswith('42["hello"'):
                    return False
        except websocket.WebSocketTimeoutException:
            return True
        finally:
            self._socket.settimeout(10)

    def cut(self) -> None:
        """Break off without a word."""
        self._socket.shutdown()

    def ended(self) -> bool:
        """Wait until the server ends it."""
        try:
            while self._socket.recv():
                pass
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return True
        return True

    def _until(self, start: str, *, keep: list[Any] | None = None) -> str:
        while True:
            text = self._socket.recv()
            assert isinstance(text, str)
            if text.startswith(start):
                return text[len(start) :]
            if text == "2":
                self.say("3")
            elif keep is not None:
                keep.append(text)
