"""The shared bus: any number of processes and machines around one Redis (5.0 or newer).

All keys of a namespace carry the same hash tag, ``{namespace}``. One script per publish makes acceptance atomic; one
blocking reader per process follows the log. Hot paths speak to Redis directly, over a ``Channel``. This file may not
know who reads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any, cast

from ..concurrency import Concurrency
from ..message import START, Message, Position, encode_json
from . import survey
from .base import Bus, Outcome, Receiver
from .budgets import PATIENCE, RedisBudgets
from .calls import PublishCalls
from .channel import packed
from .client import Client
from .entries import DEFAULT_MAX_BYTES, mark_of, position_of, room_slice
from .follow import Following
from .pipe import Pipe
from .reader import Reader
from .replay import TAIL_LIFETIMES, LogState, Replay, RoomSlice, merge, newest
from .sheets import RedisRoster
from .survey import RoomInfo
from .trips import NOT_DURABLE, Durability, Job, Trips

_MOST_ENTRIES = 100_000
"""Entries of a room that are looked at for right ones among wrong ones."""


class RedisBus(Bus):
    """A log in Redis streams.

    Args:
        url: of one Redis, of Sentinels, or of a cluster (see ``address``).
        concurrency: threads or greenlets, for the reader. With greenlets, sockets must be patched.
        namespace: prefix of every key.
        history_length: messages kept per room, approximately (never fewer).
        history_ttl: seconds after which an idle room's messages are dropped.
        log_length: entries kept in the whole log, approximately (never fewer).
        key_ttl: seconds that an idempotency key is remembered.
        publish_timeout: seconds after which a publish without an answer fails.
        max_message_bytes: what this process publishes at most. Of others several times as much is read.
        durability: what a message has to be, beside in the log, before it is acknowledged.

    Raises:
        ConfigError: the URL has options that the Redis client refuses.
    """

    shared = True
    budgets: RedisBudgets

    def __init__(  # noqa: PLR0913  each is a setting of its own
        self,
        url: str,
        *,
        concurrency: Concurrency,
        namespace: str = "realtime",
        history_length: int = 1000,
        history_ttl: float = 86_400,
        log_length: int = 10_000,
        key_ttl: float = 600,
        publish_timeout: float = 2,
        max_message_bytes: int = 64 * 1024,
        durability: Durability = NOT_DURABLE,
    ) -> None:
        self._concurrency = concurrency
        self._prefix = f"{{{namespace}}}:"
        self._log, self._meta = f"{self._prefix}log", f"{self._prefix}meta"
        self._ttl_ms = int(history_ttl * 1000)
        self._log_length = log_length
        self._publish_timeout = publish_timeout
        self._max_bytes = max(4 * max_message_bytes, DEFAULT_MAX_BYTES)
        self._durability = durability
        self._client = Client(url, tag=namespace, timeout=publish_timeout, sleep=concurrency.sleep, away=self._is_away)
        self._redis, self._connect = self._client.redis, partial(self._client.channel, concurrency.readable)
        hasty = partial(Client, url, tag=namespace, sleep=concurrency.sleep, away=self._is_away)
        self.budgets = RedisBudgets(partial(hasty, timeout=min(PATIENCE, publish_timeout)), prefix=self._prefix)
        self.roster = RedisRoster(self._client.ask, self._redis, self._prefix)
        self._make_calls = partial(
            PublishCalls,
            prefix=self._prefix,
            history_length=history_length,
            history_ttl_ms=self._ttl_ms,
            log_length=log_length,
            key_ttl_ms=int(key_ttl * 1000),
        )
        self._read = self._redis.register_script(_script("read"))
        self._relay = self._redis.register_script(_script("log", "relay"))
        self._reader: Reader | None = None
        self._renew()

    def start(self, receiver: Receiver) -> Position:
        source = Following(connect=self._connect, log=self._log, about=self._about)
        head, birth = source.state(START)
        receiver.skip(head)
        self._reader = Reader(
            source=source,
            receiver=receiver,
            concurrency=self._concurrency,
            head=head,
            birth=birth,
            on_change=self.on_change,
            max_bytes=self._max_bytes,
        )
        self._reader.start()
        return head

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        self._here().close()
        self._client.close()
        self.budgets.close()

    def ping(self) -> None:
        self._client.ask(self._redis.ping, again=True)

    @property
    def expects_more(self) -> bool:
        # What waits for replicas was delivered already.
        return self._pipe.busy and not self._durability.replicas

    def publish_many(self, messages: Sequence[Message]) -> list[Outcome]:
        pipe = self._here()
        return pipe.publish([self._job(message) for message in messages])

    def publish_soon(self, message: Message, done: Callable[[Outcome], None]) -> None:
        self._here().publish_soon(self._job(message, done))

    def _job(self, message: Message, done: Callable[[Outcome], None] | None = None) -> Job:
        command, digest, mark = self._calls.packed(message)
        return Job(command, digest=digest, deadline=time.monotonic() + self._publish_timeout, mark=mark, done=done)

    def _here(self) -> Pipe:
        """This process's pipe. A fork has inherited one in the middle of whatever its parent was doing."""
        if self._pid != os.getpid():
            self._renew()
        return self._pipe

    def _renew(self) -> None:
        script = _script("log", "publish")
        trips = Trips(
            connect=self._connect,
            opening=partial(self._opening, script),
            sleep=self._concurrency.sleep,
            outage=self._is_away,
            durability=self._durability,
        )
        self._trips, self._pipe = trips, Pipe(trips=trips, concurrency=self._concurrency)
        self._calls = self._make_calls(script)
        self._pid = os.getpid()

    def _opening(self, script: str) -> list[bytes]:
        """A new connection may lead to another log than the last one, which then has to know what was answered."""
        return [packed("SCRIPT", "LOAD", script), *([self._about(START)] if self._trips.newest[0] else [])]

    def _about(self, seen: Position, mark: bytes = b"") -> bytes:
        """Asks for the log's newest id and its birth. It is made when there is none, and born anew when it has lost
        what was seen of it: read by this process, or answered to it as the id of what it published.
        """
        answered, its_mark = self._trips.newest
        known = {position_of(answered): its_mark, seen: mark_of(mark)}
        said = sorted(f"{at} {mark}" for at, mark in known.items() if at != START)
        return packed("EVAL", _script("log", "state"), 2, self._log, self._meta, *said)

    def _is_away(self) -> bool:
        return self._reader is not None and not self._reader.connected

    def relay(self, payload: dict[str, Any]) -> Position:
        text = encode_json(payload)
        ask = partial(self._relay, keys=[self._log, self._meta], args=[self._log_length, text])
        return Position.parse(self._client.ask_patiently(ask).decode())

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Replay:
        state, slices = self._look(rooms, "after", after, "+", limit)
        return merge(slices, state=state, after=after, upto=upto, limit=limit)

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Replay:
        end = "+" if before is None else f"({before}"
        state, slices = self._look(rooms, "before", START, end, limit)
        return newest(slices, state=state, before=before, limit=limit)

    def note(self, name: str, value: str, *, ttl: float | None = None, once: bool = False) -> bool:
        px = None if ttl is None else max(1, int(ttl * 1000))
        return bool(self._client.ask(lambda: self._redis.set(f"{self._prefix}note:{name}", value, px=px, nx=once)))

    def note_all(self, values: Mapping[str, str], *, ttl: float) -> None:
        def write() -> None:
            pipeline = self._redis.pipeline(transaction=False)
            for name, value in values.items():
                pipeline.set(f"{self._prefix}note:{name}", value, px=max(1, int(ttl * 1000)))
            pipeline.execute()

        if values:
            self._client.ask(write, again=True)

    def noted(self, names: Sequence[str]) -> list[str | None]:
        keys = [f"{self._prefix}note:{name}" for name in names]
        found = self._client.ask(lambda: self._redis.mget(keys), again=True)
        return [None if value is None else value.decode("utf-8", "replace") for value in found]

    def unnote(self, name: str) -> bool:
        return bool(self._client.ask(lambda: self._redis.delete(f"{self._prefix}note:{name}")))

    def rooms(self, *, limit: int) -> list[RoomInfo]:
        ask = partial(survey.rooms, self._redis, f"{self._prefix}room:", limit=limit)
        return cast(list[RoomInfo], self._client.ask(ask))

    def condition(self) -> Mapping[str, Any]:
        return cast(dict[str, Any], self._client.ask(lambda: survey.condition(self._redis)))

    def _look(
        self, rooms: Sequence[str], direction: str, cursor: Position, end: str, limit: int
    ) -> tuple[LogState, list[RoomSlice]]:
        keys, count = [self._log, self._meta, *self._room_keys(rooms)], limit + 1
        while True:
            ask = partial(self._read, keys=keys, args=(direction, str(cursor), end, count))
            head, birth, oldest, present, now, *found = self._client.ask(ask, again=True)
            slices = [room_slice(room, *one, most=self._max_bytes) for room, one in zip(rooms, found, strict=True)]
            full = [len(entries) >= count > len(kept.entries) for (entries, _), kept in zip(found, slices, strict=True)]
            if not any(full) or count >= _MOST_ENTRIES:
                break
            # Wrong entries take the places of right ones, which must not be missed for it.
            count = min(count * 8, _MOST_ENTRIES)
        last = position_of(head)
        # Where Redis' clock was put back, ids are ahead of it. Who may not ask for it (an ACL) goes by the own one.
        forgotten_before = max(now or int(time.time() * 1000), last.ms) - self._ttl_ms * TAIL_LIFETIMES
        state = LogState(position_of(birth), last, position_of(oldest), bool(present), forgotten_before)
        return state, slices

    def _room_keys(self, rooms: Sequence[str]) -> list[str]:
        return [f"{self._prefix}{kind}:{room}" for room in rooms for kind in ("room", "tail")]


def _script(*names: str) -> str:
    """One script out of several files, the first in front."""
    return "".join(files(__package__).joinpath(f"{name}.lua").read_text("utf-8") for name in names)
