"""What a peer is: something that can be set up, started on the servers' core, and loaded over one or more wires.

A peer's file says how it is configured and which texts the load generator sends it; it may not measure.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

from ..generator import Target
from ..processes import Server

SSE = "sse"
SOCKETS = "ws"

SOCKETIO_OPTIONS = {
    "wire": "sio",
    "path": "/socket.io/?EIO=4&transport=websocket",
    "join": '["join",{"room":"bench{room}"}]',
    "feed": "sio",
    "publish": '["publish",{"room":"bench{room}","data":"{data}"}]',
}
"""Socket.IO as every peer here speaks it: the same ``join`` and ``publish``, both acknowledged."""


def post(path: str, body: str) -> dict[str, str]:
    """Messages come in as HTTP POST over kept-alive connections."""
    return {"feed": "post", "feed-path": path, "feed-body": body}


class Peer:
    """One server under measurement."""

    name: ClassVar[str]
    title: ClassVar[str]
    wires: ClassVar[tuple[str, ...]]
    most: ClassVar[int] = 1_000_000
    """How many idle connections it is asked to hold at most; fewer where connecting alone would take minutes."""
    most_rounds: ClassVar[int] = 100
    """Fewer for peers that no target names: their figures are far off, and a median of three will do."""

    def set_up(self) -> None:
        """Build or install it. Raises ``Unavailable`` with the reason where that cannot be done."""

    def start(self, wire: str, stack: ExitStack) -> Target:
        """Start it afresh; the stack stops it."""
        raise NotImplementedError

    def version(self) -> str:
        """Which version was measured, for the record."""
        return ""


def running(stack: ExitStack, server: Server) -> Server:
    """Have the stack stop a server that was started."""
    stack.callback(server.stop)
    return server
