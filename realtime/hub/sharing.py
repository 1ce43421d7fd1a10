"""Sharing: who of a room shares its pending payloads, and when one has to be parted from the others.

The part of the feed that knows groups. The rule that keeps each connection's order: of the groups that one shares with,
at most one has something for it at a time; where a second would, the connection is parted first. Nothing here reads the
log or writes to a socket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ..message import START, Message, Position
from .connection import Connection, State
from .groups import Group, Members, SharingConnection, is_sharing
from .log import Counters


class Sharing(ABC):
    """Rooms, their readers, and what is pending for these.

    Args:
        lock: guards all of it; never held while waiting for anything.
        max_pending_bytes: a connection with more than this pending loses it and keeps its cursor.

    Attributes:
        max_pending_bytes: the same.
        position: everything up to here was delivered.
        counters: for metrics.
    """

    def __init__(self, *, lock: AbstractContextManager[Any], max_pending_bytes: int) -> None:
        self.position = START
        self.counters = Counters()
        self.max_pending_bytes = max_pending_bytes
        self._lock = lock
        self._members = Members(lock)
        self._woken: list[Connection] = []
        self._filled: dict[Group, None] = {}

    @abstractmethod
    def flush(self) -> None:
        """Wake everybody who got something since the last flush."""

    def tell_moves(self, told: Callable[[Connection, str, bool], None]) -> None:
        """Call this when a connection reads a room from now on (true), or no more. It may not wait."""
        self._members.told = told

    def members(self, room: str) -> int:
        """How many connections of this process read the room."""
        with self._lock:
            return self._members.count(room)

    @property
    def rooms(self) -> int:
        """How many rooms have a reader in this process."""
        return len(self._members)

    def share(self, connection: SharingConnection) -> None:
        """From now on the connection shares what its rooms have pending with the others that do.

        To be called when everything was written that was taken. It changes nothing where the connection is not live, or
        has something pending.
        """
        with self._lock:
            if connection.shared is not None or connection.pending or connection.held or not connection.rooms:
                return
            groups = tuple(self._members.groups(connection))
            if connection.state is not State.LIVE or sum(group in self._members.dirty for group in groups) > 1:
                return
            for group in groups:
                group.share(connection, position=self.position, several=len(groups) > 1)
            connection.shared = groups if len(groups) > 1 else groups[0].alone

    def part(self, connection: SharingConnection) -> None:
        """End what ``share`` began: the connection cannot be written just now."""
        with self._lock:
            self._leave_groups(connection)
        self.flush()

    def fall_behind(self, connection: Connection) -> None:
        """Drop what is pending for a live connection and keep its cursor: its transport cannot take more now."""
        with self._lock:
            if connection.state is State.LIVE:
                self.counters.spills += 1
                self._fall_behind(connection)

    def _part_exceptions(self, message: Message, groups: Sequence[Group]) -> None:
        """Those who do not get what their group gets: who is left out, and who would get it in several rooms."""
        several = len(message.rooms) > 1
        for group in groups:
            if message.skip:
                for connection in [one for one in group.together if one.id in message.skip]:
                    self._part(connection)
            if several:
                for connection in [one for one in group.together if one in group.several or one.names_rooms]:
                    self._part(connection)

    def _append_shared(self, group: Group, payload: Any, size: int, *, before: Position) -> None:
        if not group.pending and group.several and self._members.dirty:
            # What one connection gets in two rooms must keep its order; two groups cannot do that for it.
            for connection in [one for one in group.several if one.due]:
                self._part(connection)
            if not group.together:
                return
        self._filled[group] = None
        group.append(payload, size, before=before)
        self.counters.deliveries += len(group.together)
        if group.pending_bytes > self.max_pending_bytes:
            self.counters.spills += len(group.together)
            for connection in tuple(group.together):
                self._part(connection)
                self._fall_behind(connection)

    def _leave_groups(self, connection: Connection) -> None:
        if is_sharing(connection):
            self._part(connection)

    def _part(self, connection: SharingConnection) -> None:
        """It no longer shares, and has what is left for it in its own pending."""
        groups, connection.shared = connection.shared, None
        connection.cursor = self.position
        for group in groups or ():
            payloads, cursor = group.part(connection)
            if cursor is not None:
                connection.pending = payloads
                connection.pending_bytes = sum(map(connection.size, payloads))
                connection.cursor = cursor
                self._woken.append(connection)

    def _write_shared(self) -> None:
        """Write what groups have pending now, not at the end of the loop turn."""
        for group in tuple(self._members.dirty):
            group.flush()

    def _take_shared(self, connection: SharingConnection) -> list[Any]:
        """What its groups have for it, ahead of the others. At most one has something."""
        for group in connection.shared or ():
            if group.pending:
                return group.give(connection, position=self.position)
        return []

    def _fall_behind(self, connection: Connection) -> None:
        """Keep the cursor, drop the rest."""
        self._leave_groups(connection)
        if connection.state is State.LIVE and not connection.pending and not connection.held:
            connection.cursor = self.position
        connection.state = State.LAGGING
        connection.pending = []
        connection.pending_bytes = 0

    @staticmethod
    def _size(group: Group, payload: Any) -> int:
        for connection in group.together or group.apart:
            return connection.size(payload)
        return 0
