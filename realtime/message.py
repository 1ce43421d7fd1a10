"""Message and Position: what travels, and where it stands in the log.

``Message.new`` is the one door through which anything becomes a message: names, size and JSON are checked here
and nowhere else. This file knows no bus, no wire format and no framework.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

from .errors import InvalidValue, MessageTooLarge
from .names import check_event, check_key, check_room, shortened

DEFAULT_MAX_BYTES: Final = 64 * 1024

_POSITION = re.compile(r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})", re.ASCII)
_UINT64: Final = 2**64


class Position(NamedTuple):
    """A place in the log of one bus: ``<milliseconds>-<n>``, totally ordered over all rooms.

    Plain tuple comparison is the order. Both parts are unsigned 64-bit integers, as Redis stream ids are.
    """

    ms: int
    n: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.n}"

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read ``"<milliseconds>-<n>"``.

        Raises:
            InvalidValue: for anything that ``str()`` of a Position could not have written.
        """
        match = _POSITION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidValue(f"not an id: {shortened(text)}; an id looks like 1790000000000-0")
        ms, n = int(match[1]), int(match[2])
        if ms >= _UINT64 or n >= _UINT64:
            raise InvalidValue(f"not an id: {shortened(text)}; both parts are below 2**64")
        return cls(ms, n)


START: Final = Position(0, 0)
"""Before everything. Asking for what comes after it asks for the whole log."""

UNKNOWN: Final = Position(2**64 - 1, 0)
"""Stands for a cursor that is none of ours: no log knows it, so that the client is told that it was not recovered.
(Not the very last position: Redis refuses to look for what comes after that.)"""


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


# Made once: json.dumps and json.loads make theirs anew at each call that has options, which takes longer than the work.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def decode_json(text: str | bytes) -> Any:
    """Decode strict JSON (RFC 8259) out of a place that is not trusted. Python's own reader lets through what others
    stumble over: a browser that meets ``NaN`` gives up its connection.

    Raises:
        InvalidValue: it is none.
    """
    try:
        # For bytes json.loads: it knows the encodings that JSON may be in.
        return _DECODER.decode(text) if isinstance(text, str) else json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise InvalidValue(f"not JSON: {exc}") from exc


def encode_json(data: object) -> str:
    """Encode ``data`` as one line of strict JSON (RFC 8259: no NaN, no lone surrogates), not ASCII-escaped.

    Raises:
        InvalidValue: when the data has no JSON form.
    """
    try:
        text = _ENCODER.encode(data)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as exc:
        # UnicodeEncodeError is a ValueError: a lone surrogate cannot travel as UTF-8.
        raise InvalidValue(f"the data has no JSON form: {exc}") from exc
    return text


class _Draft:
    """A message while it is being made: frozen ones are written to at five times the price, which each message pays."""

    __slots__ = ("event", "id", "json", "key", "rooms", "skip", "spread", "transient")


