"""Results for people and programs: plain tables, and JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from statistics import median
from typing import Final

from .figures import Outcome, figure, ratio
from .peers import PEERS
from .places import RESULTS
from .rounds import Cell
from .targets import verdicts
from .workloads import WORKLOADS

_QUIET: Final = 0.05

# Title, figure, format.
_COLUMNS: Final = {
    "connect": (
        ("connections", "count", ",.0f"),
        ("CPU µs each", "server_cpu_each", ",.0f"),
        ("KiB each", "kib_each", ",.2f"),
    ),
    "rest": (("KiB each", "kib_each", ",.2f"), ("KiB in all", "server_kib", ",.0f")),
    "flow": (
        ("CPU µs", "server_cpu_each", ",.2f"),
        ("Redis µs", "beside_cpu_each", ",.2f"),
        ("a second", "per_second", ",.0f"),
        ("p50 ms", "p50_us", "ms"),
        ("p99 ms", "p99_us", "ms"),
        ("max ms", "max_us", "ms"),
        ("MiB", "server_kib", "MiB"),
        ("wait", "wait", ".0%"),
        ("gen.", "busy", ".0%"),
    ),
    "thaw": (
        ("seconds", "seconds", ".1f"),
        ("behind", "behind", ",.0f"),
        ("resets", "resets", ",.0f"),
        ("told lost", "lost", ",.0f"),
        ("lost", "missing", ",.0f"),
    ),
}


def record(
    cells: dict[str, dict[str, Cell]], skipped: dict[str, str], *, rounds: int, seconds: float, began: float
) -> Outcome:
    """Everything that was measured, also written to ``.bench/results.json``."""
    measured = sorted({name for found in cells.values() for name in found})
    outcome: Outcome = {
        "measured": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
        "rounds": rounds,
        "seconds": seconds,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: PEERS[name].version() for name in measured},
        "skipped": skipped,
        "workloads": {
            workload: {name: {"faults": cell.faults, "rounds": cell.rounds} for name, cell in found.items()}
            for workload, found in cells.items()
        },
    }
    outcome["targets"] = [
        {"what": target.what, "measured": round(value, 3), "most": target.most, "met": met}
        for target, value, met in verdicts(outcome)
    ]
    outcome["waited"] = _waited(outcome)
    RESULTS.write_text(json.dumps(outcome, indent=1))
    return outcome


def read() -> Outcome:
    """The results of the last run."""
    outcome: Outcome = json.loads(RESULTS.read_text())
    return outcome


def show(outcome: Outcome) -> None:
    """The tables: each workload, then the targets."""
    for workload, peers in outcome["workloads"].items():
        print(f"\n{WORKLOADS[workload].title}")
        for label in dict.fromkeys(label for peer in peers.values() for label in peer["rounds"]):
            _show_stage(outcome, workload, label)
        for name, peer in peers.items():
            for fault in peer["faults"]:
                print(f"  FAULT {name}: {fault}")
    for name, reason in outcome["skipped"].items():
        print(f"\nskipped {name}: {reason}")
    print(f"\nMedians of {outcome['rounds']} rounds, {outcome['minutes']} minutes, {outcome['machine']}")
    if not is_quiet(outcome):
        print(
            f"The machine was not quiet: the servers waited {outcome['waited']:.0%} of the time for their core. "
            "Latencies and deliveries a second mean nothing, and CPU ratios little."
        )
    found = verdicts(outcome)
    if found:
        print(f"\n{'Target':68}{'measured':>12}{'at most':>10}")
    for target, value, met in found:
        shown = f"{value:,.2f} {target.unit}".strip()
        print(
            f"{target.what:68}{shown:>12}{target.most:>10g}  {'pass' if met else f'MISS by {_by(value, target.most)}'}"
        )


def is_quiet(outcome: Outcome) -> bool:
    """Had the servers their core for themselves?"""
    return bool(outcome["waited"] <= _QUIET)


def _waited(outcome: Outcome) -> float:
    """The usual share of time for which a server of one process wanted its core and something else had it."""
    shares = [
        result["wait"]
        for peers in outcome["workloads"].values()
        for name, peer in peers.items()
        if not name.endswith("-redis") and name != "flask-sse"
        for results in peer["rounds"].values()
        for result in results
        if "wait" in result
    ]
    return round(median(shares), 3) if shares else 0.0


def _show_stage(outcome: Outcome, workload: str, label: str) -> None:
    peers = [name for name, peer in outcome["workloads"][workload].items() if label in peer["rounds"]]
    kind = outcome["workloads"][workload][peers[0]]["rounds"][label][0]["stage"]
    # A column that nobody has a figure for is left out.
    columns = [
        column
        for column in _COLUMNS[kind]
        if any(figure(outcome, workload, name, label, column[1]) is not None for name in peers)
    ]
    compared = kind in {"flow", "connect"} and len(peers) > 1 and "ours" in peers
    print(
        f"\n  {label:24}"
        + "".join(f"{title:>12}" for title, _, _ in columns)
        + ("      CPU × ours" if compared else "")
    )
    for name in peers:
        line = "".join(
            f"{_number(figure(outcome, workload, name, label, key), style):>12}" for _, key, style in columns
        )
        times = ratio(outcome, "server_cpu_each", (workload, name, label), (workload, "ours", label))
        print(f"    {name:22}{line}" + (f"{times:>16.2f}" if compared and times is not None else ""))


def _number(value: float | None, style: str) -> str:
    if value is None:
        return ""
    if style == "ms":
        return f"{value / 1000:,.2f}"
    return f"{value / 1024:,.0f}" if style == "MiB" else f"{value:{style}}"


def _by(value: float, most: float) -> str:
    return f"{100 * (value / most - 1):.0f} %" if most else f"{value:g}"
