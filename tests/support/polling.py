"""Engine.IO's long polling from the client's side, by hand, and its change to WebSocket in the middle of a session."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from .wires import CLOSE, MESSAGE, NOOP, OPEN, PING, PONG, SECONDS, Refused, UpgradedWire, Wire

SEPARATOR = "\x1e"


class PollingWire(Wire):
    """A session over long polling: one connection polls, another posts.

    Attributes:
        upgrade: set it, and after its next poll the session goes on over WebSocket.
        upgraded: it does.
    """

    def __init__(self, base: str, *, headers: dict[str, str], query: dict[str, str]) -> None:
        parts = urlsplit(base)
        self._getting, self._posting = (
            http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS) for _ in range(2)
        )
        self._base = base
        self._headers = headers
        self._query = {"EIO": "4", "transport": "polling", **query}
        self._sending = threading.RLock()
        self._closed = False
        self.upgrade = threading.Event()
        self.upgraded: UpgradedWire | None = None
        first, *self._early = self._poll()
        assert first[0] == OPEN
        self.opening = json.loads(first[1:])
        self._query["sid"] = self.opening["sid"]

    def send(self, *messages: str | bytes) -> None:
        with self._sending:
            if self.upgraded is not None:
                self.upgraded.send(*messages)
            else:
                self._post(SEPARATOR.join(map(_text, messages)))

    def receive(self) -> Iterator[str | bytes]:
        packets, self._early = self._early, []
        probed: UpgradedWire | None = None
        while not self._closed:
            for packet in packets:
                if packet[:1] == PING:
                    self._post(PONG)
                elif packet[:1] == "b":
                    yield base64.b64decode(packet[1:])
                elif packet[:1] == MESSAGE:
                    yield packet[1:]
                elif packet[:1] != NOOP:
                    return
            if probed is not None:
                with self._sending:
                    probed.take_over()
                    self.upgraded = probed
                yield from probed.receive()
                return
            try:
                if self.upgrade.is_set():
                    # As the browsers' client does it: probe, then take what the poll in progress brings, then change.
                    probed = UpgradedWire(self._base, headers=self._headers, query={"sid": self.opening["sid"]})
                packets = self._poll()
            except (Refused, OSError, http.client.HTTPException):
                return

    def say_goodbye(self) -> None:
        self._post(CLOSE)

    def hang_up(self) -> None:
        if not self._closed:
            self._closed = True
            # Nothing else would tell the server; it would keep the session until it misses a pong.
            with contextlib.suppress(Refused, OSError, http.client.HTTPException):
                self._post(CLOSE)
        sock = self._getting.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self.upgraded is not None:
            self.upgraded.hang_up()

    def close(self) -> None:
        self._getting.close()
        self._posting.close()
        if self.upgraded is not None:
            self.upgraded.close()

    def _poll(self) -> list[str]:
        self._getting.request("GET", f"/socket.io/?{urlencode(self._query)}", headers=self._headers)
        with self._getting.getresponse() as answer:
            body = answer.read().decode()
        if answer.status != 200:
            self._getting.close()
            raise Refused(answer.status, body)
        return body.split(SEPARATOR) if body else []

    def _post(self, payload: str) -> None:
        with self._sending:
            self._posting.request(
                "POST", f"/socket.io/?{urlencode(self._query)}", payload.encode(), {"Content-Type": "text/plain"}
            )
            with self._posting.getresponse() as answer:
                body = answer.read().decode()
            if answer.status != 200:
                raise Refused(answer.status, body)


def _text(message: str | bytes) -> str:
    """A message as a packet of a polled payload."""
    return "b" + base64.b64encode(message).decode() if isinstance(message, bytes) else MESSAGE + message
