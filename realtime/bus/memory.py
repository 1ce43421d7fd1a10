"""The embedded bus: one process, no server to install. It gives the whole contract of ``base.py`` but for sharing.

It may not start threads: a publish delivers in the publisher's own thread or greenlet, in id order.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from ..concurrency import Concurrency
from ..errors import KeyConflict
from ..message import START, Message, Position, encode_json
from .base import Bus, Outcome, Published, Receiver
from .notes import Notes
from .replay import TAIL_LIFETIMES, Entry, LogState, Replay, RoomSlice, merge, newest
from .roster import MemoryRoster
from .survey import RoomInfo


class _Room:
    """One room's log. ``tail`` outlives the entries."""

    __slots__ = ("entries", "tail")

    def __init__(self, length: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=length)
        self.tail = START


class MemoryBus(Bus):
    """A log in this process's memory.

    Args:
        concurrency: threads or greenlets, for the lock.
        history_length: messages kept per room.
        history_ttl: seconds after which an idle room's messages are dropped.
        log_length: ids kept of the whole log, to tell known cursors from foreign ones.
        key_ttl: seconds that an idempotency key is remembered.
        clock: seconds since the epoch; ids are made of it.
    """

    shared = False

    def __init__(
        self,
        *,
        concurrency: Concurrency,
        history_length: int = 1000,
        history_ttl: float = 86_400,
        log_length: int = 10_000,
        key_ttl: float = 600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lock = concurrency.mutex()
        self._clock = clock
        self._notes, self.roster = Notes(clock), MemoryRoster(self._lock)
        self._history_length = history_length
        self._ttl_ms, self._key_ttl_ms = int(history_ttl * 1000), int(key_ttl * 1000)
        self._receiver: Receiver | None = None
        self._head = self._birth = Position(self._now(), 0)
        self._ids: deque[Position] = deque([self._birth], maxlen=log_length)
        self._known = {self._birth}
        self._rooms, self._forgettable = OrderedDict[str, _Room](), OrderedDict[str, _Room]()
        self._keys: OrderedDict[tuple[tuple[str, ...], str], tuple[Position, str]] = OrderedDict()
        self._undelivered: list[Message | tuple[Position, dict[str, Any]]] = []
        self._delivering, self._expired_at = False, 0
        self._log = logging.getLogger(__name__)

    def start(self, receiver: Receiver) -> Position:
        with self._lock:
            self._receiver = receiver
            receiver.skip(self._head)
            return self._head

    def stop(self) -> None:
        with self._lock:
            self._receiver = None
            self._undelivered.clear()

    def ping(self) -> None:
        """Memory is always there."""

    def publish_many(self, messages: Sequence[Message]) -> list[Outcome]:
        with self._lock:
            self._expire()
            outcomes = [self._accept(message) for message in messages]
        self._pump()
        return outcomes

    def publish_soon(self, message: Message, done: Callable[[Outcome], None]) -> None:
        outcome = self.publish_many([message])[0]
        try:
            done(outcome)
        except Exception:  # noqa: BLE001  the message is published; what its publisher makes of that is another matter
            self._log.exception("a publisher could not be told")

    def relay(self, payload: dict[str, Any]) -> Position:
        encode_json(payload)  # A shared bus could not carry it otherwise; the embedded one must not be laxer.
        with self._lock:
            at = self._next()
            self._undelivered.append((at, payload))
        self._pump()
        return at

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Replay:
        with self._lock:
            self._expire()
            slices = [self._slice(name, lambda at: at > after, limit) for name in rooms]
            return merge(slices, state=self._state(after), after=after, upto=upto, limit=limit)

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Replay:
        with self._lock:
            self._expire()
            slices = [
                self._slice(name, lambda at: before is None or at < before, limit, newest_first=True) for name in rooms
            ]
            return newest(slices, state=self._state(START), before=before, limit=limit)

    def note(self, name: str, value: str, *, ttl: float | None = None, once: bool = False) -> bool:
        with self._lock:
            return self._notes.put(name, value, ttl=ttl, once=once)

    def note_all(self, values: Mapping[str, str], *, ttl: float) -> None:
        with self._lock:
            for name, value in values.items():
                self._notes.put(name, value, ttl=ttl, once=False)

    def noted(self, names: Sequence[str]) -> list[str | None]:
        with self._lock:
            return self._notes.get(names)

    def unnote(self, name: str) -> bool:
        with self._lock:
            return self._notes.remove(name)

    def rooms(self, *, limit: int) -> list[RoomInfo]:
        with self._lock:
            self._expire()
            newest = islice(reversed(self._rooms.items()), limit)
            return [RoomInfo(name, room.tail, len(room.entries)) for name, room in newest]

    def _accept(self, message: Message) -> Outcome:
        if message.key is not None:
            known = self._keys.get((message.scope, message.key))
            if known is not None:
                if known[1] != message.digest:
                    return KeyConflict("this key was used for another message; a key stands for one message")
                return Published(known[0], True)
        at = self._next()
        accepted = message.accepted(at)
        if message.key is not None:
            self._keys[message.scope, message.key] = (at, message.digest)
        for name in () if message.transient else message.rooms:
            room = self._rooms.pop(name, None) or self._forgettable.pop(name, None) or _Room(self._history_length)
            room.entries.append(Entry(accepted, room.tail))
            room.tail = at
            self._rooms[name] = room
        self._undelivered.append(accepted)
        return Published(at, False)

    def _pump(self) -> None:
        """Deliver what is waiting. One deliverer at a time keeps the order, also when a delivery publishes again."""
        with self._lock:
            if self._delivering:
                return
            self._delivering = True
        try:
            while True:
                with self._lock:
                    receiver = self._receiver
                    if not self._undelivered or receiver is None:
                        self._undelivered.clear()
                        self._delivering = False
                        return
                    batch, self._undelivered = self._undelivered, []
                for one in batch:
                    self._hand(one, receiver)
                receiver.flush()
        except BaseException:
            with self._lock:
                self._delivering = False
            raise

    def _hand(self, one: Message | tuple[Position, dict[str, Any]], receiver: Receiver) -> None:
        try:
            receiver.deliver(one) if isinstance(one, Message) else receiver.control(*one)
        except Exception:  # noqa: BLE001  it was accepted: a fault of ours in one must cost nobody the others
            self._log.exception("a message could not be delivered")

    def _slice(
        self, name: str, within: Callable[[Position], bool], limit: int, *, newest_first: bool = False
    ) -> RoomSlice:
        room = self._rooms.get(name)
        if room is None:
            past = self._forgettable.get(name)
            return RoomSlice((), None if past is None else past.tail)
        found: list[Entry] = []
        # Readers mostly want the end of the log: walk from there and stop where the range ends.
        for entry in reversed(room.entries):
            if within(entry.message.id or START):
                found.append(entry)
                if newest_first and len(found) > limit:
                    break
            elif found and not newest_first:
                break
        found.reverse()
        return RoomSlice(found if newest_first else found[: limit + 1], room.tail)

    def _state(self, cursor: Position) -> LogState:
        return LogState(
            birth=self._birth,
            head=self._head,
            oldest=self._ids[0],
            present=cursor in self._known,
            forgotten_before=self._now() - self._ttl_ms * TAIL_LIFETIMES,
        )

    def _next(self) -> Position:
        """The next id: the clock's, or one more than the last when the clock stood still or went back."""
        now = self._now()
        self._head = Position(now, 0) if now > self._head.ms else Position(self._head.ms, self._head.n + 1)
        if len(self._ids) == self._ids.maxlen:
            self._known.discard(self._ids[0])
        self._ids.append(self._head)
        self._known.add(self._head)
        return self._head

    def _expire(self) -> None:
        """Drop idle rooms and old keys. Both dicts are in order of use, so that only what goes is looked at."""
        now = self._now()
        if now == self._expired_at:
            return  # Nothing grows older within a millisecond.
        self._expired_at = now
        while self._rooms and next(iter(self._rooms.values())).tail.ms < now - self._ttl_ms:
            name, room = self._rooms.popitem(last=False)
            room.entries.clear()
            self._forgettable[name] = room
        gone = now - self._ttl_ms * TAIL_LIFETIMES
        while self._forgettable and next(iter(self._forgettable.values())).tail.ms < gone:
            self._forgettable.popitem(last=False)
        while self._keys and next(iter(self._keys.values()))[0].ms < now - self._key_ttl_ms:
            self._keys.popitem(last=False)

    def _now(self) -> int:
        return int(self._clock() * 1000)
