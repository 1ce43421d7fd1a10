"""The command line: ``python -m drill [--only NAME,…] [--seconds N] [--load FACTOR] [--json FILE]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from .scenarios import SCENARIOS, Result, play
from .stage import Load

_HEAD = ("scenario", "sent", "ack.", "deliv.", "lost", "twice", "order", "told", "gap s", "back s", "verdict")


def row(title: str, result: Result) -> str:
    """One line of the table (Markdown)."""
    figures = result.figures
    cells = [figures.sent, figures.acknowledged, figures.delivered, figures.lost, figures.doubled, figures.disordered]
    measured = "; ".join(f"{name} {value:.2f}" for name, value in result.measured.items() if value)
    verdict = f"MISS: {'; '.join(result.missed)}" if result.missed else f"pass ({measured})" if measured else "pass"
    times = [f"{figures.gap:.2f}", f"{figures.recovery:.2f}"]
    return "| " + " | ".join([title, *map(str, cells), f"{figures.told}/{figures.clients}", *times, verdict]) + " |"


def main() -> int:
    """Play what was asked for; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m drill", description="Plays faults and counts every message.")
    parser.add_argument("--list", action="store_true", help="the scenarios")
    parser.add_argument("--only", default=",".join(SCENARIOS), metavar="NAME,…", help="only these scenarios")
    parser.add_argument("--seconds", type=float, default=60, help="how long each takes, at least")
    parser.add_argument("--load", type=float, default=1, help="factor: 1 is 100 clients and 100 messages a second")
    parser.add_argument("--faults", type=int, help="repeat each fault so often at most")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:18}{scenario.title} × {scenario.times}")
        return 0
    names = options.only.split(",")
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(SCENARIOS)}")
    if not 0 < options.load <= 20 or not 0.1 <= options.seconds <= 3600 or (options.faults or 1) < 1:
        parser.error("--load is a factor up to 20, --seconds from 0.1 to 3600, --faults 1 or more")
    clients, rate = max(2, round(100 * options.load)), 100 * options.load
    load = Load(clients=clients, rate=rate, seconds=options.seconds, faults=options.faults)
    print("| " + " | ".join(_HEAD) + " |\n|" + " --- |" * len(_HEAD), flush=True)
    results: dict[str, Result] = {}
    for name in names:
        results[name] = asyncio.run(play(SCENARIOS[name], load))
        times = min(SCENARIOS[name].times, options.faults or SCENARIOS[name].times)
        print(row(f"{SCENARIOS[name].title} × {times}", results[name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1))
    return 1 if any(result.missed for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
