"""The outbox: what a transaction wrote is published after it, once, whatever dies in between."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from realtime import BusUnavailable, ConfigError, InvalidValue, MessageTooLarge, Publisher
from realtime.data.outbox import Outbox

from ..support.processes import ROOT, Redis, clean_environment, eventually

Seen = Callable[[str], list[Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    yield engine
    engine.dispose()


@pytest.fixture
def outbox(engine: sa.Engine) -> Outbox:
    outbox = Outbox()
    outbox.create(engine)
    return outbox


def waiting(outbox: Outbox, engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return len(connection.execute(sa.select(outbox.table)).all())


def test_a_message_is_published_after_the_commit_and_never_before(
    outbox: Outbox, engine: sa.Engine, target: Any, seen: Seen
) -> None:
    relay = outbox.relay(target, engine)
    with Session(engine) as session:
        outbox.add(session, "orders", {"order": 1}, event="shipped")
        assert relay.step() is False
        assert seen("orders") == []
        session.commit()
    assert relay.step() is True
    (message,) = target.history("orders").messages
    assert (message.event, message.data) == ("shipped", {"order": 1})
    assert waiting(outbox, engine) == 0


def test_what_was_rolled_back_never_was_also_to_a_savepoint(
    outbox: Outbox, engine: sa.Engine, target: Any, seen: Seen
) -> None:
    with Session(engine) as session:
        outbox.add(session, "orders", "rolled back")
        session.rollback()
        outbox.add(session, "orders", "kept")
        inner = session.begin_nested()
        outbox.add(session, "orders", "undone")
        inner.rollback()
        with session.begin_nested():
            outbox.add(session, "orders", "nested")
        session.commit()
    outbox.relay(target, engine).step()
    assert seen("orders") == ["kept", "nested"]


def test_a_commit_wakes_the_relay_of_its_own_process_at_once(
    outbox: Outbox, engine: sa.Engine, target: Any, seen: Seen
) -> None:
    relay = outbox.relay(target, engine, poll=60)
    relay.start()
    try:
        with Session(engine) as session:
            outbox.add(session, "orders", 1)
            session.commit()
            eventually(lambda: seen("orders") == [1])
            outbox.add(session, "orders", 2)
            session.commit()
            eventually(lambda: seen("orders") == [1, 2])
    finally:
        relay.stop()
    relay.start()
    relay.stop()


def test_a_row_that_was_published_but_not_deleted_is_not_published_again_even_after_its_key_is_forgotten(
    outbox: Outbox, engine: sa.Engine, shared_redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_KEY_TTL", "1")
    with Publisher(shared_redis.url, namespace=namespace) as publisher:
        relay = outbox.relay(publisher, engine)
        with Session(engine) as session:
            for data in ("same", "same", "other"):
                outbox.add(session, "orders", data)
            session.commit()
        rows = relay.rows(10)
        relay.mark(rows, str(publisher.history("orders", limit=0).cursor))
        for row in rows[:1]:
            publisher.publish("orders", row.data, event=row.event, key=row.key)
        # Here the process died. The next one comes when the key is long gone.
        time.sleep(1.2)
        successor = outbox.relay(publisher, engine)
        with engine.begin() as connection:
            connection.execute(outbox.lease.update().values(until=0))
        assert successor.step() is True
        assert [message.data for message in publisher.history("orders").messages] == ["same", "same", "other"]


def test_several_relays_at_once_publish_every_row_once_and_in_order(
    outbox: Outbox, engine: sa.Engine, target: Any, seen: Seen
) -> None:
    relays = [outbox.relay(target, engine, poll=0.02) for _ in range(3)]
    for relay in relays:
        relay.start()
    try:
        with Session(engine) as session:
            for number in range(150):
                outbox.add(session, "orders", number)
            session.commit()
        eventually(lambda: len(seen("orders")) >= 150 and not waiting(outbox, engine), within=30)
    finally:
        for relay in relays:
            relay.stop()
    assert seen("orders") == list(range(150))


FORK = """
import os, sys
import sqlalchemy as sa
from realtime import Publisher
from realtime.data.outbox import Outbox

database, url = sys.argv[1:]
engine, outbox = sa.create_engine(database), Outbox()
outbox.create(engine)
with engine.begin() as connection:
    outbox.add(connection, "orders", 1)
relay = outbox.relay(Publisher(url), engine)  # before the processes are forked, as with gunicorn --preload
engine.dispose()
print("first", len(relay.rows(10)), flush=True)
engine.dispose()
if os.fork() == 0:
    print("fork", len(relay.rows(10)), flush=True)
    relay.reset()
    os._exit(0)
