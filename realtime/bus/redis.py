"""The shared bus: any number of processes and machines around one Redis (5.0 or newer).

All keys of a namespace carry the same hash tag, ``{namespace}``. One script per publish makes acceptance atomic; one
blocking reader per process follows the log. Hot paths speak to Redis directly, over a ``Channel``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ..concurrency import Concurrency
from ..errors import BusUnavailable
from ..message import START, Message, Position, encode_json
from . import survey
from .backoff import Backoff
from .base import Bus, Outcome, Receiver
from .calls import PublishCalls
from .channel import Channel
from .entries import DEFAULT_MAX_BYTES, position_of, room_slice
from .follow import Following
from .pipe import Pipe
from .reader import Reader
from .replay import TAIL_LIFETIMES, LogState, Replay, RoomSlice, merge, newest
from .survey import RoomInfo
from .trips import Job, Trips

_POOL_SIZE = 32
_MOST_ENTRIES = 100_000
"""Entries of a room that are looked at for right ones among wrong ones."""


class RedisBus(Bus):
    """A log in Redis streams.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        concurrency: threads or greenlets, for the reader. With greenlets, sockets must be patched.
        namespace: prefix of every key.
        history_length: messages kept per room, approximately (never fewer).
        history_ttl: seconds after which an idle room's messages are dropped.
        log_length: entries kept in the whole log, approximately (never fewer).
        key_ttl: seconds that an idempotency key is remembered.
        publish_timeout: seconds after which a publish without an answer fails.
        max_message_bytes: what this process publishes at most. Of others several times as much is read.
    """

    shared = True

    def __init__(  # noqa: PLR0913  each is a setting
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
    ) -> None:
        self._concurrency = concurrency
        self._prefix = f"{{{namespace}}}:"
        self._log, self._meta = f"{self._prefix}log", f"{self._prefix}meta"
        self._ttl_ms = int(history_ttl * 1000)
        self._log_length = log_length
        self._publish_timeout = publish_timeout
        self._max_bytes = max(4 * max_message_bytes, DEFAULT_MAX_BYTES)
        self._client = _client(url, timeout=publish_timeout, connections=_POOL_SIZE)
        self._connect = partial(Channel, self._client.connection_pool)
        self._make_calls = partial(
            PublishCalls,
            prefix=self._prefix,
            history_length=history_length,
            history_ttl_ms=self._ttl_ms,
            log_length=log_length,
            key_ttl_ms=int(key_ttl * 1000),
        )
        self._read = self._client.register_script(_script("read"))
        self._relay = self._client.register_script(_script("relay"))
        self._reader: Reader | None = None
        self._renew()

    def start(self, receiver: Receiver) -> Position:
        head, birth = self.state()
        receiver.skip(head)
        self._reader = Reader(
            source=Following(connect=self._connect, log=self._log, state=self.state),
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

    def ping(self) -> None:
        _asked(self._client.ping)
        if self._reader is not None and not self._reader.connected:
            raise BusUnavailable("Redis answers, but its log cannot be followed yet")

    def publish_many(self, messages: Sequence[Message]) -> list[Outcome]:
        pipe = self._here()
        return pipe.publish([self._job(message) for message in messages])

    def publish_soon(self, message: Message, done: Callable[[Outcome], None]) -> None:
        self._here().publish_soon(self._job(message, done))

    def _job(self, message: Message, done: Callable[[Outcome], None] | None = None) -> Job:
        command, digest = self._calls.packed(message)
        return Job(command, digest=digest, deadline=time.monotonic() + self._publish_timeout, done=done)

    def _here(self) -> Pipe:
        """This process's pipe. A fork has inherited one in the middle of whatever its parent was doing."""
        if self._pid != os.getpid():
            self._renew()
        return self._pipe

    def _renew(self) -> None:
        script = _script("publish")
        trips = Trips(
            connect=self._connect,
            script=script,
            sleep=self._concurrency.sleep,
            outage=self._is_away,
        )
        self._pipe, self._calls = Pipe(trips=trips, concurrency=self._concurrency), self._make_calls(script)
        self._pid = os.getpid()

    def _is_away(self) -> bool:
        return self._reader is not None and not self._reader.connected

    def relay(self, payload: dict[str, Any]) -> Position:
        text = encode_json(payload)
        at, _ = self._patiently(lambda: self._relay(keys=[self._log, self._meta], args=[self._log_length, text]))
        return Position.parse(at.decode())

    def replay(self, rooms: Sequence[str], after: Position, *, upto: Position | None = None, limit: int) -> Replay:
        state, slices = self._look(rooms, "after", after, "+", limit)
        return merge(slices, state=state, after=after, upto=upto, limit=limit)

    def latest(self, rooms: Sequence[str], *, before: Position | None = None, limit: int) -> Replay:
        end = "+" if before is None else f"({before}"
        state, slices = self._look(rooms, "before", START, end, limit)
        return newest(slices, state=state, before=before, limit=limit)

    def note(self, name: str, value: str, *, ttl: float | None = None, once: bool = False) -> bool:
        px = None if ttl is None else max(1, int(ttl * 1000))
        return bool(_asked(lambda: self._client.set(f"{self._prefix}note:{name}", value, px=px, nx=once)))

    def noted(self, names: Sequence[str]) -> list[str | None]:
        found = _asked(lambda: self._client.mget([f"{self._prefix}note:{name}" for name in names]))
        return [None if value is None else value.decode("utf-8", "replace") for value in found]

    def unnote(self, name: str) -> bool:
        return bool(_asked(lambda: self._client.delete(f"{self._prefix}note:{name}")))

    def rooms(self, *, limit: int) -> list[RoomInfo]:
        return cast(list[RoomInfo], _asked(lambda: survey.rooms(self._client, f"{self._prefix}room:", limit=limit)))

    def condition(self) -> Mapping[str, Any]:
        return cast(dict[str, Any], _asked(lambda: survey.condition(self._client)))

    def state(self) -> tuple[Position, Position]:
        """The log's newest id and its birth. Makes the log when there is none."""
        head, birth = _asked(lambda: self._relay(keys=[self._log, self._meta], args=[self._log_length, ""]))
        return Position.parse(head.decode()), Position.parse((birth or head).decode())

    def _look(
        self, rooms: Sequence[str], direction: str, cursor: Position, end: str, limit: int
    ) -> tuple[LogState, list[RoomSlice]]:
        keys, count = [self._log, self._meta, *self._room_keys(rooms)], limit + 1
        while True:
            ask = partial(self._read, keys=keys, args=(direction, str(cursor), end, count))
            head, birth, oldest, present, *found = _asked(ask)
            slices = [room_slice(room, *one, most=self._max_bytes) for room, one in zip(rooms, found, strict=True)]
            full = [len(entries) >= count > len(kept.entries) for (entries, _), kept in zip(found, slices, strict=True)]
            if not any(full) or count >= _MOST_ENTRIES:
                break
            # Wrong entries take the places of right ones, which must not be missed for it.
            count = min(count * 8, _MOST_ENTRIES)
        forgotten_before = int(time.time() * 1000) - self._ttl_ms * TAIL_LIFETIMES
        state = LogState(position_of(birth), position_of(head), position_of(oldest), bool(present), forgotten_before)
        return state, slices

    def _room_keys(self, rooms: Sequence[str]) -> list[str]:
        return [f"{self._prefix}{kind}:{room}" for room in rooms for kind in ("room", "tail")]

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask again while the connection fails, within the publish time-out. Safe, because every publish has a key."""
        deadline = time.monotonic() + self._publish_timeout
        backoff = Backoff(cap=0.2)
        while True:
            try:
                return ask()
            except (RedisConnectionError, RedisTimeoutError) as exc:
                pause = backoff.next()
                if self._is_away() or time.monotonic() + pause >= deadline:
                    raise BusUnavailable(f"Redis cannot be reached: {exc}") from exc
                self._concurrency.sleep(pause)
            except RedisError as exc:
                raise BusUnavailable(f"Redis refused: {exc}") from exc


def _client(url: str, *, timeout: float, connections: int) -> redis.Redis:
    """A client that never retries by itself: when and how often to try again is this file's decision."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 2),
        protocol=2,
        retry=Retry(NoBackoff(), 0),
    )
    return redis.Redis(connection_pool=pool)


def _script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.lua").read_text("utf-8")


def _asked(ask: Callable[[], Any]) -> Any:
    """Ask once; any failure of Redis is a ``BusUnavailable``."""
    try:
        return ask()
    except RedisError as exc:
        raise BusUnavailable(f"Redis cannot be asked: {exc}") from exc
