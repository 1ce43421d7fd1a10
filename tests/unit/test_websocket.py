"""WebSocket frames: every rule of RFC 6455 for a server, fed whole and byte by byte."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.wire import websocket as ws
from realtime.wire.websocket import Parser, Received, WebSocketError

MASK = b"\x01\x02\x03\x04"


def client_frame(
    data: bytes,
    opcode: int = ws.TEXT,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    size: int | None = None,
) -> bytes:
    """A frame as a client sends it; the arguments let it break the rules."""
    length = len(data) if size is None else size
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + data
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(data))


def cut(stream: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


def parse(stream: bytes, *, size: int = 10**9, max_bytes: int = 10**6) -> list[Received]:
    parser = Parser(max_bytes=max_bytes)
    return [message for piece in cut(stream, size) for message in parser.feed(piece)]


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 125, 126, 127, 65535, 65536, 100_001])
@pytest.mark.parametrize("size", [10**9, 1000, 7])
def test_messages_of_every_length_arrive_whole(length: int, size: int) -> None:
    data = os.urandom(length)
    assert parse(client_frame(data, ws.BINARY), size=size) == [Received(ws.BINARY, data)]


@given(st.lists(st.text(max_size=40), max_size=6), st.integers(1, 9))
def test_where_the_stream_is_cut_makes_no_difference(texts: list[str], size: int) -> None:
    stream = b"".join(client_frame(text.encode()) for text in texts)
    assert parse(stream, size=size) == [Received(ws.TEXT, text.encode()) for text in texts]


@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_unmasking_twice_changes_nothing(data: bytes, mask: bytes) -> None:
    masked = ws.unmask(data, mask)
    assert masked == bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
    assert ws.unmask(masked, mask) == data


def test_fragments_are_joined_and_control_frames_may_come_between_them() -> None:
    stream = (
        client_frame(b"He", fin=False) + client_frame(b"!", ws.PING) + client_frame(b"ll", ws.CONTINUATION, fin=False)
        + client_frame(b"o", ws.CONTINUATION) + client_frame(b"next")
    )  # fmt: skip
    expected = [Received(ws.PING, b"!"), Received(ws.TEXT, b"Hello"), Received(ws.TEXT, b"next")]
    assert parse(stream) == parse(stream, size=1) == expected


def test_a_character_may_be_split_over_fragments() -> None:
    euro = "€".encode()
    stream = client_frame(euro[:1], fin=False) + client_frame(euro[1:], ws.CONTINUATION)
    assert parse(stream) == [Received(ws.TEXT, euro)]


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (client_frame(b"x", masked=False), ws.PROTOCOL_ERROR),
        (client_frame(b"x", reserved=0x40), ws.PROTOCOL_ERROR),
        (client_frame(b"x", reserved=0x10), ws.PROTOCOL_ERROR),
        (client_frame(b"x", 0x3), ws.PROTOCOL_ERROR),
        (client_frame(b"x", 0xB), ws.PROTOCOL_ERROR),
        (client_frame(b"x", ws.CONTINUATION), ws.PROTOCOL_ERROR),
        (client_frame(b"x", fin=False) + client_frame(b"y"), ws.PROTOCOL_ERROR),
        (client_frame(b"x", ws.PING, fin=False), ws.PROTOCOL_ERROR),
        (client_frame(b"x" * 126, ws.PING), ws.PROTOCOL_ERROR),
        (client_frame(b"\x03", ws.CLOSE), ws.PROTOCOL_ERROR),
        (client_frame(struct.pack("!H", 1005), ws.CLOSE), ws.PROTOCOL_ERROR),
        (client_frame(struct.pack("!H", 999), ws.CLOSE), ws.PROTOCOL_ERROR),
        (client_frame(struct.pack("!H", 1000) + b"\xff", ws.CLOSE), ws.INVALID_TEXT),
        (client_frame(b"\xff\xfe"), ws.INVALID_TEXT),
        (client_frame("€".encode()[:2]), ws.INVALID_TEXT),
        (b"\x81\xfe\x00\x05\0\0\0\0hello", ws.PROTOCOL_ERROR),
        (b"\x81\xff\0\0\0\0\0\0\x01\x00\0\0\0\0" + b"x" * 256, ws.PROTOCOL_ERROR),
        (client_frame(b"", size=2000), ws.TOO_LARGE),
        (client_frame(b"", size=2**40), ws.TOO_LARGE),
        (client_frame(b"x" * 600, fin=False) + client_frame(b"x" * 600, ws.CONTINUATION), ws.TOO_LARGE),
    ],
)
@pytest.mark.parametrize("size", [10**9, 1])
def test_a_broken_rule_is_answered_with_its_close_code(stream: bytes, code: int, size: int) -> None:
    with pytest.raises(WebSocketError) as caught:
        parse(stream, size=size, max_bytes=1000)
    assert caught.value.code == code


def test_a_size_is_refused_before_its_payload_arrives() -> None:
    head = client_frame(b"", size=20_000_000)[:10]
    with pytest.raises(WebSocketError, match="1000 bytes"):
        Parser(max_bytes=1000).feed(head + MASK)


def test_endless_fragments_are_refused() -> None:
    parser = Parser(max_bytes=10**6)
    parser.feed(client_frame(b"", fin=False))
    many = client_frame(b"", ws.CONTINUATION, fin=False) * 10_000
    with pytest.raises(WebSocketError, match="fragments") as caught:
        parser.feed(many)
    assert caught.value.code == ws.TOO_LARGE


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1013, 3000, 4999])
def test_close_codes_that_may_be_sent_are_accepted(code: int) -> None:
    data = struct.pack("!H", code) + "grüß".encode()
    assert parse(client_frame(data, ws.CLOSE)) == [Received(ws.CLOSE, data)]


@pytest.mark.parametrize(("length", "head"), [(5, b"\x81\x05"), (126, b"\x81\x7e\x00\x7e"), (65536, b"\x81\x7f")])
def test_frames_of_the_server_are_whole_and_not_masked(length: int, head: bytes) -> None:
    made = ws.frame(b"x" * length)
    assert made.startswith(head) and made.endswith(b"x" * length)


def test_a_close_reason_is_cut_between_characters() -> None:
    made = ws.close_frame(ws.TOO_LARGE, "€" * 100)
    assert made[0] == 0x88 and made[1] <= 125
    assert made[2:4] == struct.pack("!H", 1009) and set(made[4:].decode()) == {"€"}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fail_in_another_way(stream: bytes) -> None:
    parser = Parser(max_bytes=100)
    try:
        received = parser.feed(stream)
    except WebSocketError:
        received = []
    assert all(isinstance(one, Received) for one in received)
