"""Saying: a control event for everybody who reads one room in this process, among its messages, without an id.

It is encoded once per wire format, and who shares what a room has pending shares it too. Nothing here may wait or write
to a socket.
"""

from __future__ import annotations

from typing import Any, Final

from ..message import Message
from .connection import Connection, State
from .feed import Feed

_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_NOTES: Final = 8
"""What a connection that reads on from the log may have been told meanwhile."""


class Saying(Feed):
    """The part of the hub that tells a room.

    Attributes:
        some_blind: there are connections that may not hear it (see ``About.sees``).
    """

    some_blind = False

    def say(self, room: str, event: str, data: Any) -> None:
        """Tell it. Who is too slow to be live is told once it has read on, and of many such events some."""
        with self._lock:
            message = _message(room, event, data)
            for encode, group in self._members.of((room,)):
                payload = encode(message)
                if payload is None:
                    continue
                if self.some_blind:
                    for sharing in [one for one in group.together if _is_blind(one, room)]:
                        self._part(sharing)
                size = self._size(group, payload)
                if group.together:
                    self._append_shared(group, payload, size, before=self.position)
                for connection in tuple(group.apart):
                    if self.some_blind and _is_blind(connection, room):
                        continue
                    if connection.state < State.LAGGING:
                        self._append(connection, payload, size, before=self.position)
                    elif connection.state is State.LAGGING and len(connection.notes) < _MOST_NOTES:
                        connection.notes += connection.control(event, data)
                        self._woken.append(connection)
        self.flush()


def _message(room: str, event: str, data: Any) -> Message:
    """A control event as a transient message, under a name that nobody may publish."""
    message = Message.new(room, data, transient=True, max_bytes=_MOST_BYTES)
    object.__setattr__(message, "event", event)
    return message


def _is_blind(connection: Connection, room: str) -> bool:
    about = None if connection.about is None else connection.about.get(room)
    return about is not None and not about.sees
