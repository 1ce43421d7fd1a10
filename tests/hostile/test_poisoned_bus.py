"""Somebody else writes into the same Redis, whatever they like, under every key that is read. Nobody exits, nothing is
executed, honest messages flow on both transports, and the log stays readable.
"""

from __future__ import annotations

import json
import pickle
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import requests

from realtime.bus.open import open_bus
from realtime.concurrency import Threads
from realtime.config import Settings
from realtime.errors import Unauthorized
from realtime.grants import Ledger
from realtime.publisher import Publisher
from realtime.tickets import Tickets
from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import history, path, publish
from tests.support.streams import EventReader

LARGE = b"x" * (10 * 1024 * 1024)


class Executed:
    """Would be noticed."""

    def __reduce__(self) -> Any:
        return print, ("EXECUTED",)


JUNK: list[bytes] = [
    b"",
    b"null",
    b"5",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b"NaN",
    b'{"a":NaN}',
    b'"\\ud800"',
    b"[" * 30_000,
    b"1" * 5_000,
    b"a\nb",
    json.dumps({"method": "emit", "data": [1]}).encode(),
    json.dumps({"room": {"$ne": None}}).encode(),
    pickle.dumps(Executed()),
    b"c__builtin__\nprint\n(S'EXECUTED'\ntR.",
]

FIELDS = (b"t", b"p", b"r", b"e", b"d", b"x", b"s")


