"""This project's server, as anybody would start it: ``python server.py``."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import ClassVar

from ..generator import Target
from ..install import redis_program
from ..places import REPOSITORY
from ..processes import Server, redis_server
from .base import SOCKETIO_OPTIONS, SOCKETS, SSE, Peer, post, running

_PROGRAM = (sys.executable, REPOSITORY / "server.py")
_RATE = "1000000"
"""One connection's events are counted as ever, but it may send them as fast as it can: that is what is measured."""
_OPTIONS = {
    SSE: {"wire": "sse", "path": "/events?room=bench"} | post("/rooms/bench/messages", '{"data":"{data}"}'),
    SOCKETS: SOCKETIO_OPTIONS,
}


def _start(stack: ExitStack, **environment: str) -> Server:
    values = {"PORT": "0", "LOG_LEVEL": "WARNING", "REALTIME_EVENT_RATE": _RATE, "REALTIME_EVENT_BURST": _RATE}
    # No other keeps a roster, and neither does an application that does not ask for it.
    values["REALTIME_PRESENCE"] = "0"
    server = running(stack, Server("ours", _PROGRAM, environment=values | environment))
    server.wait_for_http("/healthz")
    return server


class Ours(Peer):
    """One process, messages in its memory."""

    name: ClassVar[str] = "ours"
    title: ClassVar[str] = "realtime"
    wires: ClassVar[tuple[str, ...]] = (SSE, SOCKETS)

    def start(self, wire: str, stack: ExitStack) -> Target:
        return Target([_start(stack)], _OPTIONS[wire])

    def version(self) -> str:
        command = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()


class OursOverRedis(Ours):
    """Two processes on the same core, joined by Redis; subscribers and publishers are spread over both."""

    name: ClassVar[str] = "ours-redis"
    title: ClassVar[str] = "realtime, 2 processes, Redis"

    def set_up(self) -> None:
        redis_program()

    def start(self, wire: str, stack: ExitStack) -> Target:
        redis = running(stack, redis_server())
        url = f"redis://127.0.0.1:{redis.port}/0"
        servers = [_start(stack, REALTIME_BUS_URL=url) for _ in range(2)]
        return Target(servers, _OPTIONS[wire], beside=[redis])
