"""The same contract with greenlets: a process of its own, patched by gevent, runs it again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.processes import ROOT, clean_environment

_RUN = """
from gevent import monkey
monkey.patch_all()
import sys
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]]))
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "suite",
    [
        "test_bus.py",
        "test_recovery.py",
        "test_hub.py",
        "test_redis_faults.py",
        "test_redis_pipe.py",
        "test_redis_poison.py",
        "test_crowding.py",
        "test_budgets.py",
    ],
)
def test_the_contract_holds_under_gevent(suite: str) -> None:
    environ = {key: value for key, value in clean_environment().items() if not key.startswith("PYTEST_")}
    command = [sys.executable, "-c", _RUN, f"tests/contract/{suite}"]
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=170, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
