"""What a stream of one request yields: values to events, and events to bytes (WHATWG HTML, section 9.2.5).

It does no I/O and knows no framework.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidValue
from ..message import encode_json
from ..names import check_event, shortened

MAX_ID_LENGTH: Final = 256
_MAX_RETRY: Final = 3_600_000
_LINE_END: Final = re.compile(r"\r\n|\r|\n")

END_ID: Final = "realtime.end"
"""The last event id of a stream that is over: a client that comes back with it has nothing to wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of ``realtime.stream``.

        yield StreamEvent(data={"done": 40}, event="progress", id=40)

    Args:
        data: text, which is sent as it is, or anything else with a JSON form.
        event: the event's name; without one the client calls it ``message``.
        id: where the stream stands: what the client sends as ``Last-Event-ID`` when it comes back. A number counts as
            its digits.
        retry: milliseconds after which the client is to reconnect, from now on.

    Raises:
        InvalidValue: a name, an id or a time that cannot be written, or data without a JSON form.
    """

    data: Any
    event: str | None = None
    id: str | int | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        if self.event is not None:
            check_event(self.event)
        if self.id is not None:
            _check_id(self.id)
        if self.retry is not None and (type(self.retry) is not int or not 0 <= self.retry <= _MAX_RETRY):
            raise InvalidValue(f"retry is milliseconds from 0 to {_MAX_RETRY}, not {shortened(self.retry)}")

    def encode(self) -> bytes:
        """The event's bytes. Line ends inside text become LF: the format knows no other."""
        return encode_event(self.data, event=self.event, id_=self.id, retry=self.retry)


def encode_event(data: object, *, event: str | None, id_: str | int | None = None, retry: int | None = None) -> bytes:
    """The bytes of one event whose fields were checked. An event without a name has no ``event`` line.

    Raises:
        InvalidValue: the data has no JSON form.
    """
    lines = []
    if id_ is not None:
        lines.append(f"id: {id_}")
    if event is not None:
        lines.append(f"event: {event}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    text = data if isinstance(data, str) else encode_json(data)
    lines += [f"data: {line}" for line in _LINE_END.split(text)]
    try:
        return ("\n".join(lines) + "\n\n").encode()
    except UnicodeEncodeError:
        raise InvalidValue("the text contains half a surrogate pair, which UTF-8 cannot say") from None


def encode_yielded(value: object) -> bytes:
    """The bytes for what a generator yielded: an event, text, or anything with a JSON form; nothing for ``None``.

    Raises:
        InvalidValue: it is none of these.
    """
    if value is None:
        return b""
    if isinstance(value, StreamEvent):
        return value.encode()
    return encode_event(value, event=None)


def _check_id(value: object) -> None:
    if type(value) is int:
        return
    allowed = isinstance(value, str) and 1 <= len(value) <= MAX_ID_LENGTH and value.isprintable()
    if not allowed or str(value).startswith("realtime."):
        raise InvalidValue(
            f"not an id of an event: {shortened(value)}; an id is a number or 1-{MAX_ID_LENGTH} printable characters, "
            "and does not start with realtime."
        )
