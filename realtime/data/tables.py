"""What the watchers of tables share: which table's changes go where, and how a change reads. It knows no database."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import ConfigError
from ..names import check_event, check_room, shortened
from .relay import Relay, Row, Target

Room = str | Callable[[dict[str, Any]], str | None]


class Watched(NamedTuple):
    """Where a table's changes go."""

    room: Room
    event: str


class TableRelay(Relay):
    """A relay of changes that triggers have written down.

    Args:
        target, poll: as of ``Relay``.
        source: what keys begin with.
    """

    def __init__(self, target: Target, *, poll: float, source: str) -> None:
        super().__init__(target, poll=poll)
        self._watched: dict[str, Watched] = {}
        self._source = source
        self._logger = logging.getLogger(__name__)

    def _check(self, table: str, room: Room, event: str) -> Watched:
        if not isinstance(table, str):
            raise ConfigError(f"a table is named by text, not {shortened(table)}")
        if not callable(room):
            check_room(room)
        check_event(event)
        return Watched(room, event)

    def refused(self, row: Row, reason: str) -> None:
        """It was logged, and goes with the others."""

    def _row(self, number: int, key: str, table: str, op: str, text: str, tried: str | None) -> Row:
        """A change as triggers wrote it: ``text`` is a row as a JSON object, or in several pieces as a list of them."""
        watched = self._watched[table]
        data: dict[str, Any] = {"op": op, "table": table}
        room: str | None = None
        try:
            row = json.loads(text)
            pieces = row if isinstance(row, list) else [row]
            data["row"] = {name: value for piece in pieces for name, value in piece.items()}
            said = watched.room if isinstance(watched.room, str) else watched.room(data)
            room = None if said is None else check_room(said)
        except Exception:
            # One row that the application's function cannot take must not stop the rest.
            self._logger.exception("no room can be found for change %s of table %r; it is left out", number, table)
        return Row(id=number, room=room, event=watched.event, data=data, key=f"{self._source}:{key}", tried=tried)
