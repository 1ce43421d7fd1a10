"""Message: the one door, what it lets in, and what it says to the rest."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import InvalidValue, MessageTooLarge
from realtime.message import Message, Position
from realtime.names import RESERVED_EVENTS, is_event_name, is_room_name

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json_value_comes_back_as_it_went_in(value: Any) -> None:
    assert Message.new("lobby", value).data == value


@given(json_values)
def test_the_data_is_always_one_line_of_json(value: Any) -> None:
    text = Message.new("lobby", value).json
    assert "\n" not in text and "\r" not in text
    assert json.loads(text) == value


@given(json_values)
def test_what_a_shared_log_gives_back_is_the_same_message(value: Any) -> None:
    sent = Message.new(["lobby", "hall"], value, event="news", skip=["a~"])
    again = Message.restore(sent.rooms, sent.event, sent.json, Position(5, 1), skip=sent.skip)
    assert (again.rooms, again.event, again.json, again.skip) == (sent.rooms, sent.event, sent.json, sent.skip)
    assert again.id == Position(5, 1)


@pytest.mark.parametrize(
    "name",
    [
        "lobby",
        "a",
        "A-z_0.9:/@",
        "x" * 128,
        "комната",
        "部屋",
        "غرفة",
        "हिन्दी",
        "user@example.com",
        "team/7",
        "٣",
        "//",
        ".",
    ],
)
def test_room_names_are_letters_and_digits_of_any_script_and_a_few_marks(name: str) -> None:
    assert Message.new(name, 1).rooms == (name,)


@pytest.mark.parametrize(
    "name", ["", "x" * 129, "a b", "a\n", "a\0", "a~", "🙂", "a?b", "a#b", "a%b", "½", "a,b", "\ud800", None, 7, b"a"]
)
def test_other_room_names_are_refused_with_what_is_allowed(name: Any) -> None:
    assert not is_room_name(name)
    with pytest.raises((InvalidValue, TypeError)) as caught:
        Message.new([name], 1)
    assert "1-128 letters and digits" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["message", "x", "x" * 64, "chat:new", "neue Nachricht", "événement", "🙂", "open", "error"]
)
def test_event_names_are_printable(name: str) -> None:
    assert Message.new("lobby", 1, event=name).event == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a\nb", "a\rb", "a\0", "\t", "a\x7f", "\u2028", "realtime.ready", "realtime.x", None, 5]
)
def test_other_event_names_are_refused(name: Any) -> None:
    assert not is_event_name(name)
    with pytest.raises(InvalidValue, match="not an event name"):
        Message.new("lobby", 1, event=name)


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_events_that_socketio_keeps_for_itself_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="not an event name"):
        Message.new("lobby", 1, event=name)


@pytest.mark.parametrize("key", ["", "x" * 129, "a\n", 5, ["a"]])
def test_a_key_is_short_printable_text(key: Any) -> None:
    with pytest.raises(InvalidValue, match="not a key"):
        Message.new("lobby", 1, key=key)


@pytest.mark.parametrize("data", [float("nan"), float("inf"), {1, 2}, object(), b"x", "\ud800", {"a": "\udfff"}])
def test_data_without_a_json_form_is_refused(data: Any) -> None:
    with pytest.raises(InvalidValue, match="no JSON form"):
        Message.new("lobby", data)


def test_data_that_is_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(InvalidValue, match="no JSON form"):
        Message.new("lobby", deep)
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidValue, match="no JSON form"):
        Message.new("lobby", deep)


def test_the_size_is_counted_in_bytes_of_utf8_not_in_characters() -> None:
    assert Message.new("lobby", "é" * 31, max_bytes=64).data == "é" * 31
    with pytest.raises(MessageTooLarge, match="66 bytes as JSON; at most 64"):
        Message.new("lobby", "é" * 32, max_bytes=64)


def test_a_message_is_for_at_least_one_room_and_for_each_once() -> None:
    for rooms in ([], ["a", "a"]):
        with pytest.raises(InvalidValue, match="at least one room"):
            Message.new(rooms, 1)


@pytest.mark.parametrize(
    "text", ["", "{", '"a\nb"', "1\n", '{"a":\r1}', "[" * 100_000, "nope"]
)  # fmt: skip
def test_a_shared_log_is_not_trusted(text: str) -> None:
    with pytest.raises(InvalidValue):
        Message.restore(("lobby",), "message", text, Position(1, 0))


def test_several_arguments_from_a_shared_log_must_be_a_list() -> None:
    with pytest.raises(InvalidValue, match="list"):
        Message.restore(("lobby",), "message", "5", Position(1, 0), spread=True)


def test_a_message_cannot_be_changed() -> None:
    message = Message.new("lobby", {"a": 1})
    with pytest.raises(FrozenInstanceError):
        message.event = "other"  # type: ignore[misc]
    message.data["a"] = 2
    assert message.data == {"a": 1}


def test_the_digest_tells_other_content_apart_and_only_that() -> None:
    message = Message.new("lobby", 1, key="k")
    assert message.digest == Message.new("lobby", 1, key="other").digest
    others = [Message.new("hall", 1), Message.new("lobby", 2), Message.new("lobby", 1, event="e")]
    assert len({message.digest, *(other.digest for other in others)}) == 4


def test_a_long_value_in_an_error_is_cut_short() -> None:
    with pytest.raises(InvalidValue) as caught:
        Message.new("x" * 10_000, 1)
    assert len(caught.value.message) < 300
