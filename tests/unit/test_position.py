"""Positions: parsing, order, and the refusal of nonsense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import InvalidValue
from realtime.message import START, Position

uint64 = st.integers(0, 2**64 - 1)
positions = st.builds(Position, uint64, uint64)


@given(positions)
def test_what_is_written_is_read_back(position: Position) -> None:
    assert Position.parse(str(position)) == position


@given(positions, positions)
def test_the_order_is_by_milliseconds_then_by_number(a: Position, b: Position) -> None:
    assert (a < b) == ((a.ms, a.n) < (b.ms, b.n))


def test_the_order_is_not_the_order_of_the_text() -> None:
    assert Position.parse("9-0") < Position.parse("10-0")
    assert Position.parse("10-9") < Position.parse("10-10")


@given(positions)
def test_nothing_is_before_the_start(position: Position) -> None:
    assert not position < START


@pytest.mark.parametrize(
    "text",
    ["", "1", "-", "1-", "-1", "1-2-3", "a-1", "1-a", " 1-2", "1-2 ", "1-2\n", "+1-2", "1--2", "01-2", "1-02", "1.0-2",
     "1e3-0", "\u0661-\u0662", "1_0-0", f"{2**64}-0", f"0-{2**64}", "0x1-0", None, 5, b"1-2", ["1-2"]],
)  # fmt: skip
def test_nonsense_is_refused_with_an_example_of_an_id(text: object) -> None:
    with pytest.raises(InvalidValue, match=r"1790000000000-0|below 2"):
        Position.parse(text)


@given(st.text(max_size=60))
def test_no_text_makes_the_parser_fail_in_another_way(text: str) -> None:
    try:
        parsed = str(Position.parse(text))
    except InvalidValue:
        parsed = text
    assert parsed == text
