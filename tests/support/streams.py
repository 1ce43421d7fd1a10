"""Readers of event streams for tests: a plain socket and this project's decoder (which has tests of its own)."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

from realtime.wire.sse import Decoder, Event

from .processes import eventually


class Events:
    """What came by a stream.

    Attributes:
        events: every event, control events included.
    """

    events: list[Event]

    @property
    def messages(self) -> list[Event]:
        """Without control events."""
        return [event for event in self.events if not event.event.startswith("realtime.")]

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.messages]

    @property
    def data(self) -> list[Any]:
        return [json.loads(event.data) for event in self.messages]


class EventReader(Events):
    """Reads ``/events`` in a thread of its own and keeps what came.

    Attributes:
        status, headers: of the response.
        raw: every byte of the body.
        ended: the response is over.
    """

    def __init__(self, base: str, *rooms: str, headers: dict[str, str] | None = None, **query: Any) -> None:
        parts = urlsplit(base)
        pairs = [("room", room) for room in rooms] + list(query.items())
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._connection.request("GET", f"{parts.path}/events?{urlencode(pairs)}", headers=headers or {})
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = dict(self._response.getheaders())
        self.events = []
        self.raw = b""
        self.ended = False
        self.decoder = Decoder()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while chunk := self._response.read1(65536):
                self.raw += chunk
                self.events += self.decoder.feed(chunk)
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.ended = True

    def ready(self) -> dict[str, Any]:
        """Wait for the stream's first event and return its data."""
        eventually(lambda: self.events, what="the ready event")
        assert self.events[0].event == "realtime.ready"
        value: dict[str, Any] = json.loads(self.events[0].data)
        return value

    def wait(self, count: int, *, within: float = 10) -> list[Event]:
        """Wait for so many messages and return them all."""
        eventually(lambda: len(self.messages) >= count, within=within, what=f"{count} messages")
        return self.messages

    def close(self) -> None:
        """Hang up."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        elif self._response.fp is not None:
            # HTTP/1.0 hands the socket over to the response.
            self._response.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
        self._thread.join(5)
        self._response.close()
        self._connection.close()

    def __enter__(self) -> EventReader:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
