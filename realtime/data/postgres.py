"""PostgreSQL: the page hears of what any program writes into a table; ``LISTEN`` says when, a queue says what.

    changes = PostgresChanges("postgresql:///shop", realtime)
    changes.watch("orders", room="orders")           # installs a trigger
    changes.start()

The room gets the event ``change`` with ``{"op": "update", "table": "orders", "row": {"id": 7, "state": "shipped"}}``.

A trigger copies each change into the table ``realtime_changes``, in the writer's own transaction, and notifies. A
notification only wakes: what it is about is read from the table, so that nothing is lost with a connection. This is the
only file that imports psycopg (version 3), which waits without holding up others under gevent too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import ConfigError
from .relay import Row, Target
from .tables import Room, TableRelay

_TABLE: Final = "realtime_changes"
_LOCK: Final = 0x7265616C74696D65
"""Advisory lock, "realtime" in ASCII: who has it relays, one session at a time in a database."""
_WAIT_SECONDS: Final = 0.5
"""The longest wait that a stop has to sit out."""

# A connection that is dead without having said so is noticed in half a minute.
_DEFAULTS: Final[dict[str, int]] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

_INSTALL: Final = (
    "CREATE TABLE IF NOT EXISTS realtime_changes (id bigserial PRIMARY KEY, key uuid NOT NULL DEFAULT "
    "gen_random_uuid(), tbl text NOT NULL, op text NOT NULL, data text NOT NULL, tried text)",
    # The definer's rights: who may write into the watched table needs no rights on this one.
    """CREATE OR REPLACE FUNCTION realtime_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO realtime_changes (tbl, op, data) VALUES (
            TG_ARGV[0], lower(TG_OP), CASE TG_OP WHEN 'DELETE' THEN to_json(OLD) ELSE to_json(NEW) END);
        PERFORM pg_notify('realtime_changes', '');
        RETURN NULL;
    END $$""",
)


class PostgresChanges(TableRelay):
    """Publishes what changes in tables of a PostgreSQL database (13 or newer). See ``Relay`` for the guarantees.

    Changes are kept from ``watch`` on, also while nobody runs this. Of several processes, the one that has an advisory
    lock relays; another takes over when its connection ends. Order is that of the changes as far as committed. Connect
    directly, not through a pooler that hands out transactions: both ``LISTEN`` and the lock belong to a session.

    Args:
        conninfo: as libpq takes it: ``postgresql://user@host/database``.
        target: a ``Realtime`` or a ``Publisher``.
        poll: seconds between looks without a notification, from 0.02 to 60.
    """

    def __init__(self, conninfo: str, target: Target, *, poll: float = 5.0) -> None:
        super().__init__(target, poll=poll, source="postgres")
        try:
            given = conninfo_to_dict(conninfo)
            self._conninfo = make_conninfo(conninfo, **{k: v for k, v in _DEFAULTS.items() if k not in given})
        except psycopg.ProgrammingError as exc:
            raise ConfigError(
                f"not a connection string: {exc}; one looks like postgresql://user@host/database"
            ) from None
        self._connection: psycopg.Connection | None = None
        self._inherited: psycopg.Connection | None = None
        self._leads = False

    def watch(self, table: str, *, room: Room, event: str = "change") -> None:
        """Install the trigger of one table, where it is missing. Columns that are added later need nothing.

        A table that has its trigger keeps the name by which it was watched first, whatever it is called here.

        The role needs the right to make a table, a function and this trigger at the first call only. ``TRUNCATE``
        is not seen.

        Args:
            table: its name, or ``schema.name``.
            room: where its changes go, or a function of the published data that says so (``None``: nowhere).
            event: the event's name. Its data is ``{"op": "insert" | "update" | "delete", "table", "row"}``: the row as
                ``to_json`` shows it now, or as it was before it was deleted.

        Raises:
            ConfigError: there is no such table.
            InvalidValue: not a room's or event's name.
        """
        watched = self._check(table, room, event)
        name = sql.Identifier(*table.split("."))
        with self._connect() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK + 1,))
            found = connection.execute("SELECT to_regclass(%s)::oid", (name.as_string(connection),)).fetchone()
            if found is None or found[0] is None:
                raise ConfigError(f"the database has no table {table!r}")
            known = "SELECT tgargs FROM pg_trigger WHERE tgrelid = %s AND tgname = 'realtime_change'"
            trigger_is = connection.execute(known, (found[0],)).fetchone()
            if trigger_is is not None:
                # Its argument, up to NUL: under that name it writes changes down, and may have done so before.
                table = bytes(trigger_is[0]).partition(b"\0")[0].decode(connection.info.encoding)
            else:
                for statement in _INSTALL:
                    connection.execute(statement.encode())
                trigger = "CREATE TRIGGER realtime_change AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW "
                trigger += "EXECUTE FUNCTION realtime_change({})"
                connection.execute(sql.SQL(trigger).format(name, sql.Literal(table)))
        self._watched[table] = watched

    def rows(self, limit: int) -> Sequence[Row]:
        connection = self._open()
        if not self._watched or not self._lead(connection):
            return []
        query = (
            "SELECT id, key::text, tbl, op, data, tried FROM realtime_changes WHERE tbl = ANY(%s) ORDER BY id LIMIT %s"
        )
        return [self._row(*found) for found in connection.execute(query, (list(self._watched), limit)).fetchall()]

    def mark(self, rows: Sequence[Row], cursor: str) -> None:
        numbers = [row.id for row in rows]
        query = "UPDATE realtime_changes SET tried = coalesce(tried, %s) WHERE id = ANY(%s)"
        self._open().execute(query, (cursor, numbers))

    def done(self, rows: Sequence[Row]) -> None:
        if rows:
            self._open().execute("DELETE FROM realtime_changes WHERE id = ANY(%s)", ([row.id for row in rows],))

    def wait(self) -> None:
        """Until there is a notification; psycopg keeps those that come at other times."""
        connection, deadline = self._open(), time.monotonic() + self._poll
        while not self._stopping and not self._woken.is_set() and (left := deadline - time.monotonic()) > 0:
            if any(True for _ in connection.notifies(timeout=min(left, _WAIT_SECONDS), stop_after=1)):
                break
        self._woken.clear()

    def reset(self) -> None:
        connection, self._connection, self._leads = self._connection, None, False
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def forked(self) -> None:
        """To close it here would say goodbye to the server in the parent's name."""
        self._inherited, self._connection, self._leads = self._connection, None, False

    def _lead(self, connection: psycopg.Connection) -> bool:
        if not self._leads:
            (self._leads,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() or (False,)
        return self._leads

    def _open(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.execute(f"LISTEN {_TABLE}".encode())
        return self._connection

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._conninfo, autocommit=True)
