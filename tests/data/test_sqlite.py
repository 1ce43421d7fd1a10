"""SQLite: what other programs write reaches the room once each, whoever watches and whatever dies."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from realtime import ConfigError, InvalidValue, Publisher
from realtime.data.sqlite import SQLiteChanges

from ..support.processes import ROOT, Redis, eventually

Seen = Callable[[str], list[Any]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    write(path, "CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT, extra)")
    return path


def write(path: Path, *statements: str) -> None:
    """What another program does, in one transaction."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_another_programs_insert_update_and_delete_reach_the_room(path: Path, target: Any, seen: Seen) -> None:
    changes = SQLiteChanges(path, target, poll=0.02)
    changes.watch("orders", room="orders")
    changes.start()
    try:
        program = (
            "import sqlite3, sys\n"
            "c = sqlite3.connect(sys.argv[1])\n"
            "for s in (\"INSERT INTO orders VALUES (7, 'new', NULL)\", \"UPDATE orders SET state='shipped'\",\n"
            "          'DELETE FROM orders'):\n"
            "    c.execute(s); c.commit()\n"
        )
        subprocess.run([sys.executable, "-c", program, str(path)], check=True)
        eventually(lambda: len(seen("orders")) == 3)
    finally:
        changes.stop()
    new, shipped = {"id": 7, "state": "new", "extra": None}, {"id": 7, "state": "shipped", "extra": None}
    assert seen("orders") == [
        {"op": "insert", "table": "orders", "row": new},
        {"op": "update", "table": "orders", "row": shipped},
        {"op": "delete", "table": "orders", "row": shipped},
    ]


def test_what_was_written_while_nobody_watched_comes_later_and_what_was_rolled_back_never(
    path: Path, target: Any, seen: Seen
) -> None:
    SQLiteChanges(path, target).watch("orders", room="orders")
    write(path, "INSERT INTO orders VALUES (1, 'a', 0)")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO orders VALUES (2, 'b', 0)")
        connection.rollback()
    changes = SQLiteChanges(path, target)
    changes.watch("orders", room="orders")
    changes.step()
    changes.reset()
    assert [one["row"]["id"] for one in seen("orders")] == [1]


def test_two_watchers_publish_each_change_once(path: Path, target: Any, seen: Seen) -> None:
    watchers = [SQLiteChanges(path, target, poll=0.02) for _ in range(2)]
    for watcher in watchers:
        watcher.watch("orders", room="orders")
        watcher.start()
    try:
        for number in range(40):
            write(path, f"INSERT INTO orders VALUES ({number}, 'x', 0)")
        eventually(lambda: len(seen("orders")) >= 40)
        eventually(lambda: not all_of(path))
    finally:
        for watcher in watchers:
            watcher.stop()
    assert sorted(one["row"]["id"] for one in seen("orders")) == list(range(40))


