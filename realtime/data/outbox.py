"""The transactional outbox: messages that are part of a SQLAlchemy transaction, published after it and only after it.

    outbox = Outbox(metadata=db.metadata)                    # its table is made with yours
    outbox.relay(realtime, engine).start()                   # in the server, or in any process with a Publisher

    order.state = "shipped"
    outbox.add(session, "orders", {"order": order.id}, event="shipped")
    session.commit()                                         # now it is on its way; a rollback takes it back

This is the only file that imports SQLAlchemy. It knows no web and no bus.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from ..arguments import seconds
from ..errors import ConfigError
from ..message import Message
from ..names import check_room, shortened
from .relay import Relay, Row, Target

_LEASE_SECONDS: Final = 30.0

Engine = sa.Engine | Callable[[], sa.Engine]


class Outbox:
    """A table in which messages wait for the end of the transaction that wrote them.

    Args:
        metadata: the application's, so that ``create_all`` and Alembic know the table; else call ``create``.
        name: of the table; beside it there is ``<name>_lease``.
        max_message_bytes: as ``REALTIME_MAX_MESSAGE_BYTES``: what is larger is refused when it is added.

    Attributes:
        table: the table. Rows are deleted when they are published. A row whose ``refused`` is set never can be and is
            kept for you to look at: see ``purge``.
    """

    def __init__(
        self, *, metadata: sa.MetaData | None = None, name: str = "realtime_outbox", max_message_bytes: int = 65_536
    ) -> None:
        metadata = sa.MetaData() if metadata is None else metadata
        self._max_bytes = max_message_bytes
        self._relays: list[OutboxRelay] = []
        big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
        self.table = sa.Table(
            name,
            metadata,
            sa.Column("id", big, primary_key=True, autoincrement=True),
            sa.Column("key", sa.String(32), nullable=False, unique=True),
            sa.Column("room", sa.String(128), nullable=False),
            sa.Column("event", sa.String(64), nullable=False),
            sa.Column("data", sa.Text, nullable=False),
            sa.Column("added", sa.Float, nullable=False),
            sa.Column("tried", sa.String(41)),
            sa.Column("refused", sa.Text),
        )
        self.lease = sa.Table(
            f"{name}_lease",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("holder", sa.String(32), nullable=False),
            sa.Column("until", sa.Float, nullable=False),
        )

    def create(self, engine: sa.Engine) -> None:
        """Make the tables where they are missing."""
        self.table.metadata.create_all(engine, tables=[self.table, self.lease])

    def add(
        self, session: Session | scoped_session[Any] | sa.Connection, room: str, data: object, *, event: str = "message"
    ) -> None:
        """Write a message into the caller's transaction.

        It is published after the outermost commit, in the order of adding; after a rollback, also to a savepoint, it
        never was.

        Args:
            session: of SQLAlchemy or Flask-SQLAlchemy (``db.session``), or a connection.
            room: where to.
            data: anything with a JSON form.
            event: the event's name.

        Raises:
            InvalidValue, MessageTooLarge: it could never be published; nothing was written.
            ConfigError: not such a session. With asyncio: ``await session.run_sync(outbox.add, "orders", data)``.
        """
        if not isinstance(session, Session | scoped_session | sa.Connection):
            raise ConfigError(f"add takes a Session or a Connection of SQLAlchemy, not {shortened(session)}")
        message = Message.new(check_room(room), data, event=event, max_bytes=self._max_bytes)
        session.execute(
            self.table.insert().values(
                key=secrets.token_hex(16), room=room, event=event, data=message.json, added=time.time()
            )
        )
        real = session() if isinstance(session, scoped_session) else session
        heard = self._committed
        if isinstance(real, Session) and self._relays and not sa.event.contains(real, "after_commit", heard):
            # Only a hint: savepoints end too, and other processes look by themselves.
            sa.event.listen(real, "after_commit", heard)

    def relay(self, target: Target, engine: Engine, *, poll: float = 0.5, lease: float = _LEASE_SECONDS) -> OutboxRelay:
        """What publishes the rows: ``start()`` it in every server process, or ``run()`` it in a worker of its own.

        Of several, one at a time holds a lease, which keeps the order.

        Args:
            target: a ``Realtime`` or a ``Publisher``.
            engine: the database, or a function that returns it.
            poll: seconds between looks for what other processes wrote.
            lease: seconds, from 1 to 600, that the others wait for one that died; one that is stopped lets go at once.
        """
        relay = OutboxRelay(self, target, engine, poll=poll, lease=lease)
        self._relays.append(relay)
        return relay

    def purge(self, connection: Session | sa.Connection, *, older_than: float = 604_800) -> None:
        """Delete refused rows that are older than so many seconds."""
        old = self.table.c.added < time.time() - older_than
        connection.execute(self.table.delete().where(self.table.c.refused.is_not(None), old))

    def _committed(self, _session: Session) -> None:
        for relay in self._relays:
            relay.wake()


class OutboxRelay(Relay):
    """See ``Relay`` for the guarantees, and ``Outbox.relay``."""

    def __init__(self, outbox: Outbox, target: Target, engine: Engine, *, poll: float, lease: float) -> None:
        super().__init__(target, poll=poll)
        self._outbox = outbox
        self._engine = engine
        self._lease = min(max(seconds("lease", lease, most=86_400), 1.0), 600.0)
        self._token = secrets.token_hex(12)

    @property
    def _holder(self) -> str:
        """This process: a relay may have been made before its processes were forked."""
        return f"{self._token}{os.getpid() & 0xFFFFFFFF:08x}"

    def rows(self, limit: int) -> Sequence[Row]:
        table = self._outbox.table
        waiting = sa.select(table).where(table.c.refused.is_(None)).order_by(table.c.id).limit(limit)
        with self._database().connect() as connection:
            if connection.execute(waiting.limit(1)).first() is None:
                return []
        if not self._holds():
            return []
        with self._database().connect() as connection:
            found = connection.execute(waiting).mappings().all()
        return [
            Row(
                id=one["id"],
                room=one["room"],
                event=one["event"],
                data=json.loads(one["data"]),
                key=f"outbox:{one['key']}",
                tried=one["tried"],
            )
            for one in found
        ]

    def mark(self, rows: Sequence[Row], cursor: str) -> None:
        self._write(
            self._outbox.table.update().values(tried=sa.func.coalesce(self._outbox.table.c.tried, cursor)), rows
        )

    def done(self, rows: Sequence[Row]) -> None:
        if rows:
            table = self._outbox.table
            self._write(table.delete().where(table.c.refused.is_(None)), rows)

    def refused(self, row: Row, reason: str) -> None:
        self._write(self._outbox.table.update().values(refused=reason), [row])

    def reset(self) -> None:
        """Connections are the engine's. Only the lease is let go: another process need not wait for its end."""
        lease = self._outbox.lease
        with suppress(sa.exc.SQLAlchemyError), self._database().begin() as connection:
            connection.execute(lease.update().where(lease.c.holder == self._holder).values(until=0.0))

    def forked(self) -> None:
        """Connections are the engine's, which has to be disposed of in a fork; a lease is its parent's."""

    def _write(self, statement: sa.Update | sa.Delete, rows: Sequence[Row]) -> None:
        with self._database().begin() as connection:
            connection.execute(statement.where(self._outbox.table.c.id.in_([row.id for row in rows])))

    def _holds(self) -> bool:
        """Whether this relay has the lease, taken or prolonged now."""
        lease, now = self._outbox.lease, time.time()
        free = sa.or_(lease.c.until < now, lease.c.until > now + 1200, lease.c.holder == self._holder)
        mine = {"holder": self._holder, "until": now + self._lease}
        with self._database().begin() as connection:
            if connection.execute(lease.update().where(lease.c.id == 1, free).values(mine)).rowcount:
                return True
            if connection.execute(sa.select(lease.c.id)).first() is not None:
                return False
        try:
            with self._database().begin() as connection:
                connection.execute(lease.insert().values(id=1, **mine))
        except sa.exc.IntegrityError:
            return False  # Another process was faster.
        return True

    def _database(self) -> sa.Engine:
        return self._engine if isinstance(self._engine, sa.Engine) else self._engine()