os.wait()
print("first", len(relay.rows(10)))
"""


def test_of_forked_processes_one_has_the_lease(tmp_path: Path) -> None:
    program = [sys.executable, "-c", FORK, f"sqlite:///{tmp_path}/shop.db", "redis://127.0.0.1:1"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines() == ["first 1", "fork 0", "first 1"], done.stdout + done.stderr


def test_what_is_no_session_and_no_room_is_refused(outbox: Outbox, engine: sa.Engine) -> None:
    wrong: Any
    for wrong in (None, engine, object()):
        with pytest.raises(ConfigError, match="add takes a Session or a Connection of SQLAlchemy, not"):
            outbox.add(wrong, "orders", 1)
    with Session(engine) as session:
        for wrong in (["orders", "more"], 5, None):
            with pytest.raises(InvalidValue, match="not a room name"):
                outbox.add(session, wrong, 1)


def test_an_outage_of_the_bus_loses_nothing(outbox: Outbox, engine: sa.Engine, own_redis: Redis) -> None:
    with Publisher(own_redis.url) as publisher:
        relay = outbox.relay(publisher, engine, poll=0.05)
        own_redis.kill()
        with Session(engine) as session:
            outbox.add(session, "orders", 1)
            outbox.add(session, "orders", 2)
            session.commit()
        with pytest.raises(BusUnavailable):
            relay.step()
        relay.start()
        own_redis.start()
        eventually(lambda: waiting(outbox, engine) == 0, within=20)
        relay.stop()
        assert [message.data for message in publisher.history("orders").messages] == [1, 2]


def test_what_can_never_be_published_is_refused_when_it_is_added(outbox: Outbox, engine: sa.Engine) -> None:
    with Session(engine) as session:
        with pytest.raises(InvalidValue, match="room"):
            outbox.add(session, "no room!", 1)
        with pytest.raises(MessageTooLarge):
            outbox.add(session, "orders", "x" * 70_000)
        session.commit()
    assert waiting(outbox, engine) == 0


def test_the_table_has_the_name_and_takes_the_size_that_it_is_given(engine: sa.Engine) -> None:
    outbox = Outbox(name="letters", max_message_bytes=100)
    outbox.create(engine)
    assert set(sa.inspect(engine).get_table_names()) == {"letters", "letters_lease"}
    with Session(engine) as session:
        outbox.add(session, "orders", "x" * 98)
        with pytest.raises(MessageTooLarge):
            outbox.add(session, "orders", "x" * 99)


def test_a_row_that_the_application_refuses_later_holds_up_nobody_and_is_kept_until_it_is_purged(
    outbox: Outbox, engine: sa.Engine, shared_redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_MAX_MESSAGE_BYTES", "64")
    with Publisher(shared_redis.url, namespace=namespace) as publisher, Session(engine) as session:
        outbox.add(session, "orders", "x" * 100)
        outbox.add(session, "orders", "short")
        session.commit()
        outbox.relay(publisher, engine).step()
        assert [message.data for message in publisher.history("orders").messages] == ["short"]
        reason = session.execute(sa.select(outbox.table.c.refused)).scalar_one()
        assert reason.startswith("too_large")
        outbox.purge(session, older_than=-1)
        session.commit()
    assert waiting(outbox, engine) == 0


def test_it_works_with_flask_sqlalchemy(target: Any, seen: Seen, tmp_path: Path) -> None:
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/flask.db"
    db = SQLAlchemy(app)
    outbox = Outbox(metadata=db.metadata)
    with app.app_context():
        db.create_all()
        relay = outbox.relay(target, db.engine, poll=60)
        relay.start()
        outbox.add(db.session, "orders", {"order": 3})
        db.session.commit()
        eventually(lambda: seen("orders") == [{"order": 3}])
        relay.stop()
        db.engine.dispose()


def test_stopping_ends_the_background_task(outbox: Outbox, engine: sa.Engine, target: Any) -> None:
    relay = outbox.relay(target, engine, poll=60)
    relay.start()
    eventually(lambda: any(one.name == "realtime-relay" for one in threading.enumerate()))
    relay.stop()
    eventually(lambda: not any(one.name == "realtime-relay" for one in threading.enumerate()))


def test_a_relay_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    outbox: Outbox, engine: sa.Engine, shared_redis: Redis, namespace: str
) -> None:
    program = f"""
import sqlalchemy as sa
from realtime import Publisher
from realtime.data.outbox import Outbox
publisher = Publisher({shared_redis.url!r}, namespace={namespace!r})
Outbox().relay(publisher, sa.create_engine({str(engine.url)!r}), poll=0.02, lease=1).run()
"""
    with Publisher(shared_redis.url, namespace=namespace) as publisher:
        with Session(engine) as session:
            for number in range(600):
                outbox.add(session, "orders", number)
            session.commit()
        for share in (30, 150, 320, 600):
            process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=clean_environment())
            try:
                eventually(lambda n=share: len(publisher.history("orders", limit=1000).messages) >= n, within=30)
                if share == 600:
                    eventually(lambda: not waiting(outbox, engine))
            finally:
                process.kill()
                process.wait()
        assert [one.data for one in publisher.history("orders", limit=1000).messages] == list(range(600))
