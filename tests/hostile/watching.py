"""Starts the honest clients beside a server, and says what they and the server's memory went through meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import ROOT, Server

_PAGE = os.sysconf("SC_PAGE_SIZE")


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


class Figures(NamedTuple):
    """What the honest clients saw in a while.

    Attributes:
        messages: arrivals, both readers together.
        longest: the longest wait of any, seconds.
        server: the longest, without what processes waited for a processor.
        p99: of a hundred waits the longest but one.
        server_p99: the same, without what processes waited for a processor.
    """

    messages: int
    longest: float
    server: float
    p99: float
    server_p99: float


class Watch:
    """The honest clients.

    Args:
        server: what they talk to.
        pid: the process that serves, if it is not the one that was started.
    """

    def __init__(self, server: Server, pid: int | None = None) -> None:
        self.pid = server.popen.pid if pid is None else pid
        command = [sys.executable, "-m", "tests.hostile.honest", server.url, str(self.pid)]
        self._honest = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._read() == "ready\n", "the honest clients could not connect"

    def figures(self) -> Figures:
        """What happened since they were asked last."""
        assert self._honest.stdin is not None
        self._honest.stdin.write("\n")
        self._honest.stdin.flush()
        return Figures(**json.loads(self._read()))

    def settled(self, most: int, *, within: float) -> int:
        """Wait until the server's memory is not more than this, and return what it is then, or at the end."""
        deadline = time.monotonic() + within
        while (now := memory(self.pid)) > most and time.monotonic() < deadline:
            time.sleep(0.05)
        return now

    def _read(self) -> str:
        assert self._honest.stdout is not None
        line = self._honest.stdout.readline()
        assert line, "the honest clients ended: see their error above"
        return line

    def close(self) -> None:
        """End them."""
        assert self._honest.stdin is not None and self._honest.stdout is not None
        self._honest.stdin.close()
        self._honest.wait(10)
        self._honest.stdout.close()


@contextmanager
def watching(server: Server, pid: int | None = None) -> Iterator[Watch]:
    """The honest clients, for a while."""
    watch = Watch(server, pid)
    try:
        yield watch
    finally:
        watch.close()