@dataclass(frozen=True, slots=True)
class Message(_Draft):
    """One message, checked and encoded once; everything downstream copies ``json`` and never encodes again.

    Attributes:
        rooms: the rooms it is for, at least one, no name twice.
        event: the event's name.
        json: the data as one line of JSON.
        key: the publisher's idempotency key, or ``None``.
        skip: Socket.IO session ids that must not get it (``skip_sid``, ``include_self=False``).
        spread: the data is a list of several Socket.IO arguments (an ``emit`` with a tuple, or with nothing).
        id: its place in the log; ``None`` until the bus has accepted it.
        transient: it reaches who is connected now and is kept nowhere; clients are not told its id.
    """

    rooms: tuple[str, ...]
    event: str
    json: str
    key: str | None = None
    skip: frozenset[str] = frozenset()
    spread: bool = False
    id: Position | None = None
    transient: bool = False

    def __post_init__(self) -> None:
        if not self.rooms or len(set(self.rooms)) != len(self.rooms):
            raise InvalidValue("a message is for at least one room, and for each only once")
        for room in self.rooms:
            check_room(room)
        check_event(self.event)
        check_key(self.key)
        if self.transient and self.key is not None:
            raise InvalidValue("a transient message has no key: nobody remembers it")

    @classmethod
    def new(
        cls,
        room: str | Iterable[str],
        data: object,
        *,
        event: str = "message",
        key: str | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        skip: Iterable[str] = (),
        spread: bool = False,
        transient: bool = False,
    ) -> Self:
        """Make a message out of what a caller gave.

        Args:
            room: one room, or several that get the message under one id.
            data: anything with a JSON form.
            event: the event's name.
            key: idempotency key; the same key again means the same message.
            max_bytes: the most bytes that the data may take as UTF-8 JSON.
            skip: session ids that must not get it.
            spread: ``data`` is a list of arguments rather than one value.
            transient: for who is connected now, kept nowhere.

        Raises:
            InvalidValue: a name, the key or the data is not allowed, or a transient message has a key.
            MessageTooLarge: the data is over ``max_bytes``.
        """
        if not isinstance(transient, bool):
            raise InvalidValue(f"transient is true or false, not {shortened(transient)}")
        rooms = tuple(room) if not isinstance(room, str) and isinstance(room, Iterable) else (room,)
        text = encode_json(data)
        if len(text) * 4 > max_bytes and (size := len(text.encode("utf-8"))) > max_bytes:
            raise MessageTooLarge(f"the data is {size} bytes as JSON; at most {max_bytes} are allowed")
        return cls(rooms, event, text, key, frozenset(skip), spread, None, transient)

    @classmethod
    def restore(
        cls,
        rooms: tuple[str, ...],
        event: str,
        text: str,
        at: Position,
        *,
        skip: Iterable[str] = (),
        spread: bool = False,
        transient: bool = False,
    ) -> Self:
        """Make a message out of what a shared log gave, which is not trusted: everything is checked again.

        Raises:
            InvalidValue: the entry is not one that ``new`` could have made.
        """
        if "\n" in text or "\r" in text:
            raise InvalidValue("the data is not one line")
        value = decode_json(text)
        if "\\ud" in text or "\\uD" in text:
            encode_json(value)  # Half a character, which no reader could write out again, is refused as in ``new``.
        if spread and not isinstance(value, list):
            raise InvalidValue("several arguments are a list")
        return cls(rooms, event, text, None, frozenset(skip), spread, at, transient)

    def accepted(self, at: Position) -> Message:
        """The same message with the id that the log gave it. What was checked once is not checked again."""
        twin: Any = _Draft()
        twin.rooms, twin.event, twin.json, twin.key = self.rooms, self.event, self.json, self.key
        twin.skip, twin.spread, twin.transient, twin.id = self.skip, self.spread, self.transient, at
        twin.__class__ = Message
        return twin  # type: ignore[no-any-return]

    @property
    def data(self) -> Any:
        """The data as a Python value, decoded anew at each call so that no reader can change another's."""
        return json.loads(self.json)

    @property
    def shown(self) -> str:
        """The data as one JSON value for readers that know one only: several arguments are a list, none is null."""
        return "null" if self.spread and self.json == "[]" else self.json

    @property
    def scope(self) -> tuple[str, ...]:
        """The rooms that the key belongs to: the same key for other rooms is another key."""
        return self.rooms

    @property
    def digest(self) -> str:
        """What the message says, in 32 hex digits: tells a repeated key from a conflicting one."""
        return blake2b("\0".join((*self.rooms, self.event, self.json)).encode(), digest_size=16).hexdigest()

    def standing_for(self, said: Message) -> Message:
        """The same message, published in place of what the publisher said, which is what the key is about: whoever
        says the same again gets the first id, even where this message would now read otherwise (a time stamped on it).
        """
        return _Restated(self.rooms, self.event, self.json, said.key, self.skip, self.spread, self.id, False, said)


@dataclass(frozen=True, slots=True)
class _Restated(Message):
    """A message that stands for another one, which its key is about."""

    said: Message | None = None

    @property
    def scope(self) -> tuple[str, ...]:
        return self.rooms if self.said is None else self.said.rooms

    @property
    def digest(self) -> str:
        return "" if self.said is None else self.said.digest
