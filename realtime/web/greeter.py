"""Greeting Socket.IO clients: where somebody is to be asked, a client is known from its CONNECT on.

So a revocation reaches it also while it has done nothing yet. This file lets nobody in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import TooManyConnections
from ..hub.hub import Hub
from .abuse import expel
from .access import Gate
from .admission import Admission
from .manager import BusManager


class Greeter:
    """Gets to know the clients of one application.

    Args:
        gate: finds out who they are.
        manager: knows them, and sends away whom everything was taken from meanwhile.
        hub: says whether something was.
        admission: counts whose they are.
        in_request: calls a function with the client's request and session; see ``SocketHandlers``.
    """

    def __init__(
        self, *, gate: Gate, manager: BusManager, hub: Hub, in_request: Callable[..., Any], admission: Admission
    ) -> None:
        self._admission = admission
        self._gate = gate
        self._manager = manager
        self._hub = hub
        self._in_request = in_request

    def active(self, environ: Mapping[str, Any], *, carrying: bool = False) -> bool:
        """Whether there is anybody to ask about a client.

        Args:
            environ: of its handshake.
            carrying: whether its CONNECT carries something that is not in there yet.
        """
        return self._gate.knows(environ) or (carrying and self._gate.active())

    def greet(self, eio_sid: str) -> None:
        """A client has connected to the default namespace, or was refused there."""
        sid = self._manager.sid_from_eio_sid(eio_sid, "/")
        if sid is None:
            return
        mark = self._hub.mark
        self._in_request(sid, "identify", (), self._gate.greet)
        self._manager.greeted(eio_sid, mark)
        server = self._manager.server
        environ, session = server.environ.get(eio_sid), server.eio.sockets.get(eio_sid)
        if environ is None or session is None:
            return
        try:
            self._admission.follow(session, environ)
        except TooManyConnections as exc:
            # Its ``connect`` handler has made it somebody who has enough of them. It was answered already.
            server.start_background_task(expel, server, eio_sid, exc)
