"""The shared bus: any number of processes and machines around one Redis (5.0 or newer).

All keys of a namespace carry the same hash tag, ``{namespace}``. One script per publish makes acceptance atomic; one
blocking reader per process follows the log. This is the only file that imports the Redis client.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ..concurrency import Concurrency
from ..errors import BusUnavailable, InvalidValue, KeyConflict
from ..message import START, Message, Position, encode_json
from . import survey
from .base import (
    TAIL_LIFETIMES,
    Bus,
    Entry,
    LogState,
    Published,
    Receiver,
    Replay,
    RoomSlice,
    merge,
    newest,
)
from .reader import Backoff, Raw, Reader, message_of
from .survey import RoomInfo

_BLOCK_SECONDS = 1.0
_BATCH = 512
_RETRY_KEY_MS = 30_000
_POOL_SIZE = 32


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
    """

    shared = True

    def __init__(
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
    ) -> None:
        self._concurrency = concurrency
        self._prefix = f"{{{namespace}}}:"
        self._log, self._meta = f"{self._prefix}log", f"{self._prefix}meta"
        self._history_length = history_length
        self._ttl_ms = int(history_ttl * 1000)
        self._log_length = log_length
        self._key_ttl_ms = int(key_ttl * 1000)
        self._publish_timeout = publish_timeout
        self._client = _client(url, timeout=publish_timeout, connections=_POOL_SIZE)
        self._following = _client(url, timeout=_BLOCK_SECONDS + 2, connections=1)
        self._publish = self._client.register_script(_script("publish"))
        self._read = self._client.register_script(_script("read"))
        self._relay = self._client.register_script(_script("relay"))
        self._reader: Reader | None = None

    def start(self, receiver: Receiver) -> Position:
        head, birth = self.state()
        receiver.skip(head)
        self._reader = Reader(
            source=self,
            receiver=receiver,
            concurrency=self._concurrency,
            head=head,
            birth=birth,
            on_change=self.on_change,
        )
        self._reader.start()
        return head

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        self._client.close()

    def ping(self) -> None:
        _asked(self._client.ping)
        if self._reader is not None and not self._reader.connected:
            raise BusUnavailable("Redis answers, but its log cannot be followed yet")

    def publish(self, message: Message) -> Published:
        if message.key is None:
            # A connection may break after the script ran and before its answer came. Under a key of its own the
            # message can be sent again without being published twice.
            key, key_ttl = secrets.token_hex(8), _RETRY_KEY_MS
        else:
            said = "\0".join((*message.scope, message.key)).encode()
            key, key_ttl = blake2b(said, digest_size=16).hexdigest(), self._key_ttl_ms
        keys = [self._log, self._meta, f"{self._prefix}key:{key}", *self._room_keys(message.rooms)]
        tail_ttl = self._ttl_ms * TAIL_LIFETIMES
        skip = json.dumps(sorted(message.skip)) if message.skip else ""
        arguments = (
            *(self._log_length, self._history_length, self._ttl_ms, tail_ttl, key_ttl),
            *(message.digest, message.event, message.json, skip, "1" if message.spread else ""),
            "\n".join(message.rooms),
        )
        at, duplicate, digest = self._patiently(lambda: self._publish(keys=keys, args=arguments))
        if duplicate and digest.decode() != message.digest:
            raise KeyConflict("this key was used for another message; a key stands for one message")
        return Published(Position.parse(at.decode()), bool(duplicate) and message.key is not None)

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

    def rooms(self, *, limit: int) -> list[RoomInfo]:
        return cast(list[RoomInfo], _asked(lambda: survey.rooms(self._client, f"{self._prefix}room:", limit=limit)))

    def condition(self) -> Mapping[str, Any]:
        return cast(dict[str, Any], _asked(lambda: survey.condition(self._client)))

    def read(self, after: Position) -> Sequence[Raw]:
        """For the reader: the log's next entries, waiting about a second for the first."""
        block = int(_BLOCK_SECONDS * 1000)
        answer = _asked(lambda: self._following.xread({self._log: str(after)}, count=_BATCH, block=block))
        return answer[0][1] if answer else ()

    def state(self) -> tuple[Position, Position]:
        """For the reader: the log's newest id and its birth. Makes the log when there is none."""
        head, birth = _asked(lambda: self._relay(keys=[self._log, self._meta], args=[self._log_length, ""]))
        return Position.parse(head.decode()), Position.parse((birth or head).decode())

    def _look(
        self, rooms: Sequence[str], direction: str, cursor: Position, end: str, limit: int
    ) -> tuple[LogState, list[RoomSlice]]:
        keys = [self._log, self._meta, *self._room_keys(rooms)]
        arguments = (direction, str(cursor), end, limit + 1)
        head, birth, oldest, present, *found = _asked(lambda: self._read(keys=keys, args=arguments))
        forgotten_before = int(time.time() * 1000) - self._ttl_ms * TAIL_LIFETIMES
        state = LogState(_position(birth), _position(head), _position(oldest), bool(present), forgotten_before)
        return state, [_room_slice(room, *one) for room, one in zip(rooms, found, strict=True)]

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
                outage = self._reader is not None and not self._reader.connected
                if outage or time.monotonic() + pause >= deadline:
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


def _position(raw: bytes) -> Position:
    return Position.parse(raw.decode()) if raw else START


def _room_slice(room: str, entries: Sequence[Any], tail: bytes) -> RoomSlice:
    """Decode one room's entries; what the publish script could not have written is left out."""
    found: list[Entry] = []
    for raw_id, flat in entries:
        fields: Mapping[bytes, bytes] = dict(zip(flat[::2], flat[1::2], strict=True))
        try:
            at = Position.parse(raw_id.decode())
            rooms = tuple(fields[b"r"].decode().split("\n"))
            if room not in rooms:
                raise InvalidValue("an entry of another room")
            found.append(Entry(message_of(rooms, fields, at), Position.parse(fields[b"p"].decode())))
        except (InvalidValue, KeyError, ValueError, TypeError, RecursionError):
            continue
    found.sort(key=lambda entry: entry.message.id or START)
    return RoomSlice(found, _position(tail) if tail else None)
