"""SQLite: the page hears of what any program writes into a table, in whatever language, knowing nothing of this.

    changes = SQLiteChanges("shop.db", realtime)
    changes.watch("orders", room="orders")           # installs triggers
    changes.start()

On the page: ``new EventSource("/events?room=orders").addEventListener("change", …)`` gets
``{"op": "update", "table": "orders", "row": {"id": 7, "state": "shipped"}}``.

Triggers copy each change into the table ``realtime_changes``, in the writer's own transaction; ``PRAGMA data_version``
(https://sqlite.org/pragma.html#pragma_data_version) says cheaply when somebody has committed. This file writes nothing
but that table.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError
from .relay import Row, Target
from .tables import Room, TableRelay

_TABLE: Final = "realtime_changes"
_INSTALL_SECONDS: Final = 10.0
_BUSY_SECONDS: Final = 0.1
"""While it waits for a lock SQLite stands still, and under gevent everybody with it: it is tried again instead."""


class SQLiteChanges(TableRelay):
    """Publishes what changes in tables of a SQLite database. See ``Relay`` for the guarantees.

    Changes are kept from ``watch`` on, also while nobody runs this. Before 3.38, SQLite needs its JSON1 extension.

    Args:
        path: of the database file.
        target: a ``Realtime`` or a ``Publisher``.
        poll: seconds between looks, from 0.02 to 60.
    """

    def __init__(self, path: str | Path, target: Target, *, poll: float = 0.1) -> None:
        super().__init__(target, poll=poll, source="sqlite")
        self._path = str(path)
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._version = -1

    def watch(self, table: str, *, room: Room, event: str = "change") -> None:
        """Install the triggers of one table. Call it again after columns were added.

        Args:
            table: its name.
            room: where its changes go, or a function of the published data that says so (``None``: nowhere).
            event: the event's name. Its data is ``{"op": "insert" | "update" | "delete", "table", "row"}``: the row as
                it is now, or was before it was deleted. Blobs are in hexadecimal, infinity is null.

        Raises:
            ConfigError: there is no such table, or database.
            InvalidValue: not a room's or event's name.
        """
        watched = self._check(table, room, event)
        if not Path(self._path).is_file():
            raise ConfigError(f"there is no database {self._path}")  # SQLite would make one.
        with closing(sqlite3.connect(self._path, timeout=_INSTALL_SECONDS, isolation_level=None)) as connection:
            columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({_quoted(table)})")]
            if not columns:
                raise ConfigError(f"{self._path} has no table {table!r}")
            connection.execute("BEGIN IMMEDIATE")
            for statement in _triggers(table, columns):
                connection.execute(statement)
            connection.execute("COMMIT")
        self._watched[table] = watched

    def wait(self) -> None:
        """Until somebody else has committed."""
        while not self._stopping:
            super().wait()
            version = self._version_now()
            if version != self._version:
                self._version = version
                return

    def rows(self, limit: int) -> Sequence[Row]:
        if not self._watched:
            return []
        if self._version < 0:
            self._version = self._version_now()
        marks = ",".join("?" * len(self._watched))
        query = f"SELECT id, key, tbl, op, data, tried FROM {_TABLE} WHERE tbl IN ({marks}) ORDER BY id LIMIT ?"  # noqa: S608
        return [self._row(*found) for found in self._open().execute(query, (*self._watched, limit)).fetchall()]

    def mark(self, rows: Sequence[Row], cursor: str) -> None:
        self._write(f"UPDATE {_TABLE} SET tried = coalesce(tried, ?) WHERE id = ?", [(cursor, row.id) for row in rows])  # noqa: S608

    def done(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        deadline = time.monotonic() + _INSTALL_SECONDS
        while True:
            try:
                self._write(f"DELETE FROM {_TABLE} WHERE id = ?", [(row.id,) for row in rows])  # noqa: S608
                return
            except sqlite3.OperationalError:
                # They are marked as tried: giving up is safe, only slower.
                if self._stopping or time.monotonic() > deadline:
                    raise
                self._concurrency.sleep(0.05)

    def reset(self) -> None:
        connection, self._connection, self._version = self._connection, None, -1
        if connection is not None:
            connection.close()

    def forked(self) -> None:
        """Not even closing it is safe in a fork (https://sqlite.org/howtocorrupt.html, 2.6): it is only kept."""
        self._inherited, self._connection, self._version = self._connection, None, -1

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not Path(self._path).is_file():
                raise ConfigError(f"{self._path} is gone")
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # Other programs may have written text that is no UTF-8.
            self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return self._connection

    def _version_now(self) -> int:
        version: int = self._open().execute("PRAGMA data_version").fetchone()[0]
        return version

    def _write(self, statement: str, values: list[tuple[Any, ...]]) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(statement, values)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _quoted(name: str, mark: str = '"') -> str:
    return mark + name.replace(mark, mark * 2) + mark


def _triggers(table: str, columns: Sequence[str]) -> list[str]:
    """The statements that install a table's triggers. AUTOINCREMENT: no id is ever given twice."""
    statements = [
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, "
        "tbl TEXT NOT NULL, op TEXT NOT NULL, data TEXT NOT NULL, tried TEXT)"
    ]
    for op, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")):
        # A function of SQLite takes a hundred arguments, and a table may have more columns: several objects.
        pairs = [f"{_quoted(one, chr(39))}, {_value(row, one)}" for one in columns]
        pieces = [f"json_object({', '.join(pairs[start : start + 40])})" for start in range(0, len(pairs), 40)]
        trigger = _quoted(f"{_TABLE}_{table}_{op}")
        statements += [
            f"DROP TRIGGER IF EXISTS {trigger}",
            f"CREATE TRIGGER {trigger} AFTER {op.upper()} ON {_quoted(table)} BEGIN "  # noqa: S608  names are quoted
            f"INSERT INTO {_TABLE} (key, tbl, op, data) VALUES "
            f"(lower(hex(randomblob(16))), {_quoted(table, chr(39))}, '{op}', json_array({', '.join(pieces)})); END",
        ]
    return statements


def _value(row: str, column: str) -> str:
    """A column's value as JSON can hold it: a blob would make the writer's own statement fail, infinity is none."""
    value = f"{row}.{_quoted(column)}"
    infinite = f"typeof({value}) = 'real' AND abs({value}) > 1.7976931348623157e308"
    return f"CASE WHEN typeof({value}) = 'blob' THEN hex({value}) WHEN {infinite} THEN NULL ELSE {value} END"
