"""The event stream format: exact bytes out, everything the specification allows in, in pieces of any size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import MessageTooLarge
from realtime.message import Message, Position
from realtime.names import is_event_name
from realtime.wire import sse
from realtime.wire.sse import Decoder, Event

AT = Position(1790000000000, 0)


def whole(stream: bytes) -> Iterator[bytes]:
    yield stream


def byte_by_byte(stream: bytes) -> Iterator[bytes]:
    for number in range(len(stream)):
        yield stream[number : number + 1]


def with_empty_chunks(stream: bytes) -> Iterator[bytes]:
    for piece in byte_by_byte(stream):
        yield piece
        yield b""


@pytest.fixture(params=[whole, byte_by_byte, with_empty_chunks], ids=lambda cut: cut.__name__)
def cut(request: pytest.FixtureRequest) -> Callable[[bytes], Iterator[bytes]]:
    """How the stream arrives."""
    chosen: Callable[[bytes], Iterator[bytes]] = request.param
    return chosen


def decode(stream: bytes, cut: Callable[[bytes], Iterator[bytes]]) -> tuple[list[Event], Decoder]:
    decoder = Decoder()
    return [event for piece in cut(stream) for event in decoder.feed(piece)], decoder


def published(data: object, *, event: str = "message", spread: bool = False) -> Message:
    message = Message.new("lobby", data, event=event, spread=spread)
    return Message(message.rooms, message.event, message.json, spread=spread, id=AT)


def test_a_message_is_exactly_these_bytes() -> None:
    message = published({"user": "ann", "text": "hi"})
    assert sse.encode(message) == b'id: 1790000000000-0\nevent: message\ndata: {"user":"ann","text":"hi"}\n\n'


def test_an_emit_without_arguments_is_null_and_one_with_several_is_their_list() -> None:
    assert b"data: null\n" in sse.encode(published([], spread=True))
    assert b"data: [1,2]\n" in sse.encode(published([1, 2], spread=True))


def test_control_events_have_no_id() -> None:
    assert sse.control("realtime.ready", {"recovered": True}) == b'event: realtime.ready\ndata: {"recovered":true}\n\n'


def test_the_reconnection_time_has_a_block_of_its_own_after_the_padding() -> None:
    assert sse.prelude(retry_ms=3000) == b"retry: 3000\n\n"
    padded = sse.prelude(retry_ms=3000, padding=2048)
    assert padded.endswith(b"\n\nretry: 3000\n\n") and len(padded.split(b"\n")[0]) == 2048 and padded[:1] == b":"


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=64).filter(is_event_name),
)
def test_every_message_decodes_to_itself(text: str, event: str) -> None:
    events, decoder = decode(sse.encode(published(text, event=event)), byte_by_byte)
    assert events == [Event(event, json.dumps(text, ensure_ascii=False), str(AT))]
    assert decoder.last_event_id == str(AT)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])
def test_each_line_end_of_the_specification_is_understood(end: str, cut: Callable[[bytes], Iterator[bytes]]) -> None:
    stream = f"id: 1{end}event: e{end}data: a{end}data: b{end}{end}data: c{end}{end}".encode()
    events, _ = decode(stream + b":\n", cut)
    assert events == [Event("e", "a\nb", "1"), Event("message", "c", "1")]


def test_mixed_line_ends_are_understood(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    events, _ = decode(b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\r", cut)
    assert [event.data for event in events] == ["a\nb\nc", "d"]


def test_a_byte_order_mark_at_the_start_is_left_out_and_only_there(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    events, _ = decode(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n", cut)
    assert [event.data for event in events] == ["a", "c"]


def test_other_line_separators_of_unicode_end_no_line(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"
    events, _ = decode(f"data: {text}\n\n".encode(), cut)
    assert [event.data for event in events] == [text]


def test_fields_follow_the_specification(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    stream = (
        b"data\n\ndata:  two spaces\n\ndata:x\nunknown: y\n:comment\n data: not a field\n\nevent: alone\n\ndata: z\n\n"
    )
    events, _ = decode(stream, cut)
    assert [(event.event, event.data) for event in events] == [
        ("message", ""), ("message", " two spaces"), ("message", "x"), ("message", "z")
    ]  # fmt: skip


def test_an_id_with_nul_is_ignored_and_an_empty_one_resets(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    events, decoder = decode(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid\ndata: c\n\n", cut)
    assert [event.id for event in events] == ["1", "1", ""]
    assert decoder.last_event_id == ""


def test_only_digits_set_the_reconnection_time(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    for value, expected in ((b"250", 250), (b"25x", None), (b"-1", None), ("٣".encode(), None), (b"", None)):
        assert decode(b"retry: " + value + b"\n\n", cut)[1].retry == expected


def test_an_unfinished_event_is_not_dispatched(cut: Callable[[bytes], Iterator[bytes]]) -> None:
    assert decode(b"data: a\n\ndata: b\n", cut)[0] == [Event("message", "a", "")]


def test_a_line_of_a_megabyte_passes_and_one_over_the_limit_is_refused() -> None:
    text = b"x" * 1_000_000
    decoder = Decoder(max_line_bytes=1_100_000)
    pieces = [b"data: ", *(text[i : i + 7000] for i in range(0, len(text), 7000)), b"\n\n"]
    assert [event.data.encode() for piece in pieces for event in decoder.feed(piece)] == [text]
    decoder.feed(text)
    with pytest.raises(MessageTooLarge, match="1100000 bytes"):
        decoder.feed(text)


@given(st.binary(max_size=200), st.integers(1, 7))
def test_where_the_stream_is_cut_makes_no_difference(stream: bytes, size: int) -> None:
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    decoder = Decoder()
    assert [event for piece in pieces for event in decoder.feed(piece)] == Decoder().feed(stream)
