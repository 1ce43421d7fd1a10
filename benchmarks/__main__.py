"""The command line: ``python -m benchmarks [options]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .figures import Outcome
from .install import load_generator
from .peers import PEERS
from .places import BENCH, PLOT, RESULTS, Unavailable
from .plot import draw
from .prove import prove
from .report import is_quiet, read, record, show
from .rounds import Cell, measure
from .targets import TARGETS
from .workloads import WORKLOADS, Pace

_NAMED_BY_TARGETS = sorted({place[1] for target in TARGETS for place in (target.place, target.over) if place})


def main() -> int:
    """Measure what was asked for; 1 when the server lost, doubled, swapped or damaged anything."""
    options = _options()
    if options.again:
        show(read())
        return 0
    if options.list:
        for workload in WORKLOADS.values():
            print(f"{workload.name:10} {workload.title}: {', '.join(workload.peers)}")
        return 0
    try:
        load_generator()
    except Unavailable as reason:
        sys.exit(f"the load generator cannot be built: {reason}")
    if options.prove:
        return 0 if prove() else 1
    # So that whatever is running is stopped, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    began = time.time()
    skipped: dict[str, str] = {}
    cells: dict[str, dict[str, Cell]] = {}
    outcome: Outcome = {}
    pace = Pace(seconds=options.seconds, frozen=options.frozen_seconds, idle=2000 if options.quick else 10_000)
    for name in options.only:
        workload = WORKLOADS[name]
        peers = [PEERS[peer] for peer in workload.peers if not options.peers or peer in options.peers]
        cells[name] = measure(workload, peers, rounds=options.rounds, pace=pace, skipped=skipped)
        # After each workload: a run that is broken off keeps what it has.
        outcome = record(cells, skipped, rounds=options.rounds, seconds=options.seconds, began=began)
    show(outcome)
    if options.plot or options.complete:
        # A disturbed run does not replace the plot that the README shows, unless that is asked for by name.
        plot = options.plot or (PLOT if is_quiet(outcome) else BENCH / PLOT.name)
        print(f"\nwritten: {RESULTS}, {draw(outcome, plot)}")
    ours = [cell for found in cells.values() for name, cell in found.items() if name.startswith("ours")]
    return 1 if any(cell.faults for cell in ours) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--list", action="store_true", help="the workloads and their peers")
    parser.add_argument("--again", action="store_true", help="show the last results again, measure nothing")
    parser.add_argument("--prove", action="store_true", help="show that the load generator sees what it must see")
    parser.add_argument("--quick", action="store_true", help="one short round of what the targets name")
    parser.add_argument("--only", type=_names(WORKLOADS), metavar="NAME,…", help="only these workloads")
    parser.add_argument("--peers", type=_names(PEERS), metavar="NAME,…", help="only these peers")
    parser.add_argument("--rounds", type=int, help="default 5; 1 with --quick")
    parser.add_argument("--seconds", type=float, help="how long one figure is measured in a round; default 1")
    parser.add_argument(
        "--frozen-seconds", type=float, default=20, help="how long readers are frozen; 300 for the target"
    )
    parser.add_argument(
        "--plot", type=Path, help="where to draw; default docs/benchmarks.svg after a complete and quiet run"
    )
    options = parser.parse_args()
    options.complete = not (options.quick or options.only or options.peers)
    options.only = options.only or [name for name in WORKLOADS if not (options.quick and name == "frozen")]
    if options.quick and not options.peers:
        options.peers = _NAMED_BY_TARGETS
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.4 if options.quick else 1.0)
    return options


def _names(known: dict[str, Any]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
