"""Two thousand mutated sessions against a real server: nothing unhandled, nobody bad stays, nobody honest waits.

``make fuzz`` sends a hundred thousand, others each time. What it finds is shown again by its seed and number.
"""

from __future__ import annotations

from tests.hostile.watching import watching
from tests.support.processes import running, start_gevent

from .making import KINDS, made
from .running import fuzz

SEED = 20_260
INPUTS = 2_000
P99 = 0.5
"""Seconds. ``make fuzz`` asks for 50 ms; here other tests have the same processors."""
PATIENCE = 5.0


def test_mutated_sessions_leave_the_server_and_its_honest_clients_alone() -> None:
    server = start_gevent()
    with running(server):
        with watching(server) as watch:
            result = fuzz(server.url, seed=SEED, numbers=range(INPUTS), patience=PATIENCE)
            honest = watch.figures()
        assert result.findings == []
        assert sum(result.counts.values()) == INPUTS
        assert {kind for kind, _ in result.counts} == set(KINDS)
        assert server.popen.poll() is None
        assert "Traceback" not in server.output
        assert min(honest.p99, honest.server_p99) < P99


def test_a_seed_and_a_number_are_the_same_input_again() -> None:
    assert [made(7, number) for number in range(200)] == [made(7, number) for number in range(200)]
    assert made(7, 1) != made(8, 1)
