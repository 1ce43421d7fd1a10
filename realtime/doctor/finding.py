"""A finding: what was looked at, what is the matter, and what to do. This file looks at nothing."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "error"]


class Finding(NamedTuple):
    """One line of the doctor's report.

    Attributes:
        level: ``error`` is what does not work, or loses messages; ``warning`` what will, under load or in production.
        check: what was looked at.
        said: what is the matter, or what is well.
        mend: what to do; empty where nothing is the matter.
    """

    level: Level
    check: str
    said: str
    mend: str = ""


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding("ok", check, said)


def warning(check: str, said: str, mend: str) -> Finding:
    """It works, but not for long or not for many."""
    return Finding("warning", check, said, mend)


def error(check: str, said: str, mend: str) -> Finding:
    """It does not work."""
    return Finding("error", check, said, mend)
