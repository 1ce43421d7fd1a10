"""Where the benchmarks keep things, and the limits of the machine they run on. It knows no peer and no workload."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = REPOSITORY / "benchmarks"
BENCH: Final = REPOSITORY / ".bench"
"""Everything that is built, installed or written by a run; ignored by git, safe to delete."""

LOGS: Final = BENCH / "logs"
RESULTS: Final = BENCH / "results.json"
PLOT: Final = REPOSITORY / "docs" / "benchmarks.svg"

_WANTED_FILES: Final = 65536
_SPARE_FILES: Final = 500


class Unavailable(Exception):
    """Something that a peer needs cannot be had here. Its text is the line that says why."""


def cores() -> tuple[int, int]:
    """The core for the servers and the one for the load generator; the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[0]


def open_files() -> int:
    """Raise the limit of open files as far as it goes, and say how many connections fit below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in ((_WANTED_FILES, max(hard, _WANTED_FILES)), (hard, hard)):
        if soft >= _WANTED_FILES:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
            break
        except (ValueError, OSError):
            continue  # not allowed to; the next one is
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_FILES
