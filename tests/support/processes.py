"""Servers under test as subprocesses: started on a free port, told to stop, and never left behind.

The pytest process itself is never patched by gevent: everything that is, runs in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
GUNICORN = (sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "realtime.serve.worker.Worker")
"""With the project's worker; an address and an application are missing."""


def eventually(
    condition: Callable[[], Any], *, within: float = 10, what: str = "the condition", every: float = 0.01
) -> Any:
    """Wait until ``condition()`` is true and return its value; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within} s")
        time.sleep(every)


def free_port() -> int:
    """A port that nobody listens on now.

    Below the range that the kernel gives out by itself: nobody's client takes it while its server restarts, and a
    client that knocks there meanwhile cannot be connected to itself. Chromium refuses none of them.
    """
    while True:
        port = secrets.choice(range(11_000, 32_000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def program(name: str) -> str:
    """The path of an installed program; fails with how to get it."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert path, f"{name} is not installed: run the tests by `make test`, which installs it"
    return path


def clean_environment(**values: str) -> dict[str, str]:
    """This process's environment without settings of the application, plus ``values``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REALTIME_", "REDIS_", "FLASK_"))}
    # What follows a room is told who is there: tests of messages do without, unless they ask for it.
    off = {"REALTIME_PRESENCE": "0"}
    return {**kept, "SECRET_KEY": "test", "PYTHONUNBUFFERED": "1", **off, **values}


class Process:
    """A running program whose output is kept in ``lines``."""

    def __init__(
        self, command: Sequence[str], *, env: dict[str, str], cwd: Path = ROOT, stdin: int | None = None
    ) -> None:
        self.lines: list[str] = []
        files: dict[str, Any] = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.popen = subprocess.Popen(list(command), env=env, cwd=cwd, text=True, process_group=0, **files)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        """Everything it has written so far."""
        return "\n".join(self.lines)

    def until(self, pattern: str, *, within: float = START_SECONDS) -> re.Match[str]:
        """Wait for a line that matches, and return the match."""

        def found() -> re.Match[str] | None:
            if self.popen.poll() is not None:
                self._reader.join(2)
            match = next(filter(None, (re.search(pattern, line) for line in tuple(self.lines))), None)
            assert match or self.popen.poll() is None, f"the program ended:\n{self.output}"
            return match

        match: re.Match[str] = eventually(found, within=within, what=f"output {pattern!r}")
        return match

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def stop(self, *, within: float = 10) -> int:
        """SIGTERM, wait, and return the exit status; SIGKILL when it does not go."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(within)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"the program did not stop within {within} s:\n{self.output}") from None
        finally:
            # Whom it left behind would hold on to its output, and closing that would wait for good.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self._reader.join()
            if self.popen.stdout is not None:
                self.popen.stdout.close()


class Server(Process):
    """A web server, reachable under ``url``."""

    url: str

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])


def start_gevent(module: str = "server", **env: str) -> Server:
    """``python server.py`` (or another module like it) on a free port, or on ``PORT``."""
    values = clean_environment(**{"PORT": "0", "PYTHONPATH": str(ROOT), **env})
    server = Server([sys.executable, f"{module.replace('.', '/')}.py"], env=values)
    server.url = server.until(r"Listening on (http://\S+)")[1]
    return server


def start_threads(module: str = "server", **env: str) -> Server:
    """``flask --app server run`` on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", module, "run", "--port", str(port)]
    server = Server(command, env=clean_environment(PYTHONPATH=str(ROOT), **env))
    server.url = f"http://127.0.0.1:{port}"
    server.until(r"Running on http://")
    return server


def start_gunicorn(module: str = "server", *arguments: str, **env: str) -> Server:
    """gunicorn with the project's worker on a free port."""
    port = free_port()
    command = [*GUNICORN, "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "5", *arguments, f"{module}:app"]
    server = Server(command, env=clean_environment(PYTHONPATH=str(ROOT), **env))
    server.url = f"http://127.0.0.1:{port}"
    server.until(r"Booting worker")
    # Its master listens long before the worker has loaded the application.
    eventually(lambda: answers(port), within=START_SECONDS, what="gunicorn's worker")
    return server


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(port: int) -> bool:
    """Whether HTTP is answered there, with whatever it is."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return line.recv(1) != b""
    return False


class Redis:
    """A real ``redis-server`` of the test's own. It can be killed, frozen, and started again on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: Process | None = None
        self.start()

    def start(self, *more: str) -> None:
        """Start it, with more options if need be, and wait until it answers."""
        command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self._folder), *self._options, *more]
        self._process = Process(command, env=dict(os.environ))
        self._process.until("Ready to accept connections")

    @property
    def alive(self) -> bool:
        """Whether its process runs (or is frozen)."""
        return self._process is not None and self._process.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is written or said."""
        assert self._process is not None
        self._process.signal(signal.SIGKILL)
        self._process.popen.wait()
        self._process.stop()

    def forget(self) -> None:
        """While it is down: lose everything that it has kept."""
        for entry in self._folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.thaw()
            self._process.stop()


@contextlib.contextmanager
def running(*processes: Process | Redis) -> Iterator[None]:
    """Stop all of them at the end, whatever happens; show their output when a test fails."""
    try:
        yield
    except BaseException:
        for process in processes:
            if isinstance(process, Process):
                sys.stdout.write(f"--- output of {process.popen.args}:\n{process.output}\n")
        raise
    finally:
        for process in processes:
            process.stop()
