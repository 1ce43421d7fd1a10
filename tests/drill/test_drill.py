"""A short version of each scenario of the fault drill; and that the drill is no flatterer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from drill.ledger import Account, Book, judge
from drill.scenarios import SCENARIOS, play
from drill.stage import Load
from tests.support.processes import ROOT

SHORT = Load(clients=8, rate=40, seconds=2, faults=1, slack=10)


@pytest.mark.parametrize("name", sorted(name for name, scenario in SCENARIOS.items() if scenario.store == "redis"))
def test_nothing_is_lost_doubled_or_out_of_order(name: str) -> None:
    # A machine that runs other tests beside it is slow: how long it takes to come back is the real drill's business.
    result = asyncio.run(play(SCENARIOS[name], SHORT))
    assert [one for one in result.missed if not one.startswith("back after")] == []
    assert result.figures.recovery < 30


@pytest.mark.parametrize(
    ("missing", "name", "found"),
    [
        ("keys", "publishers", "doubled"),
        ("cursor", "links", "lost"),
        ("chain", "redis-flushed", "told, not"),
        ("polls", "polls", "lost"),
    ],
)
def test_the_drill_fails_when_a_protection_is_taken_out(missing: str, name: str, found: str) -> None:
    load = Load(
        clients=8, rate=40, seconds=2, faults=1, app="tests/apps/unprotected_app", settings={"UNPROTECTED": missing}
    )
    result = asyncio.run(play(SCENARIOS[name], load))
    assert any(found in one for one in result.missed), result


def test_the_account_knows_lost_from_told_and_counts_doubles_and_disorder() -> None:
    book = Book(sent={"a": 1, "b": 1, "c": 1}, acknowledged={"a": (1, 0), "b": (2, 0), "c": (3, 0)})
    honest, silent, confused = Account(), Account(), Account()
    honest.message(book, "a", (1, 0))
    honest.reset((2, 0))
    honest.message(book, "c", (3, 0))
    silent.message(book, "a", (1, 0))
    silent.message(book, "c", (3, 0))
    for key, id_ in (("a", (1, 0)), ("c", (3, 0)), ("b", (2, 0)), ("b", (2, 0))):
        confused.message(book, key, id_)
    assert (judge(book, [honest]).lost, judge(book, [honest]).told) == (0, 1)
    assert judge(book, [silent]).lost == 1
    assert (judge(book, [confused]).doubled, judge(book, [confused]).disordered) == (1, 1)


def test_the_account_knows_where_a_hole_ends_that_a_client_was_told_of() -> None:
    book = Book(sent=dict.fromkeys("abc", 1), acknowledged={"a": (1, 0), "b": (2, 0), "c": (3, 0)})
    before, after, wrong = Account(), Account(), Account()
    for one in (before, after, wrong):
        one.message(book, "a", (1, 0))
    before.reset((1, 0), since=(1, 0))  # It is told first, and where the log begins, it sees: up to there.
    before.message(book, "c", (3, 0))
    after.message(book, "c", (3, 0))  # It gets what there is first, and is told then: from its own cursor on.
    after.reset((3, 0), since=(1, 0))
    wrong.reset((1, 5), since=(1, 0))  # It is told of a hole, and there is another one behind it.
    wrong.message(book, "c", (3, 0))
    assert [judge(book, [one]).lost for one in (before, after, wrong)] == [0, 0, 1]


def test_the_account_of_a_visitor_begins_behind_its_cursor_and_ends_when_it_goes() -> None:
    book = Book(sent=dict.fromkeys("abcd", 1), acknowledged={key: (at, 0) for at, key in enumerate("abcd", 1)})
    right, early, late = (Account(start=(2, 0), until=(3, 0)) for _ in range(3))
    right.message(book, "c", (3, 0))
    early.message(book, "b", (2, 0))
    early.message(book, "c", (3, 0))
    assert (judge(book, [right]).lost, judge(book, [right]).disordered) == (0, 0)
    assert judge(book, [early]).disordered == 1, "it had that one"
    assert judge(book, [late]).lost == 1, "but nothing is owed to it that came after it had gone"


def test_the_command_prints_a_table_writes_json_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "drill.json"
    command = [sys.executable, "-m", "drill", "--only", "publishers", "--load", "0.04", "--seconds", "0.5"]
    done = subprocess.run([*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| publishers' answers cut × 100 |" in done.stdout
    assert json.loads(file.read_text())["publishers"]["figures"]["lost"] == 0
    wrong = subprocess.run([*command, "--only", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "known: links" in wrong.stderr