@pytest.fixture(params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest, shared_redis: Redis, namespace: str) -> Iterator[Server]:
    """A server on the shared Redis."""
    server: Server = request.param(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    with running(server):
        yield server
        assert server.popen.poll() is None
        assert "EXECUTED" not in server.output
        assert "Traceback" not in server.output


@pytest.fixture
def enemy(shared_redis: Redis) -> Iterator[redis.Redis]:
    """Somebody else who has the address of the Redis."""
    client = redis.Redis.from_url(shared_redis.url)
    yield client
    client.close()


class Both:
    """A reader on each transport; what both must get."""

    def __init__(self, base: str, room: str) -> None:
        self._base, self._room = base, room
        self.events = EventReader(base, room)
        self.events.ready()
        self.socket = SocketClient(base)
        self.socket.join(room)
        self.sent: list[Any] = []

    def say(self, data: Any, *, within: float = 10) -> None:
        """Publish a message and wait until both have it."""
        publish(self._base, self._room, data)
        self.sent.append(data)
        eventually(lambda: data in self.events.data, within=within, what=f"{data!r} on the stream")
        self.socket.wait_for_data("message", data)

    def check(self) -> None:
        """They got all that was said, once, and nothing else."""
        assert self.events.data == self.sent, self.events.events
        assert [one.data for one in self.socket.events if not one.event.startswith("realtime.")] == self.sent

    def __enter__(self) -> Both:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()
        self.events.close()


def entry(room: str, **changed: bytes | None) -> dict[bytes, bytes]:
    """The fields of an entry as the publish script writes them, some of them changed or left out."""
    right = {"t": b"m", "p": b"1-0", "r": room.encode(), "e": b"message", "d": b'"bad"'}
    return {name.encode(): value for name, value in (right | changed).items() if value is not None}


def poisons(room: str) -> Iterator[dict[bytes, bytes]]:
    """Wrong entries of every kind."""
    yield {b"foreign": b"entry"}
    for field in FIELDS:
        for junk in JUNK:
            if field == b"d" and junk in {b"null", b"5", b'"text"', JUNK[12], JUNK[13]}:
                continue  # That is a message.
            if field in {b"e", b"r"} and junk.isascii() and junk.decode().isprintable() and 1 <= len(junk) <= 64:
                continue  # That is a name.
            if field == b"s" or (field == b"x" and junk == b"") or (field == b"p" and junk in JUNK):
                continue  # Their mere presence counts, or the chain is broken, which makes everybody read again.
            yield entry(room, **{field.decode(): junk})
    yield entry(room, t=b"b", p=b"0-0")
    yield entry(room, s=b"1", d=b'{"no":"list"}')
    for junk in JUNK[:12]:
        yield {b"t": b"c", b"p": b"1-0", b"d": junk}
    for field in (b"e", b"d"):
        yield entry(room, **{field.decode(): b"right", "p": b"9999999999999-0"})


def test_wrong_entries_of_the_log_and_of_rooms_are_left_out(
    server: Server, enemy: redis.Redis, namespace: str, room: str
) -> None:
    with Both(server.url, room) as both:
        both.say("before")
        for wrong in poisons(room):
            enemy.xadd(f"{{{namespace}}}:log", wrong)  # type: ignore[arg-type]
            if wrong.get(b"t") == b"m":  # Entries of rooms have no kind.
                enemy.xadd(f"{{{namespace}}}:room:{room}", wrong)  # type: ignore[arg-type]
        both.say("after")
        both.say("and after")
        both.check()
    # Who comes later is shown the same, by every way to read the log.
    sent = ["before", "after", "and after"]
    assert [one["data"] for one in history(server.url, room)] == sent
    with EventReader(server.url, room, history=1000) as late:
        assert [json.loads(one.data) for one in late.wait(3)] == sent
    with SocketClient(server.url) as client:
        client.join(room, history=1000)
        assert [one.data for one in client.named("message")] == sent
    cursor = history(server.url, room)[0]["id"]
    with EventReader(server.url, room, after=cursor) as back:
        assert [json.loads(one.data) for one in back.wait(2)] == sent[1:]
    polled = requests.get(server.url + path(room), params={"after": cursor, "wait": 1}, timeout=10).json()
    assert [one["data"] for one in polled["messages"]] == sent[1:]


def test_ten_thousand_wrong_entries_are_passed_over_and_a_few_lines_say_so(
    server: Server, enemy: redis.Redis, namespace: str, room: str
) -> None:
    with Both(server.url, room) as both:
        both.say("before")
        last = history(server.url, room)[0]["id"].encode()
        pipe = enemy.pipeline(transaction=False)
        for number in range(10_000):
            wrong = entry(room, d=b"{") if number % 2 else {b"t": b"c", b"p": last, b"d": b'{"method":"none"}'}
            pipe.xadd(f"{{{namespace}}}:log", wrong)  # type: ignore[arg-type]
        pipe.execute()
        both.say("after")
        both.check()
    assert len(re.findall("left out", server.output)) < 100


def test_right_entries_among_wrong_ones_that_are_read_together_all_arrive(
    server: Server, enemy: redis.Redis, shared_redis: Redis, namespace: str, room: str
) -> None:
    with Both(server.url, room) as both, Publisher(shared_redis.url, namespace=namespace) as publisher:
        both.say("before")
        last = history(server.url, room)[0]["id"].encode()
        server.signal(signal.SIGSTOP)
        for number in range(20):
            # It names another predecessor than it has, and so does what comes after it.
            enemy.xadd(f"{{{namespace}}}:log", {b"t": b"c", b"p": last, b"d": b'{"method":"none"}'})
            publisher.publish(room, number)
            both.sent.append(number)
        server.signal(signal.SIGCONT)
        both.say("after")
        both.check()


def test_a_room_full_of_wrong_entries_hides_no_right_one(
    server: Server, enemy: redis.Redis, namespace: str, room: str
) -> None:
    cursor = publish(server.url, room, "first")
    pipe = enemy.pipeline(transaction=False)
    for _ in range(900):
        pipe.xadd(f"{{{namespace}}}:room:{room}", entry(room, d=b"{"))  # type: ignore[arg-type]
    pipe.execute()
    publish(server.url, room, "second")
    with EventReader(server.url, room, after=cursor) as back:
        assert back.ready()["recovered"]
        assert [json.loads(one.data) for one in back.wait(1)] == ["second"]
    with SocketClient(server.url) as client:
        assert client.join(room, after=cursor)["recovered"]
        assert [one.data for one in client.events] == ["second"]
    polled = requests.get(server.url + path(room), params={"after": cursor, "limit": 10}, timeout=10).json()
    assert [one["data"] for one in polled["messages"]] == ["second"]
    latest = requests.get(server.url + path(room), params={"limit": 2}, timeout=10).json()
    assert [one["data"] for one in latest["messages"]] == ["first", "second"]


def test_entries_of_ten_megabytes_are_not_read(server: Server, enemy: redis.Redis, namespace: str, room: str) -> None:
    with Both(server.url, room) as both:
        both.say("before")
        for wrong in (entry(room, d=b'"' + LARGE + b'"'), entry(room, r=b"a\n" * 5_000_000), {b"t": b"m", b"z": LARGE}):
            enemy.xadd(f"{{{namespace}}}:log", wrong)  # type: ignore[arg-type]
            enemy.xadd(f"{{{namespace}}}:room:{room}", wrong)  # type: ignore[arg-type]
        both.say("after")
        both.check()
    assert [one["data"] for one in history(server.url, room)] == ["before", "after"]


def _strings(client: redis.Redis, key: str, value: bytes) -> None:
    client.set(key, value)


def _lists(client: redis.Redis, key: str, value: bytes) -> None:
    client.rpush(key, value)


def _hashes(client: redis.Redis, key: str, value: bytes) -> None:
    client.hset(key, mapping={b"last": value, b"birth": value})


def _streams(client: redis.Redis, key: str, value: bytes) -> None:
    client.xadd(key, {b"x": value})


KINDS: list[Callable[[redis.Redis, str, bytes], None]] = [_strings, _lists, _hashes, _streams]


@pytest.mark.parametrize("name", ["tail:{room}", "room:{room}", "meta", "log"])
def test_a_key_that_somebody_overwrote_is_mended(
    server: Server, enemy: redis.Redis, namespace: str, room: str, name: str
) -> None:
    key = f"{{{namespace}}}:{name.format(room=room)}"
    with Both(server.url, room) as both:
        both.say("before")
        for number, kind in enumerate(KINDS):
            enemy.delete(key)
            kind(enemy, key, b"junk")
            assert requests.get(server.url + path(room), timeout=10).status_code == 200
            both.say(f"after {number}")


def test_a_log_that_somebody_brought_to_the_end_of_all_ids_begins_anew(
    server: Server, enemy: redis.Redis, namespace: str, room: str
) -> None:
    with Both(server.url, room) as both:
        both.say("before")
        enemy.xadd(f"{{{namespace}}}:log", {b"x": b"y"}, id="18446744073709551615-18446744073709551615")
        enemy.xadd(f"{{{namespace}}}:room:{room}", {b"x": b"y"}, id="18446744073709551615-18446744073709551615")
        both.say("after")


def test_a_key_of_somebody_elses_making_costs_no_message(
    server: Server, enemy: redis.Redis, namespace: str, room: str
) -> None:
    url, body = server.url + path(room), {"data": "x", "key": "order-7"}
    assert requests.post(url, json=body, timeout=10).status_code == 201
    for kind in KINDS:
        for key in enemy.keys(f"{{{namespace}}}:key:*"):
            enemy.delete(key)
            kind(enemy, key.decode(), b"junk")
        assert requests.post(url, json=body, timeout=10).status_code == 201
        assert requests.post(url, json=body, timeout=10).status_code == 200


def test_notes_that_others_wrote_grant_nothing_and_take_nothing_back(
    shared_redis: Redis, enemy: redis.Redis, namespace: str
) -> None:
    bus = open_bus(Settings(bus_url=shared_redis.url, namespace=namespace), Threads())
    tickets = Tickets(lambda: ["secret"])
    ticket = tickets.read(tickets.issue("ann", ["room"], expires=60, once=True))
    right = Ledger(bus, private=True)
    right.revoke("ann", "room")
    right.revoke("ann", None)
    right.grant("ann", "room", seconds=60)
    keys = enemy.keys(f"{{{namespace}}}:note:*")
    assert len(keys) >= 3
    for kind in KINDS:
        for junk in [*JUNK, b"nan", b"[NaN,null]", b"[1e999,null]", b"[true,true]", b'[{},"x"]', b"inf"]:
            for key in keys:
                enemy.delete(key)
                kind(enemy, key.decode(), junk)
            ledger = Ledger(bus, private=True)
            assert ledger.lease("ann", "room") is None
            if kind is _strings and junk != b"5":
                # What was revoked is still: nobody knows since when.
                with pytest.raises(Unauthorized):
                    ledger.check(ticket)
    assert Ledger(bus, private=True).lease("ann", "room") is None
    bus.stop()
