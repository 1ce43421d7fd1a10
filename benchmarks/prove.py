"""Proves the instrument: ``python -m benchmarks --prove``. It must see each fault, and none where there is none.

Against a server that does one known thing wrong (``faulty.py``): a message dropped, doubled, swapped with the next,
damaged, cut short, sent to the wrong room, refused, a connection closed; and two that are only slow, by a known time
and at a known cost of CPU.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from .faulty import BURN, DELAY, FAULTS, FROZEN_FAULTS, WIRES
from .generator import FAULTS as COUNTED
from .generator import Result, Target, run
from .peers.base import SOCKETIO_OPTIONS, SSE, post, running
from .processes import Server

_SUBSCRIBERS = 4
_ENOUGH = 12
"""Messages after which the fault has happened and has been drained."""

_EXPECTED = {
    "none": {},
    "drop": {"missing": 1},
    "double": {"doubled": 1},
    "swap": {"swapped": 1},
    "damage": {"damaged": 1, "missing": 1},
    "stray": {"strayed": 1},
    "refuse": {"refused": 1},
    "delay": {},
    "burn": {},
}

_EXPECTED_FROZEN = {"none": {}, "drop": {"missing": 1}, "double": {"doubled": 1}, "told": {"lost": 1, "resets": 1}}


def prove() -> bool:
    """Try every fault on every wire, and say what was seen."""
    good = True
    for fault in FROZEN_FAULTS:
        for wire in ("sse", "chunked"):
            result = _thawed(fault, wire)
            seen = {name: result[name] for name in (*COUNTED, "lost", "resets") if result.get(name)}
            right = seen == _EXPECTED_FROZEN[fault]
            good = good and right
            print(f"{'ok' if right else 'WRONG':6}{fault:9} {wire:8} {seen or 'nothing wrong'}; to a frozen reader")
    for fault in FAULTS:
        for wire in WIRES:
            result = _result(fault, wire)
            seen = {name: result[name] for name in COUNTED if result.get(name)}
            right = _is_right(fault, seen, result)
            good = good and right
            figures = f"p50 {result['p50_us'] / 1000:.1f} ms, CPU {result['server_cpu_each']:.0f} µs a delivery"
            print(f"{'ok' if right else 'WRONG':6}{fault:9} {wire:8} {seen or 'nothing wrong'}; {figures}")
    return good


def _result(fault: str, wire: str) -> Result:
    # Two in flight, so that two can change places; one where the time of each is looked at.
    lanes = 1 if fault in {"delay", "burn"} else 2
    options = (
        SOCKETIO_OPTIONS
        if wire == "sio"
        else {"wire": "ws" if wire == "ws" else SSE, "path": "/"} | post("/", "{data}")
    )
    seconds = 0.5
    while True:
        with ExitStack() as stack:
            server = running(stack, Server("faulty", [sys.executable, "-m", "benchmarks.faulty", fault, wire]))
            flow = f"flow:inflight={lanes},payload=100,seconds={seconds},warm=0"
            result = run(Target([server], options | {"stall": "1"}), [f"connect:{_SUBSCRIBERS}", flow])[1]
        if result["messages"] >= _ENOUGH:
            return result
        seconds *= 2  # a busy machine


def _thawed(fault: str, wire: str) -> Result:
    """The same to a subscriber that does not read meanwhile: what is found when it reads again."""
    options = {"wire": SSE, "path": "/"} | post("/", "{data}") | {"stall": "1"}
    with ExitStack() as stack:
        server = running(stack, Server("faulty", [sys.executable, "-m", "benchmarks.faulty", fault, wire]))
        flow = "flow:rate=40,lanes=1,payload=100,seconds=0.5,warm=0"
        return run(Target([server], options), ["connect:3", "connect:1,frozen=1", flow, "thaw"])[3]


def _is_right(fault: str, seen: dict[str, int], result: Result) -> bool:
    if fault == "delay" and not DELAY <= result["p50_us"] / 1e6 < 4 * DELAY:
        return False
    if fault == "burn" and not BURN <= result["server_cpu_each"] / 1e6 * _SUBSCRIBERS < 1.8 * BURN:
        return False
    if seen.get("missing"):
        # What one misses can make the others' order look different (c/check.c).
        seen = {name: count for name, count in seen.items() if name != "swapped"}
    if fault == "truncate":
        return seen.keys() == {"damaged", "missing"}
    if fault == "close":
        return seen.keys() == {"closed", "missing"} and seen["closed"] == 1
    return seen == _EXPECTED[fault]
