"""PostgreSQL: what other programs commit reaches the room once each, also after a lost connection."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from realtime import ConfigError, Publisher
from realtime.data.postgres import PostgresChanges

from ..support.postgres import Postgres
from ..support.processes import ROOT, Redis, clean_environment, eventually

Seen = Callable[[str], list[Any]]


@pytest.fixture
def table(postgres: Postgres) -> Iterator[str]:
    name = f"orders_{secrets.token_hex(4)}"
    write(postgres, f"CREATE TABLE {name} (id int PRIMARY KEY, state text)")
    yield name
    write(postgres, f"DROP TABLE {name}", f"DELETE FROM realtime_changes WHERE tbl = '{name}'")


def write(postgres: Postgres, *statements: str) -> None:
    """What another program does, in one transaction."""
    with psycopg.connect(postgres.url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def waiting(postgres: Postgres, table: str) -> int:
    with psycopg.connect(postgres.url) as connection:
        return connection.execute("SELECT 1 FROM realtime_changes WHERE tbl = %s", (table,)).rowcount


def test_a_notification_brings_another_programs_changes_and_a_rollback_brings_none(
    postgres: Postgres, table: str, target: Any, seen: Seen
) -> None:
    changes = PostgresChanges(postgres.url, target, poll=60)
    changes.watch(table, room="orders", event="ordered")
    changes.start()
    try:
        write(postgres, f"INSERT INTO {table} VALUES (1, 'new')")
        eventually(lambda: len(seen("orders")) == 1)
        with psycopg.connect(postgres.url) as connection:
            connection.execute(f"INSERT INTO {table} VALUES (2, 'never')".encode())
            connection.rollback()
        write(postgres, f"UPDATE {table} SET state = 'shipped'", f"DELETE FROM {table}")
        eventually(lambda: len(seen("orders")) == 3)
    finally:
        changes.stop()
    assert seen("orders") == [
        {"op": "insert", "table": table, "row": {"id": 1, "state": "new"}},
        {"op": "update", "table": table, "row": {"id": 1, "state": "shipped"}},
        {"op": "delete", "table": table, "row": {"id": 1, "state": "shipped"}},
    ]
    assert {message.event for message in target.history("orders").messages} == {"ordered"}


def test_what_was_written_while_the_connection_was_lost_comes_afterwards(
    postgres: Postgres, table: str, target: Any, seen: Seen
) -> None:
    changes = PostgresChanges(postgres.url, target, poll=60)
    changes.watch(table, room="orders")
    changes.start()
    try:
        write(postgres, f"INSERT INTO {table} VALUES (1, 'before')")
        eventually(lambda: len(seen("orders")) == 1)
        postgres.kill()
        postgres.start()
        write(postgres, f"INSERT INTO {table} VALUES (2, 'after')")
        eventually(lambda: len(seen("orders")) == 2, within=20)
        write(postgres, f"INSERT INTO {table} VALUES (3, 'later')")
        eventually(lambda: len(seen("orders")) == 3)
    finally:
        changes.stop()
    assert [one["row"]["id"] for one in seen("orders")] == [1, 2, 3]


def test_of_two_watchers_one_publishes_and_the_other_takes_over(
    postgres: Postgres, table: str, target: Any, seen: Seen
) -> None:
    first, second = (PostgresChanges(postgres.url, target, poll=0.1) for _ in range(2))
    for watcher in (first, second):
        watcher.watch(table, room="orders")
        watcher.start()
    try:
        write(postgres, *(f"INSERT INTO {table} VALUES ({number}, '')" for number in range(250)))
        eventually(lambda: len(seen("orders")) == 250, within=30)
        first.stop()
        write(postgres, f"INSERT INTO {table} VALUES (250, '')")
        eventually(lambda: len(seen("orders")) == 251)
        eventually(lambda: not waiting(postgres, table))
    finally:
        first.stop()
        second.stop()
    assert [one["row"]["id"] for one in seen("orders")] == list(range(251))


def test_a_table_may_be_named_otherwise_the_next_time(postgres: Postgres, table: str, target: Any, seen: Seen) -> None:
    PostgresChanges(postgres.url, target).watch(table, room="orders")
    write(postgres, f"INSERT INTO {table} VALUES (1, 'before')")
    changes = PostgresChanges(postgres.url, target)
    changes.watch(f"public.{table}", room="orders")
    write(postgres, f"INSERT INTO {table} VALUES (2, 'after')")
    changes.step()
    changes.reset()
    assert [(one["table"], one["row"]["id"]) for one in seen("orders")] == [(table, 1), (table, 2)]


FORK = """
import os, signal, sys, time
import psycopg
from realtime import Publisher
from realtime.data.postgres import PostgresChanges

