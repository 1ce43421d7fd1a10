"""What only a shared bus can suffer: outages, a log that is lost or rolled back, two processes, poison in the
stream.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis as redis_client

from realtime.bus.redis import RedisBus
from realtime.concurrency import Concurrency
from realtime.errors import BusUnavailable, KeyConflict
from realtime.message import START, Message, Position
from tests.support.processes import Redis, eventually

from .conftest import Recorder
from .test_bus import put

Open = Callable[..., RedisBus]


@pytest.fixture
def open_bus(own_redis: Redis, concurrency: Concurrency) -> Iterator[Open]:
    """Opens buses on one Redis that the test may break."""
    opened: list[RedisBus] = []

    def open_one(**options: object) -> RedisBus:
        bus = RedisBus(own_redis.url, concurrency=concurrency, **options)  # type: ignore[arg-type]
        opened.append(bus)
        return bus

    yield open_one
    for bus in opened:
        bus.stop()


def following(bus: RedisBus) -> Recorder:
    recorder = Recorder()
    bus.start(recorder)
    return recorder


def publish_when_back(bus: RedisBus, data: object) -> None:
    def attempt() -> bool:
        try:
            put(bus, data)
        except BusUnavailable:
            return False
        return True

    eventually(attempt, within=15, what="publishing again")


def test_every_process_gets_the_same_messages_in_the_same_order(open_bus: Open) -> None:
    one, two = open_bus(), open_bus()
    first, second = following(one), following(two)

    def publish(bus: RedisBus) -> None:
        for number in range(300):
            put(bus, number)

    threads = [threading.Thread(target=publish, args=(bus,)) for bus in (one, two, open_bus())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first.wait(900) == second.wait(900)
    assert first.order == second.order == sorted(set(first.order))


def test_a_key_holds_across_processes(open_bus: Open) -> None:
    one, two = open_bus(), open_bus()
    assert put(one, 1, key="k") == put(two, 1, key="k")
    with pytest.raises(KeyConflict):
        put(two, 2, key="k")


def test_the_reader_loses_nothing_when_redis_is_killed_and_comes_back(open_bus: Open, own_redis: Redis) -> None:
    bus, other = open_bus(), open_bus()
    recorder = following(bus)
    put(bus, "before")
    recorder.wait(1)
    for round_number in range(3):
        own_redis.kill()
        with pytest.raises(BusUnavailable):
            put(bus, "refused")
        own_redis.start()
        publish_when_back(other, round_number)
    assert recorder.wait(4, within=15) == ["before", 0, 1, 2]
    assert recorder.gaps == []


def test_a_publish_fails_within_a_bounded_time_while_redis_is_away(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus(publish_timeout=0.5)
    put(bus, 1)
    own_redis.kill()
    started = time.monotonic()
    with pytest.raises(BusUnavailable) as caught:
        put(bus, 2)
    assert time.monotonic() - started < 3
    assert caught.value.retry_after == 1
    for ask in (bus.ping, lambda: bus.replay(["lobby"], START, limit=1), lambda: bus.latest(["lobby"], limit=1),
                lambda: bus.relay({}), lambda: bus.start(Recorder())):  # fmt: skip
        with pytest.raises(BusUnavailable):
            ask()


def test_a_publish_fails_within_a_bounded_time_while_redis_is_frozen(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus(publish_timeout=0.5)
    recorder = following(bus)
    put(bus, "before")
    recorder.wait(1)
    own_redis.freeze()
    started = time.monotonic()
    with pytest.raises(BusUnavailable):
        put(bus, "while frozen")
    assert time.monotonic() - started < 5
    own_redis.thaw()
    publish_when_back(bus, "after")
    eventually(lambda: recorder.messages[-1].data == "after", within=15)
    assert [m.data for m in recorder.messages].count("while frozen") <= 1, "retried under one key"


def test_a_publish_whose_answer_was_cut_off_is_published_once(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    recorder = following(bus)
    admin = redis_client.Redis.from_url(own_redis.url)
    stop = threading.Event()

    def cut() -> None:
        # Now and then: without a pause nothing would ever get through.
        while not stop.wait(0.002):
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    cutter = threading.Thread(target=cut)
    cutter.start()
    accepted = []
    for number in range(100):
        try:
            put(bus, number)
            accepted.append(number)
        except BusUnavailable:
            continue
    stop.set()
    cutter.join()
    admin.close()
    publish_when_back(bus, "end")
    eventually(lambda: recorder.messages and recorder.messages[-1].data == "end")
    data = [message.data for message in recorder.messages][:-1]
    assert len(data) == len(set(data)), "nothing twice"
    assert set(accepted) <= set(data), "nothing accepted is lost"
    assert accepted


def test_a_log_that_was_emptied_is_noticed_and_the_new_one_is_followed(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    recorder = following(bus)
    old = put(bus, 1)
    recorder.wait(1)
    redis_client.Redis.from_url(own_redis.url).flushall()
    eventually(lambda: recorder.gaps, within=5, what="the gap being told")
    put(bus, 2)
    assert recorder.wait(2)[1] == 2
    assert not bus.replay(["lobby"], old, limit=9).recovered


def test_a_redis_that_comes_back_empty_is_noticed(
    concurrency: Concurrency, tmp_path_factory: pytest.TempPathFactory
) -> None:
    redis = Redis(tmp_path_factory.mktemp("empty"))
    try:
        bus = RedisBus(redis.url, concurrency=concurrency)
        recorder = following(bus)
        old = put(bus, 1)
        recorder.wait(1)
        redis.kill()
        redis.start()
        publish_when_back(bus, 2)
        eventually(lambda: recorder.gaps and recorder.messages[-1].data == 2, within=10)
        assert not bus.replay(["lobby"], old, limit=9).recovered
        bus.stop()
    finally:
        redis.stop()


def test_a_log_that_was_rolled_back_is_noticed(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    recorder = following(bus)
    put(bus, "kept")
    lost = put(bus, "lost")
    kept = recorder.wait(2) and recorder.order[0]
    admin = redis_client.Redis.from_url(own_redis.url)
    # What a failover to a replica that had missed the last write looks like.
    admin.xdel("{realtime}:log", str(lost))
    admin.xdel("{realtime}:room:lobby", str(lost))
    admin.hset("{realtime}:meta", "last", str(kept))
    admin.set("{realtime}:tail:lobby", str(kept))
    after = put(bus, "after")
    recorder.wait(3)
    assert recorder.gaps[0] == lost, "nobody's position goes back"
    eventually(lambda: len(recorder.gaps) == 2, within=2, what="the loss being told to every process")
    assert not bus.replay(["lobby"], lost, limit=9).recovered
    assert not bus.replay(["lobby"], kept, limit=9).recovered, "what was lost came after it"
    replay = bus.replay(["lobby"], after, limit=9)
    assert not replay.recovered and not replay.messages, "the loss was not known before it"
    assert bus.replay(["lobby"], replay.cursor, limit=9).recovered


def test_an_entry_that_names_a_predecessor_of_long_ago_takes_nobody_back(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    recorder = following(bus)
    last = put(bus, "last")
    recorder.wait(1)
    wrong = {"t": "c", "p": "1-0", "d": '{"method": "none"}'}
    redis_client.Redis.from_url(own_redis.url).xadd("{realtime}:log", wrong)
    eventually(lambda: recorder.gaps, within=3, what="the torn chain being noticed")
    assert recorder.gaps == [last]
    back = bus.replay(["lobby"], last, upto=Position(1, 0), limit=9)
    assert (back.recovered, back.messages, back.cursor) == (True, (), last)


def test_where_entries_tear_the_chain_again_and_again_nobody_moves_on_past_what_is_not_delivered(
    open_bus: Open, own_redis: Redis
) -> None:
    bus = open_bus()
    recorder = following(bus)
    admin = redis_client.Redis.from_url(own_redis.url)
    ids: list[Position] = []

    def tear(message: Message) -> None:
        if message.data == "first":  # All of it is read together, next.
            for number in range(3):
                admin.xadd("{realtime}:log", {"t": "c", "p": str(message.id), "d": '{"method": "none"}'})
                ids.append(put(bus, number))

    recorder.on_deliver = tear
    first = put(bus, "first")
    eventually(lambda: len(recorder.gaps) == 2, within=3, what="two gaps for all of it")
    assert [one.data for one in recorder.messages] == ["first", 0]
    assert len(recorder.controls) == 3 and recorder.order[0] == first
    assert recorder.order[2:] == [ids[0]] * 3, "what is relayed is done, and moves nobody"
    assert recorder.gaps[-1] == ids[-1]


def another_log(redis: Redis, position: object) -> None:
    """What a node looks like that took itself for the primary, too, and gave the same id to another message."""
    with redis_client.Redis.from_url(redis.url) as admin, admin.pipeline() as pipe:
        pipe.delete("{realtime}:log")
        for at, entry in admin.xrange("{realtime}:log"):
            other = {b"k": b"another"} if at.decode() == str(position) else {}
            pipe.xadd("{realtime}:log", {**entry, **other}, id=at)
        pipe.execute()


def test_another_log_with_the_same_ids_is_noticed(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    recorder = following(bus)
    ids = [put(open_bus(), number) for number in range(3)]
    assert recorder.wait(3) == [0, 1, 2]
    another_log(own_redis, ids[-1])
    eventually(lambda: recorder.gaps, within=3, what="the loss being told")
    assert not bus.replay(["lobby"], ids[-1], limit=9).recovered
    put(bus, "after")
    assert recorder.wait(4)[3:] == ["after"] and len(recorder.gaps) == 1


def test_another_log_with_the_same_ids_is_noticed_by_who_only_publishes(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    another_log(own_redis, put(bus, 1))
    unaware = following(open_bus())
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
    put(bus, "more")
    eventually(lambda: unaware.gaps, within=3, what="the loss being told")
    assert unaware.wait(1) == ["more"] and len(unaware.gaps) == 1


def test_a_process_that_saw_nothing_of_what_was_lost_is_told_by_one_that_did(open_bus: Open, own_redis: Redis) -> None:
    one, other = open_bus(), open_bus()
    kept, lost = put(one, "kept"), put(one, "lost")
    with redis_client.Redis.from_url(own_redis.url) as admin:
        for key in ("log", "room:lobby"):
            admin.xdel(f"{{realtime}}:{key}", str(lost))
        admin.hset("{realtime}:meta", "last", str(kept))
        admin.set("{realtime}:tail:lobby", str(kept))
        unaware = following(other)
        put(other, "after")
        assert unaware.wait(1) == ["after"]
        # It only publishes: what it was answered is all that it knows, and where it connects anew it says so.
        admin.client_kill_filter(_type="normal", skipme=True)
    put(one, "more")
    eventually(lambda: unaware.gaps, within=2, what="the loss being told")
    assert unaware.wait(2) == ["after", "more"] and len(unaware.gaps) == 1
    assert unaware.gaps[0] > lost


def test_a_reader_that_fell_behind_the_whole_log_says_so(open_bus: Open, own_redis: Redis) -> None:
    bus, other = open_bus(log_length=100), open_bus(log_length=100)
    recorder = following(bus)
    put(other, "first")
    recorder.wait(1)
    seen = threading.Event()
    recorder.on_deliver = lambda _message: seen.wait(20) and None
    put(other, "held")
    for number in range(1500):
        put(other, number)
    seen.set()
    eventually(lambda: recorder.messages[-1].data == 1499, within=10)
    assert recorder.gaps, "messages were trimmed before they were read, and it was told"


def test_poison_in_the_log_is_left_out_and_said_at_most_once_a_second(
    open_bus: Open, own_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    bus = open_bus()
    recorder = following(bus)
    put(bus, "before")
    admin = redis_client.Redis.from_url(own_redis.url)
    last = admin.hget("{realtime}:meta", "last") or b""
    good = {"t": "m", "p": last, "r": "lobby", "e": "message", "d": "1"}
    poison: list[dict[str, object]] = [
        {"x": "1"}, {**good, "t": "z"}, {**good, "d": "{"}, {**good, "d": "1\n\nid: 5"}, {**good, "e": "a\nb"},
        {**good, "r": "a b"}, {**good, "r": b"\xff\xfe"}, {**good, "p": "x"}, {**good, "x": '"a"'}, {**good, "x":
        "[1]"}, {**good, "s": "1", "d": "5"}, {**good, "t": "c", "d": "[]"}, {**good, "d": "[" * 100_000},
        {"t": "c", "p": last, "d": "cos\nsystem\n(S'echo'\ntR."},
    ]  # fmt: skip
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            for fields in poison:
                admin.xadd("{realtime}:log", fields)  # type: ignore[arg-type]
                admin.xadd("{realtime}:room:lobby", fields)  # type: ignore[arg-type]
        put(bus, "after")
        eventually(lambda: "after" in [message.data for message in recorder.messages])
    honest = [message.data for message in recorder.messages if message.data in ("before", "after")]
    assert honest == ["before", "after"]
    assert len(caplog.records) <= 5
    admin.close()
    history = [message.data for message in bus.replay(["lobby"], START, limit=1000).messages]
    assert history[-1] == "after"


@pytest.mark.parametrize("poison", ["future", "type"])
def test_a_room_that_somebody_else_spoiled_takes_messages_again(open_bus: Open, own_redis: Redis, poison: str) -> None:
    bus = open_bus()
    recorder = following(bus)
    before = put(bus, "before")
    with redis_client.Redis.from_url(own_redis.url) as admin:
        if poison == "future":
            admin.xadd("{realtime}:room:lobby", {"x": "1"}, id=f"{before.ms + 10**9}-0")
        else:
            admin.set("{realtime}:room:lobby", "not a stream")
    put(bus, "after")
    assert recorder.wait(2) == ["before", "after"]
    replay = bus.replay(["lobby"], before, limit=9)
    assert [message.data for message in replay.messages] == ["after"] and replay.recovered
    assert not bus.replay(["lobby"], START, limit=9).recovered


def test_an_outage_is_logged_once_and_so_is_its_end(
    open_bus: Open, own_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    bus = open_bus()
    following(bus)
    with caplog.at_level(logging.WARNING, "realtime.bus.reader"):
        own_redis.kill()
        eventually(lambda: len(caplog.records) == 1)
        own_redis.start()
        eventually(lambda: len(caplog.records) == 2, within=10)
    assert "cannot be read" in caplog.text and "can be read again" in caplog.text


def test_all_keys_of_a_namespace_share_one_hash_tag(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus(namespace="shop")
    bus.publish(Message.new(["a", "b"], 1, key="k"))
    keys = redis_client.Redis.from_url(own_redis.url).keys("*")
    assert len(keys) == 7
    assert all(key.startswith(b"{shop}:") for key in keys)


def test_a_redis_that_is_out_of_memory_accepts_nothing_and_recovers(open_bus: Open, own_redis: Redis) -> None:
    bus = open_bus()
    kept = put(bus, 1)
    admin = redis_client.Redis.from_url(own_redis.url)
    admin.config_set("maxmemory", "1")
    with pytest.raises(BusUnavailable, match="refused"):
        put(bus, 2)
    admin.config_set("maxmemory", "0")
    admin.close()
    put(bus, 3)
    assert [message.data for message in bus.replay(["lobby"], kept, limit=9).messages] == [3]
