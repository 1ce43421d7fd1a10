"""What the transport lab (``/lab``) needs of the server: its clock, a feeder, and a way to cut a connection.

Only an application that asks for it has these routes (``REALTIME_LAB``). The feeder publishes into rooms of the lab's
own only, for at most a second a request, so that it stops by itself when its page is gone; a connection is cut only for
whoever knows its lane's name, 128 random bits. This file may not measure anything: the page does.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from ..concurrency import Concurrency
from ..config import Settings
from ..errors import InvalidValue, RateLimited, RealtimeError
from ..hub.log import Counters
from ..rules import Origin
from .access import Gate
from .bodies import json_object
from .http import guard
from .lanes import Lanes
from .pipeline import Pipeline

MOST_A_SLICE: Final = 500
MOST_BYTES: Final = 16 * 1024
LEAST_BYTES: Final = 16
EVENT: Final = "lab"

_AT_ONCE: Final = 4
"""Slices that a process feeds at the same time: what all labs together may cost it."""
_MOST_KEPT: Final = 128 * 1024 * 1024
"""Bytes that the logs of all labs' rooms may keep, as far as this process has fed them: requests of a hundred bytes may
not fill the memory of whoever keeps the log.
"""
_LATE: Final = 1.0
"""Seconds after which a slice that cannot keep its pace ends with fewer messages."""
_TOGETHER: Final = 20
"""Messages that may go out without letting others run, when the pace is behind."""
_MOST_NUMBER: Final = 1_000_000
_LONGEST_RUN: Final = 3600.0
_ROOM: Final = re.compile(r"lab-[0-9a-f]{32}")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_WANTED: Final = 'the body is {"room", "since", "first", "count", "seconds", "size"}'


@dataclass(frozen=True)
class Slice:
    """A part of a run: ``count`` messages of ``size`` bytes of JSON, spread over ``seconds``, numbered from ``first``.

    ``since`` is when the run began, by this server's clock, in seconds since 1970.
    """

    room: str
    since: float
    first: int
    count: int
    seconds: float
    size: int


class Feeder:
    """Publishes slices, not too many at once.

    Args:
        pipeline: the way of everything that is published: the application's rules hold here too.
        concurrency: waits.
        settings: how much of a room is kept, and how long.
    """

    def __init__(self, pipeline: Pipeline, *, concurrency: Concurrency, settings: Settings) -> None:
        self._pipeline = pipeline
        self._concurrency = concurrency
        self._length = settings.history_length
        self._ttl = settings.history_ttl
        self._lock = concurrency.mutex()
        self._running = 0
        # What rooms keep, and until when.
        self._kept: dict[str, tuple[int, float]] = {}

    def feed(self, asked: Slice, *, identity: Any) -> tuple[list[str], RealtimeError | None]:
        """Publish a slice.

        Returns:
            The ids of what was accepted, numbered from ``first`` without a gap, and why the rest was not.

        Raises:
            RateLimited: this process is feeding as many as it may already, or has fed as much as may be kept.
        """
        with self._lock:
            if self._running >= _AT_ONCE:
                raise RateLimited(f"{_AT_ONCE} labs are being fed already; try again in a second", retry_after=1)
            self._keep(asked)
            self._running += 1
        try:
            return self._paced(asked, Origin("http", identity=identity))
        finally:
            with self._lock:
                self._running -= 1

    def _keep(self, asked: Slice) -> None:
        now = time.monotonic()
        self._kept = {room: one for room, one in self._kept.items() if one[1] > now}
        before, _ = self._kept.get(asked.room, (0, 0.0))
        kept = min(before + asked.count * asked.size, max(before, self._length * asked.size))
        if kept > before and sum(one for one, _ in self._kept.values()) + kept - before > _MOST_KEPT:
            wait = min(until for _, until in self._kept.values()) - now if self._kept else self._ttl
            raise RateLimited(
                f"the logs of labs may keep {_MOST_KEPT} bytes in all, and do; they are dropped after "
                "REALTIME_HISTORY_TTL seconds",
                retry_after=int(wait) + 1,
            )
        self._kept[asked.room] = (kept, now + self._ttl)

    def _paced(self, asked: Slice, origin: Origin) -> tuple[list[str], RealtimeError | None]:
        began, ids, behind = time.monotonic(), list[str](), 0
        for number in range(asked.count):
            wait = began + number * asked.seconds / asked.count - time.monotonic()
            if wait < -_LATE:
                break
            behind = behind + 1 if wait <= 0 else 0
            if wait > 0 or behind % _TOGETHER == 0:
                self._concurrency.sleep(max(wait, 0))
            data = message(asked.first + number, time.time() - asked.since, asked.size)
            try:
                ids.append(str(self._pipeline.publish(asked.room, data, event=EVENT, origin=origin).id))
            except RealtimeError as exc:
                return ids, exc
        return ids, None


def message(number: int, seconds: float, size: int) -> str:
    """What is published: the message's number and when it was, in tenths of milliseconds since the run began, both in
    base 36, filled up so that its JSON has ``size`` bytes. (The longest run's last one still fits into 16.)

    It is filled with chance: a transport that compresses should not look as if it could make nothing of everything.
    """
    text = f"{_base36(number)}.{_base36(max(0, round(seconds * 10_000)))}."
    return text + secrets.token_urlsafe(size)[: size - 2 - len(text)]


def register(
    blueprint: Blueprint,
    *,
    settings: Settings,
    gate: Gate,
    pipeline: Pipeline,
    concurrency: Concurrency,
    lanes: Lanes,
    ready: Callable[[], None],
    counters: Counters,
) -> None:
    """Add the routes to a blueprint, guarded like all others against other sites' pages."""
    guard(blueprint, settings.allowed_origins, counters=counters)
    feeder = Feeder(pipeline, concurrency=concurrency, settings=settings)

    @blueprint.get("/lab/time")
    def clock() -> Response:
        response = jsonify(now=time.time() * 1000, head=_head_bytes())
        response.cache_control.no_store = True
        return response

    @blueprint.post("/lab/feed")
    def feed() -> Response:
        asked = _slice(json_object(most=4096, wanted=_WANTED))
        identity = gate.admit("publish", asked.room)
        ready()
        ids, error = feeder.feed(asked, identity=identity)
        return jsonify(ids=ids, error=None if error is None else error.as_dict())

    @blueprint.post("/lab/cut")
    def cut() -> Response:
        lane = json_object(most=4096, wanted='the body is {"lane": "…"}').get("lane")
        if not lanes.is_name(lane):
            raise InvalidValue("lane is the 32 hexadecimal digits that its connections carry as lane=")
        return jsonify(ended=lanes.cut(str(lane)))


def _slice(body: dict[str, Any]) -> Slice:
    room = body.get("room")
    if not isinstance(room, str) or not _ROOM.fullmatch(room):
        raise InvalidValue("room is lab- and 32 hexadecimal digits: the lab feeds no other")
    now = time.time()
    return Slice(
        room=room,
        since=_number(body, "since", now - _LONGEST_RUN, now + 1),
        first=int(_number(body, "first", 0, _MOST_NUMBER, whole=True)),
        count=int(_number(body, "count", 1, MOST_A_SLICE, whole=True)),
        seconds=_number(body, "seconds", 0, 1),
        size=int(_number(body, "size", LEAST_BYTES, MOST_BYTES, whole=True)),
    )


def _number(body: dict[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> float:
    value = body.get(name)
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InvalidValue(f"{name} is {kind} from {low:.12g} to {high:.12g}, not {str(value)[:40]!r}")
    return float(value)


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def _head_bytes() -> int:
    """How long this request's head was: what scripts cannot see of their own requests."""
    line = len(f"{request.method} {request.script_root}{request.full_path} HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in request.headers.items()) + 2
