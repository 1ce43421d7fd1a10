"""RFC 6455 over real servers: a WebSocket from the first byte, and one that a session was upgraded to."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Frames, Polling, client_frame
from tests.support.processes import eventually, start_gevent, start_threads

from .conftest import APP

BACK = '42["message-back",1]'
EVENT = '42["message",1]'


@pytest.fixture(params=["gevent", "threads", "gevent without epoll"])
def slow(request: pytest.FixtureRequest, start: Any) -> str:
    """Also where sockets cannot be handed over (TLS, other systems)."""
    return str(start(request.param, "slow").url)


@pytest.fixture(params=["websocket", "upgraded"])
def opened(request: pytest.FixtureRequest, slow: str) -> Iterator[Callable[[], Frames]]:
    """Opens WebSockets of connected clients."""
    with ExitStack() as stack:

        def open_one() -> Frames:
            if request.param == "websocket":
                frames = stack.enter_context(Frames(slow))
                frames.opening()
            else:
                session = Polling(slow)
                frames = stack.enter_context(Frames(slow, sid=session.sid))
                frames.send("2probe")
                assert frames.receive() == "3probe"
                frames.send("5")
            frames.connect()
            return frames

        yield open_one


@pytest.fixture
def member(opened: Callable[[], Frames]) -> Frames:
    """A connected client."""
    return opened()


def test_a_message_in_fragments_with_control_frames_in_between(member: Frames) -> None:
    text = '42["message","\u20ac"]'.encode()
    for number, byte in enumerate(text):
        last = number == len(text) - 1
        member.write(client_frame(bytes([byte]), CONTINUATION if number else TEXT, fin=last))
        member.write(client_frame(bytes([number]), PING))
    pongs = []
    while (frame := member.frame())[0] == PONG:
        pongs.append(frame[1])
    assert frame[0] == TEXT
    assert json.loads(frame[1][2:]) == ["message-back", "\u20ac"]
    while len(pongs) < len(text):
        opcode, data = member.frame()
        assert opcode == PONG
        pongs.append(data)
    assert pongs == [bytes([number]) for number in range(len(text))]


def test_several_messages_in_one_piece_and_one_message_byte_by_byte(member: Frames) -> None:
    # Each event has a task of its own, so that their answers may come in any order.
    member.write(b"".join(client_frame(f'42["message",{number}]') for number in range(20)))
    assert sorted(str(member.next()) for _ in range(20)) == sorted(f'42["message-back",{n}]' for n in range(20))
    for byte in client_frame(EVENT):
        member.write(bytes([byte]))
    assert member.next() == BACK


def test_empty_fragments_and_a_pong_that_nobody_asked_for_are_harmless(member: Frames) -> None:
    member.write(client_frame(b"", TEXT, fin=False) + client_frame(b"hi", PONG) + client_frame(b"", 0, fin=False))
    member.write(client_frame(EVENT.encode(), CONTINUATION))
    assert member.next() == BACK


@pytest.mark.parametrize("size", [0, 125])
def test_a_ping_is_answered_with_what_it_carried(member: Frames, size: int) -> None:
    data = os.urandom(size)
    member.write(client_frame(data, PING))
    assert member.frame() == (PONG, data)


@pytest.mark.parametrize("length", [126, 65_535, 65_536, 500_000])
def test_messages_of_every_length(member: Frames, length: int) -> None:
    data = "x" * (length - 14 - 2)
    member.send(f'42["message","{data}"]')
    assert member.next() == f'42["message-back","{data}"]'


BROKEN = {
    "an unmasked frame": (client_frame(EVENT, masked=False), 1002),
    "reserved bit 1": (client_frame(EVENT, reserved=0x40), 1002),
    "reserved bit 2": (client_frame(EVENT, reserved=0x20), 1002),
    "reserved bit 3": (client_frame(EVENT, reserved=0x10), 1002),
    "reserved opcode 3": (client_frame(b"x", 3), 1002),
    "reserved opcode 7": (client_frame(b"x", 7), 1002),
    "reserved opcode 11": (client_frame(b"x", 11), 1002),
    "reserved opcode 15": (client_frame(b"x", 15), 1002),
    "a ping of 126 bytes": (client_frame(b"x" * 126, PING), 1002),
    "a fragmented ping": (client_frame(b"x", PING, fin=False), 1002),
    "a fragmented close": (client_frame(b"", CLOSE, fin=False), 1002),
    "a continuation of nothing": (client_frame(b"x", CONTINUATION), 1002),
    "a new message within another": (client_frame(b"x", TEXT, fin=False) + client_frame(b"y", TEXT), 1002),
    "text that is not UTF-8": (client_frame(b"4\xff", TEXT), 1007),
    "a surrogate": (client_frame(b"4\xed\xa0\x80", TEXT), 1007),
    "UTF-8 that ends early": (client_frame(b"4\xe2", TEXT, fin=False) + client_frame(b"\x82", CONTINUATION), 1007),
    "a close of one byte": (client_frame(b"\x03", CLOSE), 1002),
    "a close code that is none": (client_frame((999).to_bytes(2, "big"), CLOSE), 1002),
    "a close code that is never sent": (client_frame((1005).to_bytes(2, "big"), CLOSE), 1002),
    "a close code out of range": (client_frame((5000).to_bytes(2, "big"), CLOSE), 1002),
    "a reason that is not UTF-8": (client_frame(b"\x03\xe8\xff", CLOSE), 1007),
    "a frame that declares 20 MB": (client_frame(b"", TEXT, size=20_000_000), 1009),
    "a frame that declares 2^63 bytes": (client_frame(b"", BINARY, size=2**63), 1009),
    "fragments too large together": (
        client_frame(b"x" * 600_000, TEXT, fin=False) + client_frame(b"x" * 600_000, CONTINUATION, fin=False),
        1009,
    ),
    "fragments without end": (client_frame(b"", TEXT, fin=False) + client_frame(b"", 0, fin=False) * 1100, 1009),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_closed_with_its_code_and_nobody_else_is(opened: Callable[[], Frames], name: str) -> None:
    honest, broken = opened(), opened()
    data, code = BROKEN[name]
    broken.write(data)
    assert broken.closed().code == code
    honest.send(EVENT)
    assert honest.next() == BACK


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_a_goodbye_is_answered_with_its_code(member: Frames, code: int) -> None:
    member.write(client_frame(code.to_bytes(2, "big") + b"bye", CLOSE))
    with pytest.raises(Closed) as closed:
        member.receive()
    assert closed.value.code == code


def test_a_goodbye_without_a_code_is_answered(member: Frames) -> None:
    member.write(client_frame(b"", CLOSE))
    with pytest.raises(Closed) as closed:
        member.receive()
    assert closed.value.code == 1000


def test_nothing_is_handled_after_a_goodbye(opened: Callable[[], Frames]) -> None:
    honest, member = opened(), opened()
    member.write(client_frame(b"\x03\xe8", CLOSE) + client_frame('42["tell","after"]'))
    assert member.closed().code == 1000
    honest.send('42["tell","honest"]')
    assert honest.next() == '42["told","honest"]'


def test_a_large_frame_that_is_really_sent_costs_others_nothing(opened: Callable[[], Frames]) -> None:
    honest, hostile = opened(), opened()
    frame = client_frame(b"x" * 20_000_000)
    hostile.write(frame[:65_536])
    assert hostile.frame()[0] == CLOSE
    longest = 0.0
    for number in range(20):
        with suppress(OSError):  # It may be closed by now.
            hostile.write(frame[65_536 * (number + 1) :][:1_000_000])
        began = time.monotonic()
        honest.send(EVENT)
        assert honest.next() == BACK
        longest = max(longest, time.monotonic() - began)
    assert longest < 0.5


def test_a_peer_that_hangs_up_without_a_word_ends_its_session_only(opened: Callable[[], Frames]) -> None:
    honest, gone = opened(), opened()
    gone.hang_up()
    honest.send(EVENT)
    assert honest.next() == BACK


def test_a_server_that_goes_says_so() -> None:
    server = start_gevent(APP, PING_INTERVAL="25", PING_TIMEOUT="20")
    with Frames(server.url) as frames:
        frames.opening()
        frames.connect()
        server.signal(signal.SIGTERM)
        # No CLOSE packet before it: of that one, python-engineio's client never comes back.
        with pytest.raises(Closed) as closed:
            frames.receive()
        assert closed.value.code == 1001
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_threads_end_with_their_clients() -> None:
    server = start_threads(APP, PING_INTERVAL="0.2", PING_TIMEOUT="0.2")

    def threads() -> int:
        return len(list(Path(f"/proc/{server.popen.pid}/task").iterdir()))

    with Frames(server.url) as first:
        first.opening()
        first.closed()
    before = threads()
    for _ in range(5):
        with Frames(server.url) as frames:
            frames.opening()
            frames.connect()
            frames.hang_up()
    data = "x" * 900_000
    with Frames(server.url) as stalled:
        # It asks for more than the kernel keeps for it, and reads none of it.
        stalled.opening()
        stalled.connect()
        with suppress(OSError):
            for _ in range(20):
                stalled.send(f'42["message","{data}"]')
        eventually(lambda: threads() <= before + 1, what="the end of its threads")
    server.stop()
    assert "Traceback" not in server.output, server.output
