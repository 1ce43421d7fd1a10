"""The poller of sockets that were handed over: one that fails costs the others nothing, and what is written in one loop
turn, or in a moment of which more is known to come, is written together."""

from __future__ import annotations

from tests.support.patched import played

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


_GATHERING = """
from gevent import monkey
monkey.patch_all()
import gevent
from realtime.serve import poller as module


class Gathered:
    times, patient = 0, False

    def waits(self, now):
        return self.patient

    def flush(self):
        self.times += 1


def turn():
    poller.gather(crowd)
    gevent.sleep(0.01)
    return [crowd.times, other.times]


crowd, other = Gathered(), Gathered()
latest, module._LATEST = module._LATEST, 100
poller = module.GeventPoller(heartbeat=25)
print("it does not wait:", turn())
crowd.patient = True
print("it waits:", turn())
poller.soon(other)
gevent.sleep(0.01)
print("nobody waits with it:", [crowd.times, other.times])
crowd.patient = False
print("enough came:", turn())
crowd.patient = True
turn()
poller.flush()
print("there is no other turn:", [crowd.times, other.times])
module._LATEST = latest
poller = module.GeventPoller(heartbeat=25)
poller.gather(crowd)
with gevent.Timeout(20):
    while crowd.times < 4:
        gevent.sleep(0.001)
print("nothing comes:", [crowd.times, other.times])
"""


def test_a_crowd_is_written_when_it_waits_no_more_or_a_moment_later_and_nobody_else_waits_with_it() -> None:
    run = played(_GATHERING)
    assert run.stdout.splitlines() == [
        "it does not wait: [1, 0]",
        "it waits: [1, 0]",
        "nobody waits with it: [1, 1]",
        "enough came: [2, 1]",
        "there is no other turn: [3, 1]",
        "nothing comes: [4, 1]",
    ], run.stderr[-2000:]