database, table, url, namespace = sys.argv[1:]
publisher = Publisher(url, namespace=namespace)
changes = PostgresChanges(database, publisher, poll=0.05)
changes.watch(table, room="orders")
changes.start()

def until(count):
    while len(publisher.history("orders").messages) < count:
        time.sleep(0.02)

def add(number):
    with psycopg.connect(database) as connection:
        connection.execute(f"INSERT INTO {table} VALUES (%s, '')".encode(), (number,))

add(1)
until(1)
child = os.fork()
if child == 0:
    signal.alarm(25)  # Nobody waits for it when it fails.
    changes.start()
    until(4)
    changes.stop()
    os._exit(0)
for number in (2, 3):
    add(number)
    until(number)
changes.stop()  # Now the fork has to relay.
add(4)
assert os.waitpid(child, 0)[1] == 0
print([one.data["row"]["id"] for one in publisher.history("orders").messages])
"""


def test_a_fork_opens_a_connection_of_its_own_and_takes_over(
    postgres: Postgres, table: str, shared_redis: Redis, namespace: str
) -> None:
    program = [sys.executable, "-c", FORK, postgres.url, table, shared_redis.url, namespace]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2, 3, 4]\n", "")


def test_a_change_that_was_published_before_a_crash_is_not_published_again_when_its_key_is_forgotten(
    postgres: Postgres, table: str, shared_redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_KEY_TTL", "1")
    with Publisher(shared_redis.url, namespace=namespace) as publisher:
        changes = PostgresChanges(postgres.url, publisher)
        changes.watch(table, room="orders")
        write(postgres, f"INSERT INTO {table} VALUES (1, ''), (2, '')")
        rows = changes.rows(10)
        changes.mark(rows, str(publisher.history("orders", limit=0).cursor))
        publisher.publish("orders", rows[0].data, event=rows[0].event, key=rows[0].key)
        changes.reset()  # Here the process died.
        time.sleep(1.2)
        eventually(changes.step)
        changes.reset()
        assert [one.data["row"]["id"] for one in publisher.history("orders").messages] == [1, 2]


def test_a_table_that_is_not_there_and_a_string_that_connects_to_nothing_are_refused(
    postgres: Postgres, target: Any
) -> None:
    with pytest.raises(ConfigError, match="no table 'nothing'"):
        PostgresChanges(postgres.url, target).watch("nothing", room="orders")
    with pytest.raises(ConfigError, match="connection string"):
        PostgresChanges("what is this", target)


def test_under_gevent_waiting_for_the_database_holds_up_nobody(
    postgres: Postgres, table: str, shared_redis: Redis, namespace: str
) -> None:
    program = f"""
from gevent import monkey; monkey.patch_all()
import gevent
from realtime import Publisher
from realtime.data.postgres import PostgresChanges
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.01); ticks += 1
publisher = Publisher({shared_redis.url!r}, namespace={namespace!r})
changes = PostgresChanges({postgres.url!r}, publisher, poll=60)
changes.watch({table!r}, room="orders")
changes.start()
gevent.sleep(0.5)
gevent.spawn(tick)
gevent.sleep(1.2)
assert ticks > 15, ticks
import psycopg
psycopg.connect({postgres.url!r}, autocommit=True).execute("INSERT INTO {table} VALUES (1, '')")
with gevent.Timeout(10):
    while not publisher.history("orders").messages: gevent.sleep(0.01)
changes.stop()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, cwd=ROOT, env=clean_environment(), timeout=60
    )
