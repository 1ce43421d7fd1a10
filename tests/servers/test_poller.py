"""The poller of sockets that were handed over: one that fails costs the others nothing."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT, clean_environment

_RUN = """
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
    command = [sys.executable, "-c", _RUN]
    run = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout == "all beat on: True\n", run.stderr[-2000:]
    assert "a fault in one" in run.stderr
