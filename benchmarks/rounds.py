"""Rounds: peer A, B, C, then A, B, C again, each started afresh, so that what disturbs the machine disturbs them all.

It may not decide what a figure means (``targets.py``) or how it is shown (``report.py``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import mean
from typing import Final

from .generator import Result, faults, run
from .peers.base import Peer
from .places import Unavailable, open_files
from .workloads import Pace, Workload

_FLAT_AFTER: Final = 60
"""Seconds after which memory has to be flat; a third of the time in a shorter run."""


@dataclass
class Cell:
    """One peer in one workload: the results of each labelled stage, round by round, and what went wrong."""

    rounds: dict[str, list[Result]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def measure(
    workload: Workload, peers: Iterable[Peer], *, rounds: int, pace: Pace, skipped: dict[str, str]
) -> dict[str, Cell]:
    """Measure peers in interleaved rounds. A peer that cannot be had ends up in ``skipped``, with the reason."""
    able = [peer for peer in peers if _is_set_up(peer, skipped)]
    cells: dict[str, Cell] = {}
    rounds = min(rounds, workload.most_rounds)
    for number in range(rounds):
        for peer in able:
            if peer.name in skipped or number >= peer.most_rounds:
                continue
            began = time.monotonic()
            try:
                _once(workload, peer, pace, cells.setdefault(peer.name, Cell()))
            except Unavailable as reason:
                _skip(peer, str(reason), skipped)
                del cells[peer.name]
                continue
            took = time.monotonic() - began
            print(f"  {workload.name} {number + 1}/{rounds} {peer.name}: {took:.1f} s", file=sys.stderr)
    return cells


def _once(workload: Workload, peer: Peer, pace: Pace, cell: Cell) -> None:
    stages = workload.stages(pace, min(peer.most, open_files()))
    with ExitStack() as stack:
        target = peer.start(workload.wire, stack)
        texts = [text for _, text in stages]
        results = run(target, texts, rooms=workload.rooms, woken=lambda: workload.meanwhile(target))
    labels = [label for label, text in stages if text != "wait"]
    connect: Result = {}
    for label, result in zip(labels, results, strict=True):
        if wrong := faults(result):
            cell.faults.append(f"{label or 'set-up'}: {wrong}")
        if result["stage"] == "connect":
            connect = result
        if label:
            cell.rounds.setdefault(label, []).append(result | _derived(result, connect))


def _derived(result: Result, connect: Result) -> Result:
    """Figures that follow from others."""
    if result["stage"] in {"connect", "rest"}:
        return {"kib_each": round((result["server_kib"] - connect["kib_before"]) / connect["count"], 3)}
    if result["stage"] == "flow":
        samples = result["kib_by_second"]
        flat_from = min(_FLAT_AFTER, len(samples) // 3)
        some = max(1, len(samples) // 10)
        first, last = mean(samples[flat_from : flat_from + some]), mean(samples[-some:])
        return {
            "growth": round(max(0.0, 100 * (last - first) / first), 2),
            "wait": round(result["server_waited_us"] / 1e6 / result["seconds"], 3),
            "wrong": result["missing"] + result["doubled"] + result["swapped"] + result["damaged"],
        }
    return {}


def _is_set_up(peer: Peer, skipped: dict[str, str]) -> bool:
    if peer.name in skipped:
        return False
    try:
        peer.set_up()
    except Unavailable as reason:
        _skip(peer, str(reason), skipped)
        return False
    return True


def _skip(peer: Peer, reason: str, skipped: dict[str, str]) -> None:
    skipped[peer.name] = reason
    print(f"skipped {peer.title}: {reason}", file=sys.stderr)