def all_of(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM realtime_changes").fetchall()


def test_a_change_that_was_published_before_a_crash_is_not_published_again_when_its_key_is_forgotten(
    path: Path, shared_redis: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIME_KEY_TTL", "1")
    with Publisher(shared_redis.url, namespace=namespace) as publisher:
        changes = SQLiteChanges(path, publisher)
        changes.watch("orders", room="orders")
        write(path, "INSERT INTO orders VALUES (1, 'a', 0.5)", "INSERT INTO orders VALUES (2, 'b', 0)")
        rows = changes.rows(10)
        changes.mark(rows, str(publisher.history("orders", limit=0).cursor))
        publisher.publish("orders", rows[0].data, event=rows[0].event, key=rows[0].key)
        changes.reset()  # Here the process died.
        time.sleep(1.2)
        changes.step()
        changes.reset()
        assert [one.data["row"]["id"] for one in publisher.history("orders").messages] == [1, 2]


def test_values_that_json_does_not_know_do_not_disturb_the_writer(path: Path, target: Any, seen: Seen) -> None:
    wide = ", ".join(f"c{number}" for number in range(130))
    write(path, f"CREATE TABLE 'wide \"one''s' ({wide})")
    changes = SQLiteChanges(path, target)
    changes.watch("orders", room="orders")
    changes.watch("wide \"one's", room="wide")
    write(
        path,
        "INSERT INTO orders VALUES (1, CAST(x'ff41' AS TEXT), x'00ff')",
        "INSERT INTO orders VALUES (2, 'ü', 9e999)",
        'INSERT INTO "wide ""one\'s" (c0, c129) VALUES (1, 2)',
    )
    changes.step()
    changes.reset()
    first, second = (one["row"] for one in seen("orders"))
    assert first == {"id": 1, "state": "\ufffdA", "extra": "00FF"}
    assert second == {"id": 2, "state": "ü", "extra": None}
    (row,) = (one["row"] for one in seen("wide"))
    assert len(row) == 130
    assert (row["c0"], row["c1"], row["c129"]) == (1, None, 2)


def test_a_function_says_where_each_change_goes_as_the_event_that_it_is_watched_as(
    path: Path, target: Any, seen: Seen
) -> None:
    changes = SQLiteChanges(path, target)
    changes.watch(
        "orders",
        room=lambda change: f"order-{change['row']['id']}" if change["op"] == "insert" else None,
        event="ordered",
    )
    write(path, "INSERT INTO orders VALUES (5, 'a', 0)", "DELETE FROM orders")
    changes.step()
    changes.reset()
    assert [one["op"] for one in seen("order-5")] == ["insert"]
    assert [message.event for message in target.history("order-5").messages] == ["ordered"]
    assert all_of(path) == []


@pytest.mark.parametrize("room", ["no room!", ["orders", "more"], 5])
def test_a_function_that_says_no_room_holds_up_nobody_also_after_a_crash(
    path: Path, target: Any, seen: Seen, room: Any
) -> None:
    changes = SQLiteChanges(path, target)
    changes.watch("orders", room=lambda change: "orders" if change["row"]["id"] == 2 else room)
    write(path, "INSERT INTO orders VALUES (1, 'a', 0)", "INSERT INTO orders VALUES (2, 'b', 0)")
    # Here the process died, or the bus went away.
    changes.mark(changes.rows(10), str(target.history("orders", limit=0).cursor))
    changes.step()
    changes.reset()
    assert [one["row"]["id"] for one in seen("orders")] == [2]
    assert all_of(path) == []


FORK = """
import os, signal, sqlite3, sys, time
from realtime import Publisher
from realtime.data.sqlite import SQLiteChanges

path, url, namespace = sys.argv[1:]
publisher = Publisher(url, namespace=namespace)
changes = SQLiteChanges(path, publisher, poll=0.02)
changes.watch("orders", room="orders")
changes.start()

def until(count):
    while len(publisher.history("orders").messages) < count:
        time.sleep(0.02)

def add(number):
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO orders VALUES (?, 'x', 0)", (number,))

add(1)
until(1)
before = changes._connection
child = os.fork()
if child == 0:
    signal.alarm(25)  # Nobody waits for it when it fails.
    changes.start()
    while changes._connection is None:
        time.sleep(0.02)
    print("own connection:", changes._connection is not before, flush=True)
    until(3)
    changes.stop()
    os._exit(0)
add(2)
until(2)
add(3)
assert os.waitpid(child, 0)[1] == 0
changes.stop()
print("done", [one.data["row"]["id"] for one in publisher.history("orders").messages])
"""


def test_a_fork_opens_a_connection_of_its_own(path: Path, shared_redis: Redis, namespace: str) -> None:
    program = [sys.executable, "-c", FORK, str(path), shared_redis.url, namespace]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines() == ["own connection: True", "done [1, 2, 3]"], done.stdout + done.stderr


def test_a_table_that_is_not_there_and_names_that_are_none_are_refused(path: Path, target: Any) -> None:
    changes = SQLiteChanges(path, target)
    with pytest.raises(ConfigError, match="no table 'nothing'"):
        changes.watch("nothing", room="orders")
    wrong: Any
    for wrong in ("no room!", 5, None):
        with pytest.raises(InvalidValue, match="not a room name"):
            changes.watch("orders", room=wrong)
    for wrong in (None, 5):
        with pytest.raises(ConfigError, match="a table is named by text"):
            changes.watch(wrong, room="orders")
    elsewhere = path.parent / "shpo.db"
    with pytest.raises(ConfigError, match="there is no database"):
        SQLiteChanges(elsewhere, target).watch("orders", room="orders")
    assert not elsewhere.exists()


def test_a_target_and_a_time_that_are_none_are_refused_at_once(path: Path, target: Any) -> None:
    wrong: Any
    for wrong in (None, Flask("shop"), "redis://127.0.0.1"):
        with pytest.raises(ConfigError, match="a Realtime or a Publisher, not to "):
            SQLiteChanges(path, wrong)
    for wrong in (None, "1", -1, float("nan")):
        with pytest.raises(InvalidValue, match="poll is a number of seconds"):
            SQLiteChanges(path, target, poll=wrong)


def test_columns_that_were_added_are_seen_after_watching_again(path: Path, target: Any, seen: Seen) -> None:
    changes = SQLiteChanges(path, target)
    changes.watch("orders", room="orders")
    write(path, "ALTER TABLE orders ADD COLUMN note")
    changes.watch("orders", room="orders")
    write(path, "INSERT INTO orders VALUES (1, 'a', 0, 'hi')")
    changes.step()
    changes.reset()
    assert [one["row"]["note"] for one in seen("orders")] == ["hi"]
