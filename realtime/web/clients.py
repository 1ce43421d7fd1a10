"""Which client is in which room, as python-socketio's manager keeps it, without what grows with the number of rooms.

The library looks through all rooms of a process when a client leaves: a thousand that go at once cost a million looks,
while nobody else is served. Here each client's rooms are known; and a room is a plain ``dict``, where the library keeps
two dictionaries for each client's private room. This file may not know the bus or the hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from socketio.manager import Manager


class Clients(Manager):
    """The library's manager with tables of our own.

    Attributes:
        rooms: namespace → room → sid → Engine.IO sid, as the library's; ``None`` as room holds everybody, both ways.
        leaving: namespace and sid of who is being disconnected: nothing is sent to them any more but that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.leaving: set[tuple[str, str]] = set()
        # Rooms beside everybody's and its own; only those who are in any.
        self._entered: dict[str, dict[str, list[Any]]] = {}

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Put a client into a room. The errors are the library's."""
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid=eio_sid)
            return
        if room != sid and self.pending_connect:
            # Its connect handler is still at it; what comes from the room may not come before CONNECT is answered.
            self.server.greet(self.eio_sid_from_sid(sid, namespace), namespace)
        self.enter_quietly(sid, namespace, room, eio_sid)

    def enter_quietly(self, sid: str, namespace: str, room: Any, eio_sid: str | None) -> None:
        """The same for a client whose CONNECT may wait for its answer until its handler is done."""
        if eio_sid is None and namespace not in self.rooms:
            raise ValueError("sid is not connected to requested namespace")
        if sid != room and self.is_sid_room(namespace, room):
            raise ValueError("cannot enter a sid room")
        rooms = self.rooms.setdefault(namespace, {})
        eio_sid = rooms[None][sid] if eio_sid is None else eio_sid
        members = rooms.setdefault(room, {})
        if room != sid and sid not in members:
            self._entered.setdefault(namespace, {}).setdefault(sid, []).append(room)
        members[sid] = eio_sid

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client out of a room. Harmless when it is not in it."""
        entered = self._entered.get(namespace, {}).get(sid, [])
        if room in entered:
            entered.remove(room)
        super().basic_leave_room(sid, namespace, room)

    def basic_disconnect(self, sid: str, namespace: str, **_kwargs: Any) -> None:
        """Forget a client."""
        if namespace not in self.rooms:
            return
        for room in [*self.get_rooms(sid, namespace), None]:
            super().basic_leave_room(sid, namespace, room)
        self._entered.get(namespace, {}).pop(sid, None)
        self.leaving.discard((namespace, sid))
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    def connect(self, sid: str, namespace: str) -> str:
        """A client was accepted. The library takes one that was before, or left meanwhile, for another's id."""
        return str(super().connect(sid, namespace)) if self.is_pre_connected(sid, namespace) else sid

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        """The rooms a client is in, its own among them."""
        if not self.is_sid_room(namespace, sid):
            return []
        return [sid, *self._entered.get(namespace, {}).get(sid, ())]

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Who is in a room, or in any of several. Whoever is not accepted yet gets only what is meant for it alone."""
        rooms = self.rooms.get(namespace, {})
        found: dict[str, str] = {}
        for one in [room] if isinstance(room, str) or not hasattr(room, "__len__") else room:
            found.update(rooms.get(one, {}))
        for sid in self.pending_connect.get(namespace, ()):
            if sid != room:
                found.pop(sid, None)
        for known, sid in self.leaving:
            if known == namespace:
                found.pop(sid, None)
        yield from found.items()
