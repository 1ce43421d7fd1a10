"""Waiting times that are drawn: within their bounds, and different for everybody."""

from __future__ import annotations

import random
import subprocess
import sys

from realtime.jitter import Backoff, come_back, retry_ms


def drawn() -> list[float]:
    backoff = Backoff(first=1, cap=8)
    return [*(backoff.next() for _ in range(6)), come_back(1, 1000), retry_ms(1000)]


def test_pauses_double_up_to_the_cap_and_begin_anew() -> None:
    backoff = Backoff(first=1, cap=8)
    for _ in range(50):
        for full in (1, 2, 4, 8, 8, 8):
            assert 0 <= backoff.next() <= full
        backoff.reset()
    assert max(backoff.next() for _ in range(200)) > 7, "and are drawn from all of it"


def test_clients_are_told_times_within_their_window() -> None:
    told = [come_back(2, 10) for _ in range(500)]
    assert 2000 <= min(told) < 3000
    assert 11_000 < max(told) <= 12_000
    assert {come_back(2, 0) for _ in range(9)} == {2000}
    told = [retry_ms(2) for _ in range(500)]
    assert 2000 <= min(told) < 2200
    assert 2800 < max(told) <= 3000


def test_an_application_that_seeds_its_numbers_makes_nobody_wait_alike_and_keeps_its_own() -> None:
    random.seed(1)
    state = random.getstate()
    first = drawn()
    assert random.getstate() == state
    random.seed(1)
    assert drawn() != first


FORKS = """
import os
from realtime.jitter import come_back
for _ in range(2):
    child = os.fork()
    if not child:
        print(*(come_back(1, 1000) for _ in range(9)), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_forked_processes_wait_differently() -> None:
    said = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=30).stdout
    one, two = said.splitlines()
    assert len(one.split()) == 9
    assert one != two
