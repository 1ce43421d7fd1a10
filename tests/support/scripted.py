"""Programs that are told what to do by lines of JSON, and say what happens by such lines. What they mean is theirs."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from typing import Any

from .processes import Process


class Scripted(Process):
    """A program that ends when nobody can tell it anything any more."""

    def __init__(self, command: Sequence[str], *, env: dict[str, str]) -> None:
        super().__init__(command, env=env, stdin=subprocess.PIPE)
        self._said: list[dict[str, Any]] = []

    def tell(self, line: Any) -> None:
        """Say what it is to do."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(line) + "\n")
        self.popen.stdin.flush()

    def said(self, what: str) -> list[dict[str, Any]]:
        """What it has said of one kind; each line is an object."""
        # Each line is read once: there may be thousands, and this is asked again and again.
        self._said += [json.loads(line) for line in self.lines[len(self._said) :]]
        return [one for one in self._said if what in one]

    def end(self) -> None:
        """End it."""
        assert self.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(5)
        self.stop()
