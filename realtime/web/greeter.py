"""Greeting Socket.IO clients: where somebody is to be asked, a client is known from its CONNECT on.

So a revocation reaches it also while it has done nothing yet. This file lets nobody in and refuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..hub.hub import Hub
from .access import Gate
from .manager import BusManager


class Greeter:
    """Gets to know the clients of one application.

    Args:
        gate: finds out who they are.
        manager: knows them, and sends away whom everything was taken from meanwhile.
        hub: says whether something was.
        in_request: calls a function with the client's request and session; see ``SocketHandlers``.
    """

    def __init__(self, *, gate: Gate, manager: BusManager, hub: Hub, in_request: Callable[..., Any]) -> None:
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
