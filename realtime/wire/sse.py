"""Server-Sent Events (WHATWG HTML, section 9.2): messages to bytes, and bytes back to events.

The encoder writes what the project's contract fixes: ``id``, ``event``, ``data`` in this order, LF line ends, one space
after the colon, data on one line. The decoder reads everything that the specification allows, in pieces of any size.
This file does no I/O and knows no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import MessageTooLarge
from ..message import Message, Position, encode_json

HEARTBEAT: Final = b":\n\n"
"""A comment: keeps proxies from closing a silent stream, dispatches nothing in the client."""


def encode(message: Message) -> bytes:
    """One message as one event. The message must have an id.

    An ``emit`` without arguments has ``null`` as its data, one with several has the list of them. One that is
    transient has no ``id:`` line, so that it moves no client's cursor.
    """
    if message.transient:
        return f"event: {message.event}\ndata: {message.shown}\n\n".encode()
    return f"id: {message.id}\nevent: {message.event}\ndata: {message.shown}\n\n".encode()


def chunk(data: bytes) -> bytes:
    """Whole events as one chunk of a chunked body (RFC 9112, 7.1).

    Clients that read a body of unknown length in blocks would wait for a block to be full; chunks they hand on at once.
    """
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


LAST_CHUNK: Final = b"0\r\n\r\n"


def encode_chunk(message: Message) -> bytes:
    """One message as one chunk."""
    return chunk(encode(message))


def control(event: str, data: Any) -> bytes:
    """A control event: no ``id:`` line, so that it moves no client's cursor."""
    return f"event: {event}\ndata: {encode_json(data)}\n\n".encode()


def ready(*, recovered: bool, cursor: Position, rooms: Sequence[str]) -> bytes:
    """The first event of every stream: where it starts, and whether anything before that is missing."""
    return control("realtime.ready", {"recovered": recovered, "cursor": str(cursor), "rooms": list(rooms)})


def reset(cursor: Position) -> bytes:
    """The log could not be followed: something between the client's last id and ``cursor`` is gone."""
    return control("realtime.reset", {"cursor": str(cursor)})


def last_id(cursor: Position) -> bytes:
    """A block that dispatches nothing, and is what the client goes on from."""
    return f"id: {cursor}\n\n".encode()


def closing(retry_ms: int) -> bytes:
    """The last words of a stream whose server goes: when to come back, to the client's own clock and to its scripts."""
    return f"retry: {retry_ms}\n\n".encode() + control("realtime.closing", {"retry": retry_ms})


def heartbeat(every: float, *, retry_ms: int) -> bytes:
    """A heartbeat that scripts can see, for clients that asked for it; ``every`` so many seconds another one comes. No
    script sees the stream's ``retry:``, so that it is said here, too.
    """
    return control("realtime.heartbeat", {"every": round(every * 1000), "retry": retry_ms})


def prelude(*, retry_ms: int, padding: int = 0) -> bytes:
    """What opens a stream: padding for browsers that hold back the first kilobytes, then the reconnection time."""
    filler = b":" + b" " * (padding - 1) + b"\n\n" if padding > 0 else b""
    return filler + f"retry: {retry_ms}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event: ``id`` is the last event id of the stream at that moment (it persists between events)."""

    event: str
    data: str
    id: str


class Decoder:
    """Incremental parser of an event stream, step by step as section 9.2.6 of the specification says.

    Args:
        max_line_bytes: a longer line raises ``MessageTooLarge``; a stream cannot fill the memory.

    Attributes:
        last_event_id: what a client sends as ``Last-Event-ID`` when it reconnects.
        retry: the reconnection time in milliseconds that the stream asked for, or ``None``.
    """

    def __init__(self, *, max_line_bytes: int = 8 * 1024 * 1024) -> None:
        self.last_event_id = ""
        self.retry: int | None = None
        self._max_line_bytes = max_line_bytes
        self._line = bytearray()
        self._started = False
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes of the stream; return the events that they complete."""
        events: list[Event] = []
        start = 0
        if self._after_cr and chunk:
            # A CR ended the last line already; an LF right behind it belongs to the same line end.
            start = 1 if chunk[:1] == b"\n" else 0
            self._after_cr = False
        while start < len(chunk):
            end = _line_end(chunk, start)
            if end < 0:
                self._line += chunk[start:]
                self._check_length()
                break
            self._line += chunk[start:end]
            self._check_length()
            start = end + 1
            if chunk[end] == 0x0D:
                if start == len(chunk):
                    self._after_cr = True
                elif chunk[start] == 0x0A:
                    start += 1
            event = self._take_line()
            if event is not None:
                events.append(event)
        return events

    def _check_length(self) -> None:
        if len(self._line) > self._max_line_bytes:
            raise MessageTooLarge(f"a line of the event stream is over {self._max_line_bytes} bytes")

    def _take_line(self) -> Event | None:
        raw, self._line = bytes(self._line), bytearray()
        if not self._started:
            self._started = True
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw:
            return self._dispatch()
        name, _, value = raw.decode("utf-8", "replace").partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._id
        event, data = self._event, self._data
        self._event, self._data = "", []
        if not data:
            return None
        return Event(event or "message", "\n".join(data), self.last_event_id)


def _line_end(chunk: bytes, start: int) -> int:
    """Where the next CR or LF stands, or -1. Only these two end a line, not U+2028 or others that Python splits at."""
    lf = chunk.find(b"\n", start)
    cr = chunk.find(b"\r", start, lf if lf >= 0 else len(chunk))
    return cr if cr >= 0 else lf
