"""Tells this process's clients when the log cannot be followed, and when it can again: ``realtime.degraded`` and
``realtime.restored``, once per change.

Event streams hear it from the hub. Socket.IO clients, in rooms or not, hear it here. This file may not decide that
something happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from socketio.packet import EVENT, Packet

from ..concurrency import Concurrency
from ..hub.hub import Hub
from ..hub.telling import DEGRADED, REASON, RESTORED

CONNECTING: Final = "realtime.connecting"
"""In a client's environment while its CONNECT is not answered yet: nothing may come before that."""
_TOLD: Final = "realtime.told"


class Outage:
    """Whether there is one, for the clients of one application.

    Args:
        hub: tells event streams.
        clients: the Socket.IO server's manager: who is connected.
        concurrency: for the task that tells Socket.IO clients.
        also: is told, too. It may not wait.
    """

    def __init__(self, *, hub: Hub, clients: Any, concurrency: Concurrency, also: Callable[[bool], None]) -> None:
        self._hub = hub
        self._clients = clients
        self._concurrency = concurrency
        self._also = also
        self._mutex = concurrency.mutex()
        self._changes: deque[bool] = deque()
        self._telling = False
        self._degraded = False

    def changed(self, up: bool) -> None:
        """The log was lost, or found again. It does not wait."""
        self._hub.tell(degraded=not up)
        self._also(up)
        with self._mutex:
            self._changes.append(up)
            if self._telling:
                return
            self._telling = True
        self._concurrency.spawn(self._tell, name="realtime-outage")

    def connected(self, eio_sid: str) -> None:
        """A client's CONNECT was answered."""
        if self._degraded:
            self._say(eio_sid)

    def _tell(self) -> None:
        while True:
            with self._mutex:
                if not self._changes:
                    self._telling = False
                    return
                self._degraded = not self._changes.popleft()
            for _, eio_sid in list(self._clients.get_participants("/", None)):
                self._say(eio_sid)

    def _say(self, eio_sid: str) -> None:
        """Tell one client how it is, unless it knows, or is not connected (any more)."""
        server, degraded = self._clients.server, self._degraded
        environ = server.environ.get(eio_sid)
        sid = self._clients.sid_from_eio_sid(eio_sid, "/")
        if environ is None or sid is None or not self._clients.is_connected(sid, "/"):
            return
        with self._mutex:
            if environ.get(CONNECTING) or environ.get(_TOLD, False) == degraded:
                return
            environ[_TOLD] = degraded
        said = [DEGRADED, REASON] if degraded else [RESTORED, {}]
        server._send_packet(eio_sid, Packet(EVENT, data=said, namespace="/"))
