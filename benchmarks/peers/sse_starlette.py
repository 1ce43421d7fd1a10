"""sse-starlette on uvicorn with uvloop, one process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from ..generator import Target
from ..install import PYTHON, python_packages
from ..processes import Server, free_port
from .base import SSE, Peer, post, running
from .flask_socketio import installed_version

_APPS = Path(__file__).parent / "apps"


class SSEStarlette(Peer):
    """asyncio's way: a queue and a task per client."""

    name: ClassVar[str] = "sse-starlette"
    title: ClassVar[str] = "sse-starlette (uvicorn, uvloop)"
    wires: ClassVar[tuple[str, ...]] = (SSE,)
    most: ClassVar[int] = 2000
    most_rounds: ClassVar[int] = 3

    def set_up(self) -> None:
        python_packages()

    def start(self, wire: str, stack: ExitStack) -> Target:  # noqa: ARG002
        port = free_port()
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "uvicorn",
            "--app-dir",
            _APPS,
            "--loop",
            "uvloop",
            "--http",
            "httptools",
        ]
        command += ["--port", str(port), "--log-level", "warning", "starlette_app:app"]
        server = running(stack, Server("sse-starlette", command, port=port))
        server.wait_for_http()
        return Target([server], {"wire": "sse", "path": "/events"} | post("/publish", '{"data":"{data}"}'))

    def version(self) -> str:
        return installed_version("sse-starlette")
