"""Builds and installs what a run needs, each thing once, into ``.bench/``.

A step that is done leaves a stamp with what it was done from; a changed source builds it again. What cannot be had
raises ``Unavailable`` with one line, and only the peers that need it are skipped.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .places import BENCH, REPOSITORY, SOURCES, Unavailable

PYTHON: Final = BENCH / "python" / "bin" / "python"
"""Interpreter of the environment in which the Python peers are installed."""

NODE_MODULES: Final = BENCH / "node" / "node_modules"
_SECONDS: Final = 900


def compiled(name: str, sources: Sequence[Path]) -> Path:
    """A C program, compiled."""
    program = BENCH / name
    inputs = [*sources, *(SOURCES / "c").glob("*.h")]
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), "cc")
    _once(name, inputs, [[compiler, "-O2", "-Wall", "-Wextra", "-o", program, *sources]], made=program)
    return program


def load_generator() -> Path:
    """The load generator, without which there is nothing to do."""
    return compiled("load", [path for path in sorted((SOURCES / "c").glob("*.c")) if path.name != "floor.c"])


def python_packages() -> Path:
    """An environment with the Python peers, and its interpreter."""
    wanted = SOURCES / "peers" / "requirements.txt"
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "-r",
        wanted,
    ]
    _once("python", [wanted], [[sys.executable, "-m", "venv", "--clear", PYTHON.parents[1]], pip], made=PYTHON)
    return PYTHON


def node_packages() -> tuple[str, dict[str, str]]:
    """The Node peers' packages: Node itself, and the environment in which it finds them."""
    node = shutil.which("node")
    if node is None:
        raise Unavailable("node is not installed")
    wanted = SOURCES / "peers" / "package.json"
    folder = NODE_MODULES.parent
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(wanted, folder)
    install: list[str | Path] = [
        "npm",
        "install",
        "--prefix",
        folder,
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    _once("node", [wanted], [install], made=NODE_MODULES)
    return node, {"NODE_PATH": str(NODE_MODULES), "NODE_ENV": "production"}


def redis_program() -> Path:
    """``redis-server``."""
    return debian_package("redis-server", Path("/usr/bin/redis-server"))


def debian_package(package: str, made: Path) -> Path:
    """A program or module from outside of Python and npm, installed by the way the tests get theirs."""
    elsewhere = shutil.which(made.name)
    if elsewhere or made.exists():
        return Path(elsewhere or made)
    script = REPOSITORY / "tools" / "system_packages.sh"
    # It judges by commands on the PATH, and a module is none: the file itself is what counts.
    subprocess.run(["sh", script, package], capture_output=True, timeout=_SECONDS, check=False)
    if not made.exists():
        raise Unavailable(f"the Debian package {package} is not installed and could not be")
    return made


def _once(name: str, inputs: Sequence[Path], commands: Sequence[Sequence[str | Path]], *, made: Path) -> None:
    BENCH.mkdir(exist_ok=True)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    stamp = BENCH / f".stamp-{name}"
    if made.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    print(f"· {name}", file=sys.stderr)
    for command in commands:
        if shutil.which(command[0]) is None:
            raise Unavailable(f"{command[0]} is not installed, which {name} needs")
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=_SECONDS, cwd=BENCH, check=False
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise Unavailable(f"{name} could not be installed: {lines[-1] if lines else done.returncode}")
    stamp.write_text(digest)
