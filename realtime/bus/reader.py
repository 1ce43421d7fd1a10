"""The one reader that each process has of a shared log: follows it, checks its chain, survives its outages.

It knows no database: a ``Source`` hands it raw entries and the state of the log. What it reads is not trusted:
an entry that the publish script could not have written is left out, logged at most once a second.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from ..concurrency import Concurrency
from ..errors import BusUnavailable, InvalidValue
from ..jitter import Backoff
from ..message import START, Message, Position, decode_json
from ..seldom import Seldom
from .base import BusSilent, Receiver
from .entries import DEFAULT_MAX_BYTES, MAX_RELAYED_BYTES, Raw, check_size, fields_of, message_of

_LONGEST_PAUSE: Final = 0.4
"""Seconds between two attempts, at most: so much later than Redis itself everybody is served again."""

_QUIET_SECONDS: Final = 0.2
"""For so long it is tried to read on before anybody is told that the log cannot be followed."""


class Source(Protocol):
    """Where the reader reads."""

    def read(self, after: Position, *, wait: bool) -> Sequence[Raw]:
        """Entries after a position, if it waits, then a second or so for the first. Raises ``BusUnavailable``."""

    def state(self, seen: Position, mark: bytes = b"") -> tuple[Position, Position]:
        """Asks for the log's newest id and its birth, and tells it an id that was in the log, with its entry's mark
        where that is known. Should the log not know it any more, it is born anew by that. Raises ``BusUnavailable``.
        """

    def close(self) -> None:
        """Let go of the connection."""


class Reader:
    """Follows a log from a position on and hands its entries to a receiver.

    Args:
        source: where to read.
        receiver: who gets the entries.
        concurrency: for the background task and for waiting.
        head: the position to start after.
        birth: the log's birth at that moment.
        on_change: called with false when the log is lost, with true when it is found again.
        max_bytes: an entry with more is no message.

    Attributes:
        connected: the log can be followed, as far as is known.
    """

    def __init__(
        self,
        *,
        source: Source,
        receiver: Receiver,
        concurrency: Concurrency,
        head: Position,
        birth: Position,
        on_change: Callable[[bool], None] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self._source = source
        self._receiver = receiver
        self._concurrency = concurrency
        self._position = head
        self._linked, self._mark = head, b""
        self._held = head
        self._birth = birth
        self._max_bytes = max_bytes
        # After each cut, and where the chain is broken: it may be another server's log by now, or an older one.
        self._sure = True
        self._seen: tuple[Position, bytes] | None = None
        self._breaks = 0
        self._stopping = False
        self._pid = os.getpid()
        self._logger = logging.getLogger(__name__)
        self._doubts = Seldom(self._logger)
        self.connected = True
        self._on_change = on_change or (lambda _connected: None)

    def start(self) -> None:
        """Follow the log in the background."""
        self._concurrency.spawn(self._run, name="realtime-reader")

    def stop(self) -> None:
        """Deliver nothing more. The background task ends with its current read."""
        self._stopping = True

    def _over(self) -> bool:
        """It was stopped, or is the copy that a fork made of it: greenlets go on in the child, and that has its own."""
        return self._stopping or os.getpid() != self._pid

    def _run(self) -> None:
        backoff = Backoff(first=0.02, cap=_LONGEST_PAUSE)
        failing_since: float | None = None
        while not self._over():
            try:
                if not self._sure:
                    self._check_state()
                entries = self._source.read(self._position, wait=self.connected)
                if not entries and self.connected:
                    self._check_state()
                if not self.connected:
                    self.connected = True
                    self._on_change(True)
                    self._logger.warning("the log can be read again, from %s on", self._position)
                backoff.reset()
                failing_since = None
                if not self._over():
                    self._take(entries)
            except Exception as exc:  # noqa: BLE001  without it nobody would deliver anything any more
                known = isinstance(exc, BusUnavailable)
                if self._over() and not known:
                    return  # Its connection was taken from under it.
                failing_since = failing_since or time.monotonic()
                self._lost(exc, quiet=known and time.monotonic() - failing_since < _QUIET_SECONDS)
                self._concurrency.sleep(backoff.next())
        self._source.close()

    def _lost(self, exc: Exception, *, quiet: bool) -> None:
        """The log could not be read. Nothing ends the one who reads it for everybody, a fault of ours neither."""
        self._sure = False
        # A connection that was closed says nothing of the log yet. Whether it is there, the next one tells.
        if self.connected and (not quiet or isinstance(exc, BusSilent)):
            self.connected = False
            self._on_change(False)
            fault = None if isinstance(exc, BusUnavailable) else exc
            self._logger.error("the log cannot be read, trying again: %s", exc, exc_info=fault)

    def _take(self, entries: Sequence[Raw]) -> None:
        self._breaks = 0
        for raw_id, flat in entries:
            if self._stopping:
                return
            try:
                self._take_one(raw_id, fields_of(flat))
            except (InvalidValue, ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as exc:
                # Its id is not believed, either: nobody's cursor goes there.
                self._doubts.warn("an entry of the log was left out: %s", exc)
            except BusUnavailable:
                self._sure = False
                break  # What the log was born as is asked again before anything more is read.
            except Exception:
                # A fault of ours in one message must not end delivery for everybody.
                self._logger.exception("a message could not be delivered")
        if self._breaks > 1:
            self._receiver.gap(self._linked)
        self._receiver.flush()

    def _take_one(self, raw_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        at = self._position = Position.parse(raw_id.decode("ascii"))
        check_size(fields, most=MAX_RELAYED_BYTES if fields[b"t"] == b"c" else self._max_bytes)
        kind, previous = fields[b"t"], Position.parse(fields[b"p"].decode("ascii"))
        if kind == b"b":
            # Anybody can write such an entry; a birth is one that the log itself knows of.
            if self._source.state(START)[1] != at:
                raise InvalidValue("the log was not born here")
            self._reborn(at)
            return
        if previous >= at:
            raise InvalidValue("an entry comes after the one before it")
        # What is no entry of ours is no link of the chain, either: understood first, counted second.
        what: Message | dict[str, Any] | None
        if kind == b"m":
            rooms = tuple(fields[b"r"].decode().split("\n"))
            what = message_of(rooms, fields, at) if self._receiver.wants(rooms) else None
        elif kind == b"c":
            what = decode_json(fields[b"d"])
            if not isinstance(what, dict):
                raise InvalidValue("a relayed payload is an object")
        else:
            raise InvalidValue(f"unknown kind {kind[:20]!r}")
        if previous != self._linked:
            self._tear(previous)
        self._linked, self._mark = at, fields.get(b"k", b"")
        self._hand_on(at, what)

    def _tear(self, previous: Position) -> None:
        """The next entry does not follow the last one.

        At each gap everybody reads the log anew. Where one entry after the other tears the chain, nothing more of what
        was read together is delivered: they read it once, at its end. Nor does anybody move on past it until then: who
        is live would miss it.
        """
        self._sure, self._seen = False, self._seen or (self._linked, self._mark)
        self._breaks += 1
        if self._breaks == 1:
            # Never back: what is live goes on where it was, whatever an entry says that came before it.
            self._receiver.gap(max(previous, self._linked))
        elif self._breaks == 2:
            self._held = self._linked

    def _hand_on(self, at: Position, what: Message | dict[str, Any] | None) -> None:
        torn = self._breaks > 1
        if isinstance(what, dict):
            self._receiver.control(self._held if torn else at, what)
        elif torn:
            return
        elif what is None:
            self._receiver.skip(at)
        else:
            self._receiver.deliver(what)

    def _check_state(self) -> None:
        """Ids alone do not say that a log was lost or rolled back: it is asked whether it knows what was read of it."""
        _, birth = self._source.state(*(self._seen or self._here()))
        self._sure, self._seen = True, None
        if birth != self._birth:
            self._position = birth
            self._reborn(birth)

    def _reborn(self, birth: Position) -> None:
        self._birth = self._linked = self._held = birth
        self._mark = b""
        self._receiver.gap(birth)

    def _here(self) -> tuple[Position, bytes]:
        """Where it stands, and the mark of what it read there; what was no entry of ours has none."""
        return self._position, self._mark if self._linked == self._position else b""
