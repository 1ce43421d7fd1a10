"""Writing behind: one change that cannot be written costs no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from realtime.concurrency import Threads
from realtime.errors import BusUnavailable
from realtime.web.behind import Behind
from tests.support.processes import eventually


class Written:
    """What was written, where one key's change makes the writer fail."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}
        self.failures = 0
        self.away = False

    def write(self, batch: Mapping[str, int]) -> None:
        if "bad" in batch:
            self.failures += 1
            raise RuntimeError("a fault in one")
        if self.away:
            raise BusUnavailable("away")
        self.all.update(batch)


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def behind(written: Written) -> Behind[int]:
    return Behind(written.write, concurrency=Threads(), name="behind")


def test_a_change_that_cannot_be_written_costs_none_that_comes_later(
    behind: Behind[int], written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    behind.put("bad", 1)
    eventually(lambda: written.failures, what="the failure")
    behind.put("good", 2)
    eventually(lambda: written.all == {"good": 2}, what="the later change")
    assert "a fault in one" in caplog.text


def test_nor_does_it_cost_those_that_are_written_with_it(behind: Behind[int], written: Written) -> None:
    for key in ("a", "bad", "b"):
        behind.put(key, 1)
    behind.flush()
    assert written.all == {"a": 1, "b": 1}
    behind.flush()
    behind.close()


def test_what_could_not_be_written_beside_it_is_written_later(behind: Behind[int], written: Written) -> None:
    written.away = True
    for key in ("a", "bad", "b"):
        behind.put(key, 1)
    with pytest.raises(BusUnavailable):
        behind.flush()
    written.away = False
    behind.flush()
    assert written.all == {"a": 1, "b": 1}
