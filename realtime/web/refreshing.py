"""``refresh``: a Socket.IO client has a new ticket, or what it may do has changed: it is asked about anew, by room.

An event stream is refreshed by opening it anew after its last id. This file decides nothing: the gate does.
"""

from __future__ import annotations

from typing import Any

from ..errors import RealtimeError
from ..hub.hub import Hub
from .access import Gate
from .manager import BusManager


class Refreshing:
    """Answers ``refresh``.

    Args:
        gate: says who may.
        manager: knows the clients.
        hub: takes rooms from them.
    """

    def __init__(self, *, gate: Gate, manager: BusManager, hub: Hub) -> None:
        self._gate = gate
        self._manager = manager
        self._hub = hub

    def refresh(self, sid: str, request: dict[str, Any]) -> dict[str, Any]:
        """``{ticket?}`` → ``{ok, rooms}``: those that the client still reads. The others are taken, and it is told."""
        if not self._gate.active():
            return {"ok": True, "rooms": self._rooms(sid)}
        mark = self._hub.mark
        self._gate.refresh(request.get("ticket"))
        for room in self._rooms(sid):
            try:
                grant = self._gate.grant("subscribe", room, mark=mark)
            except RealtimeError:
                # Also where nobody can say: what is not clearly allowed is refused.
                self._manager.take_back(sid, room)
            else:
                self._manager.let_in(sid, room, grant)
        return {"ok": True, "rooms": self._rooms(sid)}

    def _rooms(self, sid: str) -> list[str]:
        return sorted(self._manager.connection(sid).rooms)
