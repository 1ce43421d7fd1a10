"""Runs a small program in a process of its own, which gevent may patch: the one that runs the tests must not be."""

from __future__ import annotations

import subprocess
import sys

from .processes import ROOT, clean_environment


def played(script: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it wrote is text."""
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
