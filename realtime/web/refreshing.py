"""``refresh``: a Socket.IO client has a new ticket, or what it may do has changed: it is asked about anew, by room.

An event stream is refreshed by opening it anew after its last id. This file decides nothing: the gate does.
"""

from __future__ import annotations

from typing import Any, Final

from ..errors import RealtimeError, TooManyConnections
from ..hub.hub import Hub
from .access import Gate
from .admission import Admission
from .identifying import AUTH, HOLDER, IDENTITY, USER
from .manager import BusManager

_WHO: Final = (AUTH, IDENTITY, USER, HOLDER)


class Refreshing:
    """Answers ``refresh``.

    Args:
        gate: says who may.
        manager: knows the clients.
        admission: counts whose they are.
        hub: takes rooms from them.
    """

    def __init__(self, *, gate: Gate, manager: BusManager, hub: Hub, admission: Admission) -> None:
        self._admission = admission
        self._gate = gate
        self._manager = manager
        self._hub = hub

    def refresh(self, sid: str, request: dict[str, Any]) -> dict[str, Any]:
        """``{ticket?}`` → ``{ok, rooms}``: those that the client still reads. The others are taken, and it is told."""
        if not self._gate.active():
            return {"ok": True, "rooms": self._rooms(sid)}
        mark = self._hub.mark
        self._known_again(sid, request.get("ticket"))
        for room in self._rooms(sid):
            try:
                grant = self._gate.grant("subscribe", room, mark=mark)
            except RealtimeError:
                # Also where nobody can say: what is not clearly allowed is refused.
                self._manager.take_back(sid, room)
            else:
                self._manager.let_in(sid, room, grant)
        return {"ok": True, "rooms": self._rooms(sid)}

    def _known_again(self, sid: str, ticket: object) -> None:
        """Find out anew who the client is. Where that is somebody who has enough connections, it stays who it was."""
        server = self._manager.server
        eio_sid = self._manager.eio_sid_from_sid(sid, "/")
        environ, session = server.environ.get(eio_sid), server.eio.sockets.get(eio_sid)
        before = {name: environ[name] for name in _WHO if name in environ} if environ is not None else {}
        self._gate.refresh(ticket)
        if environ is None or session is None:
            return
        try:
            self._admission.follow(session, environ)
        except TooManyConnections:
            for name in _WHO:
                environ.pop(name, None)
            environ.update(before)
            raise

    def _rooms(self, sid: str) -> list[str]:
        return sorted(self._manager.connection(sid).rooms)
