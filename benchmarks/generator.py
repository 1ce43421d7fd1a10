"""Runs the load generator (``c/``) against one server and reads its results. It knows its command line, and no peer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .places import BENCH, cores
from .processes import Server, on_core, plain_environment

PROGRAM: Final = BENCH / "load"
FAULTS: Final = (
    "missing",
    "doubled",
    "swapped",
    "damaged",
    "strayed",
    "late",
    "refused",
    "closed",
    "unserved",
    "behind",
)

Result = dict[str, Any]


class GeneratorFailed(Exception):
    """The load generator itself broke: no figure of this run is one."""


@dataclass(frozen=True)
class Target:
    """A server that runs, and how the load generator talks to it."""

    servers: Sequence[Server]
    options: dict[str, str]
    """The load generator's options: wire, path, feed and their texts."""
    beside: Sequence[Server] = field(default=())
    """What the servers need and what is not counted as theirs: Redis."""


def run(
    target: Target, stages: Sequence[str], *, rooms: int = 1, woken: Callable[[], None] | None = None
) -> list[Result]:
    """Run stages in order over the same connections.

    Args:
        target: whom to load.
        stages: as ``c/main.c`` describes them.
        rooms: how many rooms the subscribers are spread over.
        woken: called when a stage ``wait`` is reached; the load goes on when it returns.

    Returns:
        One result per stage, ``wait`` left out.
    """
    command = [str(PROGRAM), "--to", ",".join(f"127.0.0.1:{server.port}" for server in target.servers)]
    for name, value in (target.options | {"rooms": str(rooms)}).items():
        command += [f"--{name}", value]
    command += ["--account", _account("server", target.servers)]
    if target.beside:
        command += ["--account", _account("beside", target.beside)]
    with on_core(cores()[1]):
        process = subprocess.Popen(
            [*command, *stages],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=plain_environment(),
        )
    results: list[Result] = []
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                result = json.loads(line)
                if result["stage"] != "wait":
                    results.append(result)
                    continue
                if woken is not None:
                    woken()
                process.stdin.write("\n")
                process.stdin.flush()
        except BaseException:
            process.kill()
            raise
    if process.returncode or len(results) != len(stages) - stages.count("wait"):
        raise GeneratorFailed(f"the load generator ended with {process.returncode}: {' '.join(command)}")
    return results


def faults(result: Result) -> str:
    """What went wrong in a stage, in words; empty when nothing did."""
    found = [f"{result[name]} {name}" for name in FAULTS if result.get(name)]
    said = result.get("first_error")
    return ", ".join(found) + (f" ({said})" if found and said else "")


def _account(name: str, servers: Sequence[Server]) -> str:
    return f"{name}={','.join(str(pid) for server in servers for pid in server.pids())}"
