"""flask-sse: each stream follows Redis by itself; one gunicorn worker with gevent."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from ..generator import Target
from ..install import PYTHON, python_packages, redis_program
from ..processes import Server, free_port, redis_server
from .base import SSE, Peer, post, running
from .flask_socketio import installed_version

_APPS = Path(__file__).parent / "apps"


class FlaskSSE(Peer):
    """It sends no head before its first message, so that being subscribed cannot be seen; it is given time instead."""

    name: ClassVar[str] = "flask-sse"
    title: ClassVar[str] = "flask-sse (gevent, Redis)"
    wires: ClassVar[tuple[str, ...]] = (SSE,)
    most: ClassVar[int] = 1000
    most_rounds: ClassVar[int] = 3

    def set_up(self) -> None:
        python_packages()
        redis_program()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        redis = running(stack, redis_server())
        port = free_port()
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "gunicorn",
            "--chdir",
            _APPS,
            "-k",
            "gevent",
            "-w",
            "1",
            "--no-control-socket",
        ]
        command += ["--worker-connections", "20000", "--bind", f"127.0.0.1:{port}", "flask_sse_app:app"]
        environment = {"REDIS_AT": f"redis://127.0.0.1:{redis.port}/0?socket_timeout=60"}
        server = running(stack, Server("flask-sse", command, environment=environment, port=port))
        server.wait_for_http()
        options = {"wire": "sse", "path": "/events", "blind": "1"} | post("/publish", '{"data":"{data}"}')
        return Target([server], options, beside=[redis])

    def version(self) -> str:
        return installed_version("flask-sse")
