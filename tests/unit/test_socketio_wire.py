"""The Socket.IO packet of a message, read back by the library that clients speak to."""

from __future__ import annotations

import pytest
from socketio.packet import EVENT, Packet

from realtime.message import Message, Position
from realtime.wire import socketio as wire


def packet(data: object, *, ids: bool, spread: bool = False) -> Packet:
    made = Message.new("lobby", data, event='say "hi"', spread=spread)
    message = Message(made.rooms, made.event, made.json, spread=spread, id=Position(1790000000000, 3))
    return Packet(encoded_packet=wire.encode(message, ids=ids))


@pytest.mark.parametrize("data", [{"a": [1, None]}, "text", 5, None, [], "\u2028🙂"])
def test_one_value_is_one_argument_and_the_id_is_the_last(data: object) -> None:
    with_id, without = packet(data, ids=True), packet(data, ids=False)
    assert with_id.packet_type == without.packet_type == EVENT
    assert with_id.data == ['say "hi"', data, "1790000000000-3"]
    assert without.data == ['say "hi"', data]


@pytest.mark.parametrize("arguments", [[], [1], [1, {"b": 2}]])
def test_several_values_are_several_arguments(arguments: list[object]) -> None:
    assert packet(arguments, ids=True, spread=True).data == ['say "hi"', *arguments, "1790000000000-3"]
    assert packet(arguments, ids=False, spread=True).data == ['say "hi"', *arguments]


def test_control_events_carry_no_id() -> None:
    assert Packet(encoded_packet=wire.encode_control("realtime.reset", {"cursor": "1-0"})).data == [
        "realtime.reset",
        {"cursor": "1-0"},
    ]


@pytest.mark.parametrize("data", [{"a": 1}, 5, None, ["text"], "Ann", "1790000000000-3"])
def test_a_transient_message_ends_with_nothing_that_a_stock_client_takes_for_its_offset(data: object) -> None:
    made = Message.new("lobby", data, event="typing", transient=True).accepted(Position(1790000000000, 3))
    assert Packet(encoded_packet=wire.encode(made, ids=False)).data == ["typing", data]
    with_ids = Packet(encoded_packet=wire.encode(made, ids=True)).data
    assert with_ids == (["typing", data, None] if isinstance(data, str) else ["typing", data])
