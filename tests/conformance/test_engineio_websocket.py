"""Engine.IO protocol 4 over a WebSocket, and "Upgrade" from polling to one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.engine import Closed, Frames, Polling, Waiting
from tests.support.processes import eventually


def upgraded(session: Polling) -> Frames:
    """Change a session to a WebSocket."""
    frames = Frames(session.base, sid=session.sid)
    frames.send("2probe")
    assert frames.receive() == "3probe"
    frames.send("5")
    return frames


def test_text_and_bytes_both_ways(slow: str) -> None:
    with Frames(slow) as frames:
        frames.opening()
        frames.connect()
        frames.send('42["message","hello"]')
        assert frames.next() == '42["message-back","hello"]'
        frames.send('451-["message",{"_placeholder":true,"num":0}]', b"\x01\x02")
        assert frames.next() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert frames.next() == b"\x01\x02"


@pytest.mark.parametrize("packet", ["abc", "9", "0{}", "2", "2probe", "5", "6", "\u0664x", "", "4", b"\x01", b""])
def test_what_is_no_packet_closes_it_and_no_other(slow: str, packet: str | bytes) -> None:
    with Frames(slow) as honest, Frames(slow) as frames:
        for one in (honest, frames):
            one.opening()
            one.connect()
        frames.send(packet)
        assert frames.closed().code == 1002
        honest.send('42["message",1]')
        assert honest.next() == '42["message-back",1]'


def test_the_server_pings_and_the_client_pongs(quick: str) -> None:
    with Frames(quick) as frames:
        frames.opening()
        frames.connect()
        for _ in range(4):
            began = time.monotonic()
            assert frames.receive() == "2"
            assert time.monotonic() - began < 0.75
            frames.send("3")


def test_a_client_that_answers_no_ping_is_closed(quick: str) -> None:
    with Frames(quick) as frames:
        frames.opening()
        frames.connect()
        began = time.monotonic()
        with pytest.raises(Closed):
            list(iter(frames.receive, None))
        assert time.monotonic() - began < 2


def test_close_ends_it(slow: str) -> None:
    with Frames(slow) as frames:
        frames.opening()
        frames.send("1")
        assert frames.closed().code == 1000


def test_a_client_that_does_not_connect_to_a_namespace_is_dropped(quick: str) -> None:
    with Frames(quick) as frames:
        frames.opening()
        began = time.monotonic()
        with pytest.raises(Closed, match="no CONNECT in time"):
            list(iter(frames.next, None))
        assert 0.8 < time.monotonic() - began < 3


def test_a_refused_client_is_dropped_too(quick: str) -> None:
    with Frames(quick) as frames:
        frames.opening()
        frames.send('40{"how":"refused"}')
        assert str(frames.next()).startswith("44")
        with pytest.raises(Closed, match="no CONNECT in time"):
            list(iter(frames.next, None))


def test_an_upgrade(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with Frames(slow, sid=session.sid) as frames:
        assert frames.status == 101
        frames.send("2probe")
        assert frames.receive() == "3probe"
        # Whatever polls now is sent away, so that the client can be sure that nothing is on its way.
        assert session.get().text == "6"
        assert session.get(t="again").text == "6"
        frames.send("5", '42["message","hello"]')
        # Nothing comes in between: no NOOP is left over.
        assert frames.receive() == '42["message-back","hello"]'


@pytest.mark.parametrize("answers", [True, False], ids=["after the answer to its probe", "in one go"])
def test_a_poll_that_still_waits_is_ended_by_the_upgrade_and_costs_the_websocket_nothing(
    slow: str, answers: bool
) -> None:
    # The client need not have that poll's answer before it sends UPGRADE. Which one is first is chance.
    for _ in range(4):
        session = Polling(slow)
        session.connect()
        waiting = Waiting(session)
        with Frames(slow, sid=session.sid) as frames:
            frames.send("2probe", *([] if answers else ["5"]))
            assert frames.receive() == "3probe"
            frames.send(*(["5"] if answers else []), '42["message","hello"]')
            assert waiting.text() == "6"
            assert frames.receive() == '42["message-back","hello"]'


def test_what_waited_for_a_poll_comes_over_the_websocket(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with Frames(slow, sid=session.sid) as frames:
        frames.send("2probe")
        assert frames.receive() == "3probe"
        assert session.post('42["message",1]').text == "ok"
        frames.send("5")
        assert frames.receive() == '42["message-back",1]'


def test_heartbeats_go_on_after_an_upgrade(quick: str) -> None:
    session = Polling(quick)
    session.connect()
    with upgraded(session) as frames:
        for _ in range(3):
            assert frames.receive() == "2"
            frames.send("3")


def test_a_client_that_answers_no_ping_after_an_upgrade_is_closed(quick: str) -> None:
    session = Polling(quick)
    session.connect()
    with upgraded(session) as frames:
        frames.closed()
    assert session.get().status_code == 400


def test_polling_is_over_after_an_upgrade(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with upgraded(session) as frames:
        eventually(lambda: session.get().status_code == 400, what="the end of polling")
        assert session.post('42["message",0]').status_code == 400
        frames.send('42["message",1]')
        assert frames.receive() == '42["message-back",1]'


def test_a_second_websocket_of_a_session_is_refused(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with upgraded(session) as frames:
        frames.send('42["message",1]')
        assert frames.receive() == '42["message-back",1]'
        with Frames(slow, sid=session.sid) as second:
            assert second.status == 400
        frames.send('42["message",2]')
        assert frames.receive() == '42["message-back",2]'


def test_a_second_websocket_during_the_probe_is_refused(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with Frames(slow, sid=session.sid) as first:
        first.send("2probe")
        assert first.receive() == "3probe"
        with Frames(slow, sid=session.sid) as second:
            assert second.status == 400
        first.send("5", '42["message",1]')
        assert first.receive() == '42["message-back",1]'


def test_a_session_that_began_on_a_websocket_takes_no_other(slow: str) -> None:
    with Frames(slow) as frames:
        sid = frames.opening()["sid"]
        frames.connect()
        with Frames(slow, sid=sid) as second:
            assert second.status == 400
        frames.send('42["message",1]')
        assert frames.next() == '42["message-back",1]'


@pytest.mark.parametrize("packet", ["2", "4hello", "5", "abc", b"2probe"])
def test_a_wrong_probe_ends_the_websocket_and_polling_goes_on(slow: str, packet: str | bytes) -> None:
    session = Polling(slow)
    session.connect()
    with Frames(slow, sid=session.sid) as frames:
        frames.send(packet)
        frames.closed()
    assert session.post('42["message",1]').text == "ok"
    assert [one for one in session.poll() if one != "6"] == ['42["message-back",1]']


def test_polling_goes_on_when_the_upgrade_does_not_come(slow: str) -> None:
    session = Polling(slow)
    session.connect()
    with Frames(slow, sid=session.sid) as frames:
        frames.send("2probe")
        assert frames.receive() == "3probe"
    assert session.post('42["message",1]').text == "ok"
    eventually(lambda: '42["message-back",1]' in session.poll(), what="the answer")


def test_attachments_that_do_not_come_end_the_session(quick: str) -> None:
    with Frames(quick) as frames:
        frames.opening()
        frames.connect()
        frames.send('451-["message",{"_placeholder":true,"num":0}]')
        with pytest.raises(Closed, match="attachments did not come"):
            list(iter(frames.next, None))


def test_the_log_says_why_clients_are_dropped_but_not_each_time(start: Any) -> None:
    server = start("gevent", "slow")
    before = server.output.count("client was dropped")
    for _ in range(20):
        with Frames(server.url) as frames:
            frames.opening()
            frames.send("\r\nabc")
            frames.closed()
    server.until("a Socket.IO client was dropped: ")
    assert server.output.count("client was dropped") - before <= 5
