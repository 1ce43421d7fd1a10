"""The threat model says of every attack what stands against it, where, and which tests fail when that does not hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text("utf-8")
QUOTED = re.compile(r"`([^`]+)`")


def rows() -> list[list[str]]:
    """The cells of every row of a table about attacks that has tests."""
    found, inside = [], False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line == "| attack | defence | code | tests |":
            inside = True
        elif inside and not line.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


ROWS = rows()


def test_no_attack_is_told_without_its_tests() -> None:
    assert len(ROWS) > 30
    assert "| attack | defence | code |\n" not in PAGE
    assert [row for row in ROWS if len(row) != 4 or not QUOTED.findall(row[3])] == []


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_what_a_row_names_is_there(row: list[str]) -> None:
    for name in QUOTED.findall(row[2]):
        assert (ROOT / "realtime" / name).exists(), name
    for name in QUOTED.findall(row[3]):
        if "/" not in name:
            continue  # What it is called within the file before.
        path, _, function = name.partition("::")
        assert (ROOT / path).exists(), path
        text = (ROOT / path).read_text("utf-8") if (ROOT / path).is_file() else ""
        assert not function or f"def {function}(" in text, name


def test_every_test_that_the_page_names_is_there() -> None:
    missing = [name for name in QUOTED.findall(PAGE) if name.startswith("tests/")]
    assert [name for name in missing if not (ROOT / name.partition("::")[0]).exists()] == []
