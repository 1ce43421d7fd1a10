"""Figures and ratios out of an outcome: medians over rounds, and ratios taken round by round.

An outcome is what ``report.record`` writes: plain data, so that a file of results reads like a fresh run.
"""

from __future__ import annotations

from statistics import median
from typing import Any

Outcome = dict[str, Any]


def values(outcome: Outcome, workload: str, peer: str, label: str, metric: str) -> list[float]:
    """One figure, round by round; empty where it was not measured."""
    cell = outcome["workloads"].get(workload, {}).get(peer, {})
    return [result[metric] for result in cell.get("rounds", {}).get(label, ()) if metric in result]


def figure(outcome: Outcome, workload: str, peer: str, label: str, metric: str) -> float | None:
    """The median over the rounds."""
    found = values(outcome, workload, peer, label, metric)
    return median(found) if found else None


def ratio(outcome: Outcome, metric: str, ours: tuple[str, str, str], theirs: tuple[str, str, str]) -> float | None:
    """The median of the rounds' ratios: two neighbours in time share what disturbs the machine."""
    pairs = zip(values(outcome, *ours, metric), values(outcome, *theirs, metric), strict=False)
    found = [mine / other for mine, other in pairs if other]
    return median(found) if found else None
