"""Starts servers on their core, waits until they answer, finds their processes, and stops them.

Each server is a session of its own, so that stopping it reaches its children and nobody else's.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .install import redis_program
from .places import LOGS, REPOSITORY, Unavailable, cores

_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 5
_LISTENING: Final = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)")


class Server:
    """One server and its children, from start to stop.

    Args:
        name: names its log.
        command: what to run.
        environment: added to the ordinary one.
        port: where it will listen; None when it picks a port itself and prints ``Listening on http://…``.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        self._log = LOGS / f"{name}.log"
        with self._log.open("wb") as log, on_core(cores()[0]):
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=plain_environment() | dict(environment or {}),
                start_new_session=True,
            )
        self.name = name
        try:
            self.port = port or self._announced()
            if port:
                self._wait(self._accepts, "does not listen")
        except BaseException:
            self.stop()
            raise

    def wait_for_http(self, path: str = "/") -> None:
        """Wait until a request is answered, with whatever status: until then a worker may still be starting."""

        def answers() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", path)
                return connection.getresponse().status < 500
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        self._wait(answers, "does not answer")

    def pids(self) -> list[int]:
        """The server's process and all that came of it."""
        found, todo = [], [self._process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except OSError:
                continue  # it has ended meanwhile
        return found

    def stop(self) -> None:
        """Ask it to end, then insist."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(_STOP_SECONDS)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def _announced(self) -> int:
        self._wait(lambda: _LISTENING.search(self._log.read_bytes()) is not None, "does not say where it listens")
        match = _LISTENING.search(self._log.read_bytes())
        assert match is not None
        return int(match[1])

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _wait(self, true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if true():
                return
            time.sleep(0.05)
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(f"{self.name} {otherwise}: {last[0] if last else 'it says nothing'}")


def redis_server() -> Server:
    """A Redis of its own: on a free port, in memory only."""
    port = free_port()
    keep_nothing = ("--save", "", "--appendonly", "no")
    limits = ("--maxclients", "30000", "--bind", "127.0.0.1")
    return Server("redis", [redis_program(), "--port", str(port), *keep_nothing, *limits], port=port)


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes started within stay on one core; this one goes back to its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def plain_environment() -> dict[str, str]:
    """The caller's environment without what would configure a server behind the harness's back."""
    meant_for_servers = ("REALTIME_", "REDIS_", "FLASK_", "GUNICORN_", "NODE_OPTIONS", "PYTHON", "PORT", "HOST")
    return {name: value for name, value in os.environ.items() if not name.startswith(meant_for_servers)}
