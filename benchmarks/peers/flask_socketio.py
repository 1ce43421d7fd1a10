"""Stock Flask-SocketIO on its gevent server: alone, and as two processes on its Redis queue."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.metadata import distributions
from pathlib import Path
from typing import ClassVar

from ..generator import Target
from ..install import PYTHON, python_packages, redis_program
from ..processes import Server, free_port, redis_server
from .base import SOCKETIO_OPTIONS, SOCKETS, Peer, running

_APP = Path(__file__).parent / "apps" / "stock_socketio.py"


def installed_version(package: str) -> str:
    """The version of a package in the peers' environment."""
    folders = [str(path) for path in PYTHON.parents[1].glob("lib/python*/site-packages")]
    return next((found.version for found in distributions(name=package, path=folders)), "")


def _start(stack: ExitStack, **environment: str) -> Server:
    port = free_port()
    where = {"LISTEN": str(port)} | environment
    server = running(stack, Server("flask-socketio", [PYTHON, _APP], environment=where, port=port))
    server.wait_for_http()
    return server


class FlaskSocketIO(Peer):
    """One process."""

    name: ClassVar[str] = "flask-socketio"
    title: ClassVar[str] = "Flask-SocketIO"
    wires: ClassVar[tuple[str, ...]] = (SOCKETS,)
    most: ClassVar[int] = 2000

    def set_up(self) -> None:
        python_packages()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        return Target([_start(stack)], SOCKETIO_OPTIONS)

    def version(self) -> str:
        return installed_version("flask-socketio")


class FlaskSocketIOOverRedis(FlaskSocketIO):
    """Two processes on the same core, joined by Redis; clients are spread over both."""

    name: ClassVar[str] = "flask-socketio-redis"
    title: ClassVar[str] = "Flask-SocketIO, 2 processes, Redis"

    def set_up(self) -> None:
        super().set_up()
        redis_program()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        redis = running(stack, redis_server())
        # redis-py's own limits (100 connections, 5 seconds) are too low for 1 000 publishing clients: what goes over
        # is taken for an outage of Redis, and while it is "reconnected" messages are lost.
        limits = "max_connections=20000&socket_timeout=60&socket_connect_timeout=60"
        url = f"redis://127.0.0.1:{redis.port}/0?{limits}"
        servers = [_start(stack, REDIS_QUEUE=url) for _ in range(2)]
        return Target(servers, SOCKETIO_OPTIONS, beside=[redis])
