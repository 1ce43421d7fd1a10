"""Every parser of what others send: any input is understood, or refused in the one documented way. Where there is an
independent implementation, both say the same.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any
from urllib.parse import quote

import h11
import pytest
import sseclient
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from realtime.bus.entries import Raw, fields_of, message_of, position_of, room_slice
from realtime.errors import InvalidValue, RealtimeError, Unauthorized
from realtime.message import START, Message, Position, decode_json, encode_json
from realtime.names import check_event, check_key, check_room, is_event_name, is_room_name
from realtime.serve.head import MAX_BYTES, parse_request_line, read_head
from realtime.tickets import Tickets
from realtime.values import normal_origin
from realtime.web.http import RoomConverter
from realtime.web.origin import is_allowed
from realtime.web.packets import BadPacket, read, read_payload
from realtime.wire import sse
from realtime.wire.websocket import TEXT, Parser, WebSocketError
from tests.hostile.lines import frame

anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()))
names = st.text(st.characters(categories=("L", "M", "Nd"), include_characters="_-.:/@"), min_size=1, max_size=128)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize("check", [check_room, check_event])
@given(anything)
def test_a_name_is_taken_as_it_is_or_refused(check: Any, name: Any) -> None:
    with contextlib.suppress(InvalidValue):
        assert check(name) == name


@given(anything)
def test_a_key_is_taken_as_it_is_or_refused(key: Any) -> None:
    with contextlib.suppress(InvalidValue):
        assert check_key(key) == key


@given(st.text(max_size=130))
def test_a_name_that_is_allowed_cannot_end_a_line_or_a_field(name: str) -> None:
    if is_room_name(name) or is_event_name(name):
        assert not set(name) & {"\r", "\n", "\0", "\x1e", "\u2028"}


@given(names)
def test_a_room_in_a_path_is_the_room_again(room: str) -> None:
    app = Flask(__name__)
    app.url_map.converters["room"] = RoomConverter
    app.add_url_rule("/rooms/<room:room>/messages", "x", merge_slashes=False)
    adapter = app.url_map.bind("a")
    assert adapter.match(f"/rooms/{room}/messages") == ("x", {"room": room})
    assert adapter.build("x", {"room": room}).split("/rooms/")[1].removesuffix("/messages").count("?") == 0
    assert quote(room, safe="") not in {".", ".."} or room in {".", ".."}


@given(st.binary(max_size=300))
def test_any_head_is_read_or_refused(data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        head = read_head(stream.readline)
    except ValueError:
        return
    assert stream.tell() <= MAX_BYTES
    for name, value in head.environ.items():
        assert name.isascii() and not set("\r\n\0") & set(value)


@given(st.lists(st.tuples(st.sampled_from(["A", "Host", "content-length", "Transfer-Encoding", "x_y", "B b", ""]),
                          st.sampled_from([": ", ":", " : ", "", ":\t"]),
                          st.sampled_from(["5", "+5", "5, 5", "chunked", "a", "", "a\rb", "a\x0bc", "\xe9", "5\r"])),
                max_size=4),
       st.sampled_from(["\r\n", "\n"]))  # fmt: skip
def test_a_head_that_another_implementation_refuses_is_refused(
    fields: list[tuple[str, str, str]], line_end: str
) -> None:
    lines = "".join("".join(field) + line_end for field in fields) + line_end
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.0" + line_end.encode() + lines.encode("latin-1"))
    try:
        connection.next_event()
    except h11.RemoteProtocolError:
        with pytest.raises(ValueError, match=r"\w"):
            read_head(io.BytesIO(lines.encode("latin-1")).readline)


@given(st.text(max_size=60))
def test_a_request_line_is_three_words_without_blanks_or_refused(line: str) -> None:
    try:
        words = parse_request_line(line.encode("utf-8", "ignore").decode("latin-1"))
    except ValueError:
        return
    assert not any(set(word) & set(" \r\n\t\0") or not word for word in words)


@given(st.lists(st.tuples(st.integers(0, 15), st.binary(max_size=130), st.booleans()), max_size=5), st.integers(1, 50))
def test_frames_are_understood_as_another_implementation_does(said: list[tuple[int, bytes, bool]], size: int) -> None:
    # Behind a close frame nothing counts any more (RFC 6455, 5.5.1).
    end = next((at + 1 for at, (opcode, *_) in enumerate(said) if opcode == 8), len(said))
    said = said[:end]
    stream = b"".join(frame(payload, opcode, fin=fin) for opcode, payload, fin in said)
    theirs = FrameProtocol(client=False, extensions=[])
    theirs.receive_bytes(stream)
    expected: list[tuple[int, bytes]] = []
    parts: list[tuple[int, bytes]] = []
    refused = False
    try:
        for one in theirs.received_frames():
            if one.opcode >= 8:
                expected.append((int(one.opcode), b"" if one.opcode == 8 else bytes(one.payload)))
                if one.opcode == 8:
                    break
                continue
            data = one.payload.encode() if isinstance(one.payload, str) else bytes(one.payload)
            parts.append((int(one.opcode), data))
            if one.message_finished:
                expected.append((parts[0][0], b"".join(data for _, data in parts)))
                parts = []
    except ParseFailed:
        refused = True
    parser, ours = Parser(max_bytes=10_000), []
    try:
        for at in range(0, len(stream), size):
            for message in parser.feed(stream[at : at + size]):
                ours.append((message.opcode, b"" if message.opcode == 8 else message.data))
                if message.opcode == 8:
                    raise StopIteration
    except StopIteration:
        assert ours == expected or refused
        return
    except WebSocketError:
        assert refused
        return
    # What is no text may be noticed with the fragment, as theirs does, or with the message, as ours does.
    assert ours == expected or (refused and any(opcode == TEXT and not fin for opcode, _, fin in said))


@given(st.one_of(texts, st.binary(max_size=50)))
def test_any_packet_is_read_or_refused(data: str | bytes) -> None:
    try:
        packet = read(data)
    except BadPacket:
        return
    assert packet.packet_type in {1, 3, 4}


@given(
    st.one_of(
        st.binary(max_size=80), st.lists(texts).map(lambda all_: "\x1e".join(["b" + one for one in all_]).encode())
    )
)
def test_any_payload_is_read_or_refused(body: bytes) -> None:
    try:
        packets = read_payload(body)
    except BadPacket:
        return
    assert len(packets) == body.count(b"\x1e") + 1


@given(json_values, names, st.text(max_size=64).filter(is_event_name))
def test_another_reader_of_event_streams_gets_what_was_sent(data: Any, room: str, event: str) -> None:
    message = Message.new(room, data, event=event).accepted(Position(7, 3))
    stream = sse.encode(message) + sse.control("realtime.reset", {"cursor": "1-0"})
    first, second = sseclient.SSEClient([stream]).events()
    assert (first.id, first.event, json.loads(first.data)) == ("7-3", event, data)
    assert (second.event, json.loads(second.data)) == ("realtime.reset", {"cursor": "1-0"})


@given(anything)
def test_a_position_is_read_or_refused(text: Any) -> None:
    try:
        position = Position.parse(text)
    except InvalidValue:
        return
    assert str(position) == text


@given(st.one_of(st.binary(max_size=40), texts))
def test_json_that_is_not_strict_is_refused(text: str | bytes) -> None:
    try:
        value = decode_json(text)
    except InvalidValue:
        return
    assert value == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "[" * 100_000, "1" * 5_000, "", "\ufeff1"])
def test_what_python_alone_takes_for_json_is_none(text: str) -> None:
    with pytest.raises(InvalidValue):
        decode_json(text)


fields = st.dictionaries(
    st.sampled_from([b"t", b"p", b"r", b"e", b"d", b"x", b"s", b"z"]),
    st.one_of(st.binary(max_size=20), st.sampled_from([b"m", b"1-0", b"room", b"message", b'"x"', b'["a"]', b"NaN"])),
)


@given(fields)
def test_any_entry_of_the_log_is_a_message_or_refused(found: dict[bytes, bytes]) -> None:
    try:
        message = message_of(("room",), found, Position(5, 0))
    except (InvalidValue, KeyError, ValueError):
        return
    assert encode_json(message.data)
    assert check_event(message.event)


@given(st.lists(st.tuples(st.sampled_from([b"5-0", b"7-1"]), fields)), st.binary(max_size=12))
def test_any_entries_of_a_room_are_read_without_the_wrong_ones(found: list[tuple[bytes, Any]], tail: bytes) -> None:
    raw: list[Raw] = [(at, [word for pair in one.items() for word in pair]) for at, one in found]
    kept = room_slice("room", raw, tail)
    assert all(entry.message.rooms and entry.previous <= (entry.message.id or START) for entry in kept.entries)
    assert position_of(tail) in {START, kept.tail}
    assert all(fields_of(flat) == one for (_, flat), (_, one) in zip(raw, found, strict=True))


@given(st.text(max_size=80), st.integers(0, 200), st.text(max_size=3))
def test_a_ticket_that_was_changed_anywhere_says_the_same_or_nothing(user: str, at: int, other: str) -> None:
    tickets = Tickets(lambda: ["secret"])
    user = user.encode("utf-8", "ignore").decode()
    ticket = tickets.issue(user, ["lobby"], expires=60)
    said = tickets.read(ticket)
    assert said.user == user
    with contextlib.suppress(Unauthorized):
        # Base64 has several spellings of the same bytes.
        assert tickets.read(ticket[:at] + other + ticket[at + 1 :]) == said
    with pytest.raises(Unauthorized):
        Tickets(lambda: ["another"]).read(ticket)


@given(st.text(max_size=60))
def test_no_text_is_a_ticket(text: str) -> None:
    with pytest.raises(RealtimeError):
        Tickets(lambda: ["secret"]).read(text)


@given(st.text(max_size=60))
def test_an_origin_is_brought_to_its_normal_form_once_or_refused(text: str) -> None:
    try:
        normal = normal_origin(text)
    except ValueError:
        return
    assert normal_origin(normal) == normal


@given(
    st.one_of(st.text(max_size=40), names.map(lambda name: f"http://{name}"), st.just("http://example.com.evil.org"))
)
def test_an_origin_that_is_not_in_the_list_is_not_let_in(origin: str) -> None:
    environ = {"HTTP_ORIGIN": origin, "HTTP_HOST": "example.com", "wsgi.url_scheme": "http"}
    if origin and is_allowed(environ, frozenset()):
        assert normal_origin(origin) == "http://example.com"
