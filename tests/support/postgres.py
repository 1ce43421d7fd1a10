"""A real PostgreSQL of the tests' own: on a free port, by a user that is not root, thrown away at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .processes import eventually, free_port, is_open


def _program(name: str) -> str:
    """Debian keeps the server's programs where no PATH looks."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name.split(".")[0]))
    path = shutil.which(name, path=os.pathsep.join([*map(str, reversed(folders)), os.environ["PATH"]]))
    assert path, f"{name} is not installed: run the tests by `make test`, which installs it"
    return path


class Postgres:
    """A running server. It can be killed, and started again on the same port with what it had."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="realtime-postgres-", dir="/tmp"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        command = [_program("initdb"), "-D", str(self._folder / "data"), "-A", "trust", "-U", "test", "--no-sync"]
        command += ["--locale", "C.UTF-8"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/tmp", **self._as)
        self._popen: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [_program("postgres"), "-D", str(self._folder / "data"), "-p", str(self.port), "-F"]
        command += ["-c", "listen_addresses=127.0.0.1", "-k", str(self._folder)]
        self._popen = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp", **self._as
        )
        ready = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        eventually(lambda: subprocess.run(ready, check=False).returncode == 0, within=30, what="PostgreSQL", every=0.05)

    def kill(self) -> None:
        """End every connection at once, as a crash does; what was committed is kept."""
        assert self._popen is not None
        self._popen.send_signal(signal.SIGQUIT)
        self._popen.wait(20)
        eventually(lambda: not is_open(self.port), what="the port to be free")

    def stop(self) -> None:
        """End it and throw it away."""
        self.kill()
        shutil.rmtree(self._folder)
