"""The floor: a loop of ``send(2)`` on bytes that were encoded once, in C (``c/floor.c``)."""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

from ..generator import Target
from ..install import compiled
from ..places import BENCH, SOURCES
from ..processes import Server
from .base import SSE, Peer, post, running


class Floor(Peer):
    """Not a server anybody would run: what writing once per message and connection costs at least."""

    name: ClassVar[str] = "floor"
    title: ClassVar[str] = "C loop of send()"
    wires: ClassVar[tuple[str, ...]] = (SSE,)

    def set_up(self) -> None:
        compiled("floor", [SOURCES / "c" / "floor.c"])

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        server = running(stack, Server("floor", [BENCH / "floor"]))
        return Target([server], {"wire": "sse", "path": "/events"} | post("/", "{data}"))
