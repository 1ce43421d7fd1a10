"""How deep JSON is nested, against a parser that really goes there; and that nothing takes long, whatever the text."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.wire.depth import is_too_deep

TREES = st.recursive(
    st.none() | st.text(alphabet='[]{}"\\x', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(TREES, st.integers(0, 8))
def test_it_agrees_with_what_was_nested(value: Any, most: int) -> None:
    assert is_too_deep(json.dumps(value), most) == (depth(value) > most)


@given(st.text(alphabet='[]{}"\\x'), st.integers(0, 3))
def test_any_text_has_an_answer(text: str, most: int) -> None:
    assert is_too_deep(text, most) in {True, False}


@pytest.mark.parametrize(
    "text",
    ["[" * 200 + '\\"' * 500_000, '"' * 500_001 + "[" * 200, '"' + '\\"' * 500_000 + "[" * 200, "[]" * 500_000],
    ids=["quotes outside", "odd quotes", "a string without end", "wide"],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    is_too_deep(text)
    assert time.process_time() - began < 1
