"""Two peers on Node: the reference Socket.IO server, and better-sse behind Express."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from ..generator import Target
from ..install import NODE_MODULES, node_packages
from ..processes import Server
from .base import SOCKETIO_OPTIONS, SOCKETS, SSE, Peer, post, running

_APPS = Path(__file__).parent / "apps"


def _start(stack: ExitStack, name: str) -> Server:
    node, environment = node_packages()
    return running(stack, Server(name, [node, _APPS / f"{name}.cjs"], environment=environment))


def _version(package: str) -> str:
    return str(json.loads((NODE_MODULES / package / "package.json").read_text())["version"])


class NodeSocketIO(Peer):
    """Socket.IO as its authors ship it."""

    name: ClassVar[str] = "node"
    title: ClassVar[str] = "Socket.IO on Node"
    wires: ClassVar[tuple[str, ...]] = (SOCKETS,)

    def set_up(self) -> None:
        node_packages()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        return Target([_start(stack, "node_socketio")], SOCKETIO_OPTIONS)

    def version(self) -> str:
        return _version("socket.io")


class BetterSSE(Peer):
    """A channel of better-sse, in the way its README shows."""

    name: ClassVar[str] = "better-sse"
    title: ClassVar[str] = "better-sse on Node"
    wires: ClassVar[tuple[str, ...]] = (SSE,)
    most: ClassVar[int] = 2000
    most_rounds: ClassVar[int] = 3

    def set_up(self) -> None:
        node_packages()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        options = {"wire": "sse", "path": "/events"} | post("/publish", '{"data":"{data}"}')
        return Target([_start(stack, "better_sse")], options)

    def version(self) -> str:
        return _version("better-sse")
