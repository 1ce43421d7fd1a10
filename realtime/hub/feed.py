"""Feed: from the bus to what is pending for each connection. The half of the hub that a bus calls.

``deliver`` turns a message into bytes once per wire format and hands the same object to every connection of the room;
``flush`` wakes each connection that got something once per batch. Nothing here reads the log or writes to a socket.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..concurrency import Concurrency, Event
from ..message import START, Message, Position
from .connection import Connection, Encoder, State
from .sharing import Sharing


class Feed(Sharing):
    """Everybody who reads something in this process, and how far the bus has delivered to them.

    Args:
        concurrency: for the lock and for waiting.
        max_pending_bytes: a connection with more than this pending loses it and keeps its cursor.

    Attributes:
        connections: everybody.
        on_control: gets each relayed payload, in the order of the log.
    """

    def __init__(self, *, concurrency: Concurrency, max_pending_bytes: int) -> None:
        super().__init__(lock=concurrency.mutex(), max_pending_bytes=max_pending_bytes)
        self.connections: set[Connection] = set()
        self.on_control: Callable[[dict[str, Any]], None] | None = None
        # Told of each connection that was taken in (true), or is about to be forgotten (false). It may not wait.
        self.on_connection: Callable[[Connection, bool], None] = lambda _connection, _opened: None
        # Told when something may have been missed: what was relayed is in no room's log.
        self.on_gap: Callable[[], None] = lambda: None
        self._concurrency = concurrency
        self._waiting: list[tuple[Position, Event]] = []
        self._log = logging.getLogger(__name__)

    def wants(self, rooms: Sequence[str]) -> bool:
        """Whether anyone here reads one of the rooms."""
        return any(room in self._members for room in rooms)

    def deliver(self, message: Message) -> None:
        """Append the message to what is pending for each member of its rooms."""
        with self._lock:
            before = self.position
            groups = self._members.of(message.rooms)
            seen: set[Connection] | None = set() if len(message.rooms) > 1 else None
            if message.skip or seen is not None:
                self._part_exceptions(message, [group for _, group in groups])
            payloads: dict[Encoder, tuple[Any, int]] = {}
            for encode, group in groups:
                if encode not in payloads:
                    payload = encode(message)
                    payloads[encode] = (payload, 0 if payload is None else self._size(group, payload))
                if payloads[encode][0] is None:
                    continue
                if group.together:
                    self._append_shared(group, *payloads[encode], before=before)
                for connection in group.apart:
                    if connection.state >= State.LAGGING or connection.id in message.skip:
                        continue
                    if seen is not None:
                        if connection in seen:
                            continue
                        seen.add(connection)
                        if connection.names_rooms:
                            payload = connection.encoded(message)
                            self._append(connection, payload, connection.size(payload), before=before)
                            continue
                    self._append(connection, *payloads[encode], before=before)
            self.counters.messages += 1
            self._move(message.id or START)

    def skip(self, position: Position) -> None:
        """The log went on to ``position`` without anything for this process."""
        with self._lock:
            self._move(position)

    def control(self, position: Position, payload: dict[str, Any]) -> None:
        """Pass a relayed payload on, after everything before it was written out."""
        self.flush()
        if self.on_control is not None:
            self.on_control(payload)
        with self._lock:
            self._move(position)

    def flush(self) -> None:
        """Wake every connection that got something since the last flush, each once; of those who share, one for all."""
        with self._lock:
            woken, self._woken = self._woken, []
            filled = [(next(iter(group.together)), group) for group in self._filled if group.together]
            self._filled = {}
        for member, group in filled:
            member.flush_soon(group)
        for connection in woken:
            self._wake(connection)

    def gap(self, position: Position) -> None:
        """Live delivery cannot be trusted up to ``position``: let everyone read on from the log by cursor."""
        with self._lock:
            self.counters.gaps += 1
            for connection in self.connections:
                if connection.state is not State.CLOSED and connection.rooms:
                    self._fall_behind(connection)
                    self._woken.append(connection)
            self._move(position)
        self.on_gap()
        self.flush()

    def wait_for(self, position: Position, *, timeout: float) -> bool:
        """Wait until this process has delivered up to ``position``; whether it has."""
        with self._lock:
            if self.position >= position:
                return True
            reached = self._concurrency.event()
            self._waiting.append((position, reached))
        return reached.wait(timeout)

    def _wake(self, connection: Connection) -> None:
        try:
            connection.wake()
        except Exception:  # noqa: BLE001  one connection's fault must not keep the others from what is theirs
            self._log.exception("a connection could not be woken")

    def _append(self, connection: Connection, payload: Any, size: int, *, before: Position) -> None:
        if not connection.pending:
            if connection.state is State.LIVE and not connection.held:
                connection.cursor = before
            self._woken.append(connection)
        connection.pending.append(payload)
        connection.pending_bytes += size
        self.counters.deliveries += 1
        if connection.pending_bytes > self.max_pending_bytes:
            self.counters.spills += 1
            self._fall_behind(connection)
            # It was woken for what it lost now; from here on it has to read the log.
            self._woken.append(connection)

    def _move(self, position: Position) -> None:
        self.position = position
        if self._waiting:
            for goal, reached in self._waiting:
                if goal <= position:
                    reached.set()
            self._waiting = [waiting for waiting in self._waiting if waiting[0] > position]
