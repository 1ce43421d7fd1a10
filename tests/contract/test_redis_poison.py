"""Keys of the shared log that somebody else has overwritten, noticed first by who follows the log.

It is begun anew, and what is published from then on is accepted and reaches everybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import redis as redis_client

from realtime.bus.reader import Reader
from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from realtime.message import START, Message, Position
from tests.support.processes import Redis, eventually

from .conftest import Recorder
from .test_bus import put

Spoil = Callable[[Any, str, str], object]


def _instead(key: str, make: Callable[[Any, str], object]) -> Spoil:
    def spoil(admin: Any, log: str, meta: str) -> None:
        name = log if key == "log" else meta
        admin.delete(name)
        make(admin, name)

    return spoil


def _says(field: str, text: str) -> Spoil:
    return lambda admin, _log, meta: admin.hset(meta, field, text)


SPOILED: dict[str, Spoil] = {
    "meta is a string": _instead("meta", lambda admin, key: admin.set(key, "junk")),
    "meta is a list": _instead("meta", lambda admin, key: admin.rpush(key, "junk")),
    "log is a string": _instead("log", lambda admin, key: admin.set(key, "junk")),
    "log is a hash": _instead("log", lambda admin, key: admin.hset(key, "junk", "junk")),
    "last is no id": _says("last", "junk"),
    "last is above all ids": _says("last", "9" * 25 + "-0"),
    "last is just above all ids": _says("last", f"{2**64}-0"),
    "last is no number": _says("last", "007-0"),
    "birth is no id": _says("birth", "junk"),
    "birth is above all ids": _says("birth", f"0-{2**64}"),
    "birth is no number": _says("birth", "1-00"),
}


@pytest.fixture
def admin(shared_redis: Redis) -> Iterator[Any]:
    with redis_client.Redis.from_url(shared_redis.url) as client:
        yield client


@pytest.mark.parametrize("how", ["publish", "relay"])
def test_who_follows_a_log_that_was_overwritten_follows_what_is_published_next(
    shared_redis: Redis, concurrency: Concurrency, namespace: str, admin: Any, how: str
) -> None:
    followed: dict[str, tuple[RedisBus, Recorder]] = {}
    for number, name in enumerate(SPOILED):
        bus = RedisBus(shared_redis.url, concurrency=concurrency, namespace=f"{namespace}-{number}")
        recorder = Recorder()
        bus.start(recorder)
        put(bus, "before")
        followed[name] = bus, recorder
    for number, (name, (_, recorder)) in enumerate(followed.items()):
        recorder.wait(1)
        SPOILED[name](admin, f"{{{namespace}-{number}}}:log", f"{{{namespace}-{number}}}:meta")
    # Nothing is published: who follows the log is the first to look.
    for name, (_, recorder) in followed.items():
        eventually(lambda told=recorder: told.gaps, within=20, what=f"{name}: everybody reads the log anew")
    for name, (bus, recorder) in followed.items():
        if how == "publish":
            eventually(lambda to=bus: _accepted(to), what=f"{name}: accepted")
            assert recorder.wait(2)[-1] == "after", name
            assert [one.data for one in bus.replay(["lobby"], START, limit=9).messages][-1] == "after", name
        else:
            eventually(lambda to=bus: _relayed(to), what=f"{name}: relayed")
            eventually(lambda told=recorder: told.controls == [{"say": "after"}], what=f"{name}: the payload")
        assert len(recorder.gaps) == 1, f"{name}: told once"
        bus.stop()


def _accepted(bus: RedisBus) -> bool:
    return bus.publish(Message.new("lobby", "after", key="after")).id > START


def _relayed(bus: RedisBus) -> bool:
    return bus.relay({"say": "after"}) > START


def test_a_payload_gets_through_a_log_that_has_come_to_the_end_of_all_ids(
    shared_redis: Redis, concurrency: Concurrency, namespace: str, admin: Any
) -> None:
    bus, recorder = RedisBus(shared_redis.url, concurrency=concurrency, namespace=namespace), Recorder()
    bus.start(recorder)
    put(bus, "before")
    recorder.wait(1)
    admin.xadd(f"{{{namespace}}}:log", {"x": "y"}, id=f"{2**64 - 1}-{2**64 - 1}")
    bus.relay({"say": "after"})
    eventually(lambda: recorder.gaps, what="everybody is told")
    bus.relay({"say": "and after"})
    eventually(lambda: {"say": "and after"} in recorder.controls, what="the payload")
    bus.stop()


class _Broken:
    """A source that fails as nobody thought of, until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.reads = 0

    def read(self, after: Position, *, wait: bool) -> Sequence[tuple[bytes, Sequence[bytes]]]:
        self.reads += 1
        time.sleep(0.01)
        if not self.mended:
            raise KeyError("what nobody thought of")
        return [] if after > START else [(b"1-0", [b"t", b"m", b"p", b"0-0", b"r", b"a", b"e", b"message", b"d", b"1"])]

    def state(self, seen: Position, mark: bytes = b"") -> tuple[Position, Position]:
        return START, START

    def close(self) -> None:
        self.reads = -1


def test_who_follows_the_log_survives_a_fault_of_ours_and_says_that_it_cannot_be_followed(
    concurrency: Concurrency, caplog: pytest.LogCaptureFixture
) -> None:
    source, recorder, changes = _Broken(), Recorder(), list[bool]()
    reader = Reader(
        source=source, receiver=recorder, concurrency=concurrency, head=START, birth=START, on_change=changes.append
    )
    reader.start()
    eventually(lambda: changes == [False], what="it is known that the log cannot be followed")
    source.mended = True
    assert recorder.wait(1) == [1] and changes == [False, True]
    reader.stop()
    eventually(lambda: source.reads == -1, what="its end")
    assert "what nobody thought of" in caplog.text and len(caplog.records) < 10
