"""The roster in Redis: a hash for each process and room, a set of each process's rooms, and all leases in one sorted
set. All keys carry the namespace's hash tag. The contract stands in ``roster.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any, Final, cast

from .roster import Changes, Fields, Page, Roster

_DAY_MS: Final = 86_400_000
_TOGETHER: Final = 200
"""Rooms in one round trip."""


class RedisRoster(Roster):
    """Over the bus's own connections.

    Args:
        ask: asks Redis, so that its failures are ``BusUnavailable``.
        client: the Redis client, which answers in bytes.
        prefix: of every key.
    """

    def __init__(self, ask: Callable[..., Any], client: Any, prefix: str) -> None:
        self._ask = ask
        self._redis = client
        self._prefix = f"{prefix}here"
        self._lease = client.register_script(files(__package__).joinpath("lease.lua").read_text("utf-8"))

    def renew(self, process: str, ttl: float) -> bool:
        return bool(self._leased("renew", process, int(ttl * 1000), _DAY_MS))

    def write(self, process: str, changes: Changes) -> None:
        def add(pipe: Any, room: str, fields: Mapping[str, str | None] | None) -> None:
            key = self._sheet(process, room)
            if fields is None:
                pipe.delete(key)
                pipe.srem(self._rooms(process), room)
                return
            gone = [field for field, text in fields.items() if text is None]
            kept = {field: text for field, text in fields.items() if text is not None}
            if gone:
                pipe.hdel(key, *gone)
            if kept:
                self._put(pipe, process, room, kept)

        self._together(list(changes.items()), add)

    def rewrite(self, process: str, rooms: Mapping[str, Fields]) -> None:
        def add(pipe: Any, room: str, fields: Fields) -> None:
            pipe.delete(self._sheet(process, room))
            if fields:
                self._put(pipe, process, room, fields)
            else:
                pipe.srem(self._rooms(process), room)

        self._together(list(rooms.items()), add)

    def _put(self, pipe: Any, process: str, room: str, fields: Fields) -> None:
        key = self._sheet(process, room)
        pipe.hset(key, mapping=dict(fields))
        pipe.pexpire(key, _DAY_MS)
        pipe.sadd(self._rooms(process), room)
        pipe.pexpire(self._rooms(process), _DAY_MS)

    def read(self, rooms: Sequence[str], *, most: int) -> dict[str, dict[str, Page]]:
        alive = self._processes("alive")
        asked = [(room, process) for room in rooms for process in alive]
        found: dict[str, dict[str, Page]] = {room: {} for room in rooms}
        for start in range(0, len(asked), _TOGETHER):
            part = asked[start : start + _TOGETHER]
            answers = self._ask(partial(self._asked, part, most), again=True)
            for (room, process), size, fields in zip(part, answers[::2], answers[1::2], strict=True):
                # Somebody else's key that is no hash is as good as not there.
                if isinstance(size, int) and size > 0 and isinstance(fields, tuple):
                    found[room][process] = Page({_text(one): _text(two) for one, two in fields[1].items()}, size)
        return found

    def _asked(self, part: Sequence[tuple[str, str]], most: int) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for room, process in part:
            key = self._sheet(process, room)
            pipe.hlen(key)
            pipe.hscan(key, 0, count=most)
        return cast(list[Any], pipe.execute(raise_on_error=False))

    def over(self) -> dict[str, list[str]]:
        return {
            process: [_text(room) for room in self._ask(partial(self._redis.smembers, self._rooms(process)))]
            for process in self._processes("over")
        }

    def bury(self, process: str, rooms: Sequence[str]) -> bool:
        keys = [self._rooms(process), *(self._sheet(process, room) for room in rooms)]
        return bool(self._leased("bury", process, keys=keys))

    def _processes(self, which: str) -> list[str]:
        return [_text(one) for one in self._leased(which)]

    def _leased(self, *arguments: Any, keys: Sequence[str] = ()) -> Any:
        return self._ask(partial(self._lease, keys=[self._prefix, *keys], args=arguments), again=True)

    def _together(self, items: Sequence[tuple[str, Any]], add: Callable[[Any, str, Any], None]) -> None:
        """In transactions: whoever reads meanwhile sees a room before or after, never in between."""

        def send(part: Sequence[tuple[str, Any]]) -> None:
            pipe = self._redis.pipeline(transaction=True)
            for room, fields in part:
                add(pipe, room, fields)
            pipe.execute()

        for start in range(0, len(items), _TOGETHER):
            self._ask(partial(send, items[start : start + _TOGETHER]), again=True)

    def _rooms(self, process: str) -> str:
        return f"{self._prefix}:rooms:{process}"

    def _sheet(self, process: str, room: str) -> str:
        return f"{self._prefix}:{process}:{room}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
