"""Stock clients of event streams and of Socket.IO, none of them ours, with one face for the contract.

Each is used as its documentation says, and remembers what it heard as ``(event, id, data)``, control events included.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import requests
import socketio
import sseclient
from playwright.sync_api import Browser

from realtime.message import Position
from realtime.wire.sse import Decoder
from tests.clients.stock import NpmClient
from tests.support.processes import ROOT, clean_environment, program
from tests.support.scripted import Scripted
from tests.support.stock import end

HERE = Path(__file__).parent
READY = "realtime.ready"
EVENTS = [READY, "realtime.reset", "message", "shipped"]
_AGAIN = 0.2


class Heard(NamedTuple):
    """One event. Of Socket.IO's clients what a ``join`` was answered stands for the ready event."""

    event: str
    id: str
    data: Any


class Client(Protocol):
    """A connected client."""

    def heard(self) -> list[Heard]:
        """Everything so far, in the order in which it came."""

    def end(self) -> None:
        """Disconnect."""


def target(room: str) -> str:
    return f"/events?room={room}"


class NodeStream(Scripted):
    """A client for Node, in a process of its own."""

    def __init__(self, package: str, url: str, room: str) -> None:
        command = [program("node"), str(HERE / "streams.mjs"), package, url + target(room), json.dumps(EVENTS)]
        super().__init__(command, env=clean_environment(NODE_NO_WARNINGS="1"))

    def heard(self) -> list[Heard]:
        return [Heard(event, id_, json.loads(data)) for event, id_, data in map(json.loads, tuple(self.lines))]


FILES = {
    "native": None,
    "event-source-polyfill": "event-source-polyfill/src/eventsource.min.js",
    "eventsource-polyfill": "eventsource-polyfill/dist/eventsource.js",
    "reconnecting-eventsource": "reconnecting-eventsource/dist/ReconnectingEventSource.min.js",
}


class PageStream:
    """A client for browsers, in a page of the server's own origin that has nothing else."""

    def __init__(self, chromium: Browser, package: str, url: str, room: str) -> None:
        self._context = chromium.new_context()
        self._page = self._context.new_page()
        self._page.goto(f"{url}/healthz")
        # amvtek's takes another name where the browser has an EventSource of its own.
        self._page.evaluate("window._eventSourceImportPrefix = 'Amvtek'; undefined")
        file = FILES[package]
        if file is not None:
            self._page.evaluate((ROOT / "node_modules" / file).read_text() + "\n;undefined")
        self._page.evaluate((HERE / "page.js").read_text(), [package, target(room), EVENTS])

    def heard(self) -> list[Heard]:
        return [Heard(event, id_, json.loads(data)) for event, id_, data in self._page.evaluate("got")]

    def end(self) -> None:
        self._context.close()


class LoopingStream:
    """A program that reads streams in a loop: a reader of one response, from the last id on, again and again."""

    def __init__(self, url: str, room: str) -> None:
        self._url = url + target(room)
        self._heard: list[Heard] = []
        self._last = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def read(self, headers: dict[str, str]) -> None:
        """One response, to its end."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """End the response from outside."""
        raise NotImplementedError

    def take(self, event: str, id_: str, data: str) -> None:
        self._heard.append(Heard(event, id_, json.loads(data)))
        self._last = id_ or self._last

    def heard(self) -> list[Heard]:
        return list(self._heard)

    def end(self) -> None:
        self._over.set()
        while self._thread.is_alive():
            self.hang_up()  # Again, should it have been between two responses.
            self._thread.join(0.5)

    def _run(self) -> None:
        while not self._over.is_set():
            self.read({"Last-Event-ID": self._last} if self._last else {})
            time.sleep(_AGAIN)


class SseClientPy(LoopingStream):
    """PyPI's sseclient-py over requests."""

    def read(self, headers: dict[str, str]) -> None:
        broken = contextlib.suppress(requests.RequestException, AttributeError, ValueError)
        with broken, requests.get(self._url, headers=headers, stream=True, timeout=30) as self._response:
            for event in sseclient.SSEClient(self._response).events():
                if event.event in EVENTS:
                    self.take(event.event, event.id or "", event.data)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # It may have ended just now.
            self._response.raw.shutdown()


class Curl(LoopingStream):
    """``curl -N``, and a decoder for what it prints."""

    def read(self, headers: dict[str, str]) -> None:
        command = [program("curl"), "--silent", "--no-buffer", self._url]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdout is not None
        decoder = Decoder()
        while piece := self._process.stdout.read(65536):
            for event in decoder.feed(piece):
                self.take(event.event, event.id, event.data)
        self._process.stdout.close()
        self._process.wait()

    def hang_up(self) -> None:
        self._process.terminate()


class NpmSocket:
    """npm's socket.io-client, which joins again after its last id at each connection."""

    def __init__(self, url: str, room: str, transports: list[str]) -> None:
        patience = {"reconnection": True, "reconnectionDelay": 100, "reconnectionDelayMax": 300}
        self._client = NpmClient(url, room, transports=transports, **patience)

    def heard(self) -> list[Heard]:
        joined = [Heard(READY, "", answer["joined"]) for answer in self._client.said("joined")]
        return joined + [Heard(one.event, one.id, one.args[0]) for one in self._client.got if one.event in EVENTS]

    def end(self) -> None:
        self._client.end()


class PythonSocket:
    """python-socketio's client, which does the same.

    Args:
        after: the last id that it has seen before.
    """

    def __init__(self, url: str, room: str, transports: list[str], *, after: str | None = None) -> None:
        self._first = after
        self._joined: list[Heard] = []
        self._heard: list[Heard] = []
        self._room = room
        # A session of our own, because the library does not close its.
        self._session = requests.Session()
        patience = {"reconnection_delay": 0.1, "reconnection_delay_max": 0.3}
        self._client = socketio.Client(http_session=self._session, handle_sigint=False, **patience)
        self._client.on("connect", self._join)
        self._client.on("*", self._take)
        self._client.on("disconnect", self._tidy)
        self._client.connect(url, transports=transports)

    def _join(self) -> None:
        heard = self._in_order()
        after = {"after": heard[-1].id if heard else self._first} if heard or self._first else {}
        self._client.emit("join", {"room": self._room, **after}, callback=self._greet)

    def _greet(self, answer: dict[str, Any]) -> None:
        self._joined.append(Heard(READY, "", answer))

    def _tidy(self, _reason: str) -> None:
        # Its library leaves the socket of a WebSocket that broke to the garbage collector.
        if self._client.eio.ws is not None:
            self._client.eio.ws.shutdown()

    def _take(self, event: str, *args: Any) -> None:
        if event in EVENTS:
            self._heard.append(Heard(event, args[-1], args[0]))

    def _in_order(self) -> list[Heard]:
        # Its library hands each event on in a thread of its own, in whatever order they run.
        return sorted(self._heard, key=lambda one: Position.parse(one.id))

    def heard(self) -> list[Heard]:
        return self._joined + self._in_order()

    def end(self) -> None:
        end(self._client)
        self._session.close()
