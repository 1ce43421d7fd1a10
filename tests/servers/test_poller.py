"""The poller of sockets that were handed over: one that fails costs the others nothing, and what is written in one loop
turn, or in a moment of which more is known to come, is written together."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT, clean_environment

_BEATS = """
from gevent import monkey
monkey.patch_all()
import os, time
import gevent
from realtime.serve.poller import GeventPoller


class Watched:
    def __init__(self, fails):
        self.fd, self.other = os.pipe()
        self.fails, self.beats = fails, 0

    def beat(self):
        self.beats += 1
        if self.fails:
            raise RuntimeError("a fault in one")


poller = GeventPoller(heartbeat=0.16)
watched = [Watched(number % 2 == 0) for number in range(32)]
for one in watched:
    poller.add(one)
deadline = time.monotonic() + 20
while min(one.beats for one in watched) < 2 and time.monotonic() < deadline:
    gevent.sleep(0.02)
print("all beat on:", min(one.beats for one in watched) >= 2)
"""


def test_one_whose_heartbeat_fails_does_not_end_the_heartbeats_of_others() -> None:
    run = played(_BEATS)
    assert run.stdout == "all beat on: True\n", run.stderr[-2000:]
    assert "a fault in one" in run.stderr


_TURNS = """
from gevent import monkey
monkey.patch_all()
import gevent
from realtime.serve import poller as module


class Flushed:
    times = 0

    def flush(self):
        self.times += 1


def soon(*flushed):
    for one in flushed:
        poller.soon(one)
    gevent.sleep(0.01)
    return [first.times, second.times]


expecting = False
first, second = Flushed(), Flushed()
latest, module._LATEST = module._LATEST, 100
poller = module.GeventPoller(heartbeat=25, expects_more=lambda: expecting)
print("alone:", soon(first))
expecting = True
print("more is expected:", soon(first))
expecting = False
print("it came:", soon(second))
expecting, module._LATEST = True, latest
poller = module.GeventPoller(heartbeat=25, expects_more=lambda: expecting)
poller.soon(first)
with gevent.Timeout(20):
    while first.times < 3:
        gevent.sleep(0.001)
print("it does not come:", [first.times, second.times])
"""


def test_what_comes_while_more_is_expected_is_written_together_with_it_and_alone_if_that_does_not_come() -> None:
    run = played(_TURNS)
    assert run.stdout.splitlines() == [
        "alone: [1, 0]",
        "more is expected: [1, 0]",
        "it came: [2, 1]",
        "it does not come: [3, 1]",
    ], run.stderr[-2000:]


def played(script: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own, which gevent patches."""
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
