"""Socket.IO protocol 5: connecting to namespaces, events, acknowledgements, attachments, and what is no packet."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.support.engine import SECONDS, Closed, Frames, Polling
from tests.support.processes import eventually

Packet = str | bytes


class OverWebSocket:
    """A client; ``packets`` are Engine.IO messages without their type."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def send(self, *packets: Packet) -> None:
        """Send."""
        self._frames.send(*(f"4{one}" if isinstance(one, str) else one for one in packets))

    def next(self) -> Packet:
        """The next packet."""
        packet = self._frames.next()
        return packet[1:] if isinstance(packet, str) else packet

    def refused(self) -> None:
        """Wait until the server has closed the session."""
        assert self._frames.closed().code == 1002


class OverPolling:
    """The same over long polling."""

    def __init__(self, session: Polling) -> None:
        self._session = session
        self._got: list[str] = []
        self._status = 200

    def send(self, *packets: Packet) -> None:
        """Send, in one payload."""

        texts = [f"4{one}" if isinstance(one, str) else "b" + base64.b64encode(one).decode() for one in packets]
        self._status = self._session.post("\x1e".join(texts)).status_code

    def next(self) -> Packet:
        """The next packet."""

        if not self._got:
            self._got = self._session.poll()
        packet = self._got.pop(0)
        return packet[1:] if packet[0] == "4" else base64.b64decode(packet[1:])

    def refused(self) -> None:
        """The server has closed the session."""
        assert self._status == 400
        assert self._session.get().status_code == 400


Client = OverWebSocket | OverPolling


@pytest.fixture(params=["websocket", "polling", "upgraded"])
def opened(request: pytest.FixtureRequest, slow: str) -> Iterator[Callable[[], Client]]:
    """Opens sessions that are connected to nothing yet, on each transport."""
    with ExitStack() as stack:

        def open_one() -> Client:
            if request.param == "websocket":
                frames = stack.enter_context(Frames(slow))
                frames.opening()
                return OverWebSocket(frames)
            session = Polling(slow)
            if request.param == "polling":
                return OverPolling(session)
            frames = stack.enter_context(Frames(slow, sid=session.sid))
            frames.send("2probe")
            assert frames.receive() == "3probe"
            frames.send("5")
            return OverWebSocket(frames)

        yield open_one


@pytest.fixture
def client(opened: Callable[[], Client]) -> Client:
    """A session that is connected to nothing."""
    return opened()


@pytest.fixture
def member(opened: Callable[[], Client]) -> Client:
    """A client of the default namespace."""
    one = opened()
    greet(one)
    return one


def greet(client: Client, namespace: str = "", auth: str = "") -> None:
    """CONNECT, and what the application sends from its handler: in this order."""
    client.send(f"0{namespace}{auth}")
    answer = client.next()
    assert isinstance(answer, str)
    assert answer.startswith(f'0{namespace}{{"sid":')
    sid = json.loads(answer[1 + len(namespace) :])
    assert set(sid) == ({"sid"} if namespace else {"sid", "pid"})
    assert isinstance(sid["sid"], str)
    assert client.next() == f'2{namespace}["auth",{auth or "{}"}]'


@pytest.mark.parametrize("auth", ["", '{"token":"123"}'])
@pytest.mark.parametrize("namespace", ["", "/custom,"])
def test_connecting_to_a_namespace(client: Client, namespace: str, auth: str) -> None:
    greet(client, namespace, auth)


def test_a_namespace_may_end_the_packet_and_carry_a_query(client: Client) -> None:
    client.send("0/custom?token=abc")
    assert str(client.next()).startswith('0/custom,{"sid":')


@pytest.mark.parametrize("namespace", ["/random", "/custom/", "/CUSTOM"])
def test_an_unknown_namespace_is_refused_with_an_object(client: Client, namespace: str) -> None:
    client.send(f"0{namespace},")
    assert client.next() == f'4{namespace},{{"message":"Invalid namespace"}}'
    greet(client)


def test_what_a_handler_refuses_is_told_with_an_object(client: Client) -> None:
    client.send('0{"how":"refused"}')
    assert client.next() == '4{"message":"Connection rejected by server"}'
    greet(client)


def test_a_handler_that_fails_is_told_and_not_waited_for(client: Client) -> None:
    client.send('0{"how":"fails"}')
    assert client.next() == '4{"message":"the server failed; it was logged"}'
    greet(client)


@pytest.mark.parametrize(
    ("how", "event"), [("room", "to-room"), ("everybody", "to-all")], ids=["to a room", "to everybody"]
)
def test_connect_is_answered_before_the_first_event(client: Client, how: str, event: str) -> None:
    client.send(f'0{{"how":"{how}"}}')
    assert str(client.next()).startswith('0{"sid":')
    names = [json.loads(str(client.next())[1:])[0] for _ in range(2)]
    assert sorted(names) == sorted([event, "auth"])


def test_who_was_greeted_before_it_is_refused_is_disconnected(client: Client) -> None:
    client.send('0{"how":"turned away"}')
    assert str(client.next()).startswith('0{"sid":')
    assert client.next() == '2["auth",{"how":"turned away"}]'
    assert client.next() == "1"


def test_what_everybody_gets_does_not_reach_who_is_not_accepted_yet(opened: Callable[[], Client]) -> None:
    member, newcomer = opened(), opened()
    greet(member)

    def told() -> bool:
        member.send('2["tell","early"]')
        return member.next() == '2["told","early"]'

    newcomer_connects = '0{"how":"slow"}'
    if isinstance(newcomer, OverWebSocket):
        newcomer.send(newcomer_connects)
        assert told()
    else:
        # A POST is answered when its packets are handled.

        posting = threading.Thread(target=newcomer.send, args=(newcomer_connects,))
        posting.start()
        assert told()
        posting.join()
    assert str(newcomer.next()).startswith('0{"sid":')
    assert newcomer.next() == '2["auth",{"how":"slow"}]'


def test_leaving_the_main_namespace_keeps_the_session(member: Client) -> None:
    member.send("1")
    greet(member)


def test_leaving_another_namespace_keeps_the_main_one(member: Client) -> None:
    greet(member, "/custom,")
    member.send("1/custom,", '2["message","to main"]')
    assert member.next() == '2["message-back","to main"]'


def test_events_for_a_namespace_that_was_left_are_left_out(member: Client) -> None:
    greet(member, "/custom,")
    member.send("1/custom,", '2/custom,["message",1]', '2["message",2]')
    assert member.next() == '2["message-back",2]'


@pytest.mark.parametrize("packet", ['2["message",1]', '21["message-with-ack",1]', "31[1]", '2/custom,["message",1]'])
def test_nothing_comes_before_connect(client: Client, packet: str) -> None:
    client.send(packet)
    client.refused()


def test_connecting_twice_closes_the_session(member: Client) -> None:
    greet(member, "/custom,")
    member.send("0/custom,")
    member.refused()


def test_a_namespace_that_was_never_connected_is_passed_over_by_who_is_connected_elsewhere(member: Client) -> None:
    member.send('2/custom,["message",1]', "1/custom,", '2["message",2]')
    assert member.next() == '2["message-back",2]'


def test_a_server_disconnects_from_the_namespace_alone(member: Client) -> None:
    greet(member, "/custom,")
    member.send('2["go"]')
    assert member.next() == "1"
    member.send('2/custom,["message",1]')
    assert member.next() == '2/custom,["message-back",1]'


def test_an_event(member: Client) -> None:
    member.send('2["message",1,"2",{"3":[true,null,1.5]}]')
    assert member.next() == '2["message-back",1,"2",{"3":[true,null,1.5]}]'


def test_an_event_of_another_namespace(member: Client) -> None:
    greet(member, "/custom,")
    member.send('2/custom,["message",1]')
    assert member.next() == '2/custom,["message-back",1]'


@pytest.mark.parametrize("number", ["0", "456", "9007199254740991"])
def test_an_event_with_an_acknowledgement(member: Client, number: str) -> None:
    member.send(f'2{number}["message-with-ack",1,"2",{{"3":[false]}}]')
    assert member.next() == f'3{number}[1,"2",{{"3":[false]}}]'


PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


def test_an_event_with_attachments(member: Client) -> None:
    member.send(f'52-["message",{PLACEHOLDERS}]', b"\x01\x02\x03", b"\x04\x05\x06")
    assert member.next() == f'52-["message-back",{PLACEHOLDERS}]'
    assert [member.next(), member.next()] == [b"\x01\x02\x03", b"\x04\x05\x06"]


def test_attachments_with_an_acknowledgement_in_another_namespace(member: Client) -> None:
    greet(member, "/custom,")
    member.send(f'52-/custom,789["message-with-ack",{PLACEHOLDERS}]', b"\x01", b"")
    assert member.next() == f"62-/custom,789[{PLACEHOLDERS}]"
    assert [member.next(), member.next()] == [b"\x01", b""]


def test_a_binary_event_without_attachments(member: Client) -> None:
    member.send('50-["message",1]')
    assert member.next() == '2["message-back",1]'


def test_ten_attachments_and_not_one_more(member: Client) -> None:
    member.send('510-["message",{"_placeholder":true,"num":9}]', *(bytes([number]) for number in range(10)))
    assert member.next() == '51-["message-back",{"_placeholder":true,"num":0}]'
    assert member.next() == b"\x09"
    member.send('511-["message",{"_placeholder":true,"num":0}]')
    member.refused()


DEEP = "[" * 5000 + "]" * 5000
BAD: list[tuple[Packet, ...]] = [
    ("abc",),
    ("",),
    ("7",),
    ("9[]",),
    ("4{}",),
    ('4{"message":"I refuse you"}',),
    # CONNECT and DISCONNECT
    ("0",),
    ("0abc",),
    ('0"token"',),
    ("0[1]",),
    ("07",),
    ("1{}",),
    ("1[]",),
    # events
    ("2",),
    ("2{}",),
    ("2[]",),
    ("2[1]",),
    ("2[null]",),
    ('2"message"',),
    ('2["message"',),
    ('2abc["message"]',),
    ('2-1["message"]',),
    ('2999999999999999999999999["message"]',),
    ('21-["message"]',),
    ('2["connect"]',),
    ('2["disconnect"]',),
    ('2["connect_error"]',),
    ('2["newListener"]',),
    (f'2["message",{DEEP}]',),
    ('2["message",' + "[" * 60_000,),
    ('2["message",' + '{"a":' * 5000 + "1" + "}" * 5000 + "]",),
    (f'2["publish",{{"room":"r","data":{DEEP}}}]',),
    (f'0/custom,{{"a":{DEEP}}}',),
    # acknowledgements
    ("3",),
    ("3[]",),
    ("31{}",),
    # attachments
    (b"\x01",),
    ('5["message"]',),
    ('5-["message"]',),
    ('51000000-["message",{"_placeholder":true,"num":0}]',),
    ('59999999999-["message"]',),
    ('51-["message",{"_placeholder":true,"num":0}]', '2["message",1]'),
    ('51-["message",{"_placeholder":true,"num":1}]', b"\x01"),
    ('51-["message",{"_placeholder":true,"num":-1}]', b"\x01"),
    ('51-["message",{"_placeholder":true,"num":"0"}]', b"\x01"),
    ('51-["message",{"_placeholder":true}]', b"\x01"),
    ('51-["message",{"_placeholder":true,"num":0}]', b"\x01", b"\x02"),
    ('51-/nowhere,["message",{"_placeholder":true,"num":0}]',),
]


@pytest.mark.parametrize("packets", BAD, ids=[str(one[0][:24]) + f" ({len(one)})" for one in BAD])
def test_what_is_no_packet_closes_the_session_and_no_other(opened: Callable[[], Client], packets: Any) -> None:
    honest, member = opened(), opened()
    greet(honest)
    greet(member)
    member.send(*packets)
    member.refused()
    honest.send('2["message",1]')
    assert honest.next() == '2["message-back",1]'


def test_a_connect_handler_cannot_be_run_by_an_event(member: Client) -> None:
    member.send('2["connect",{"how":"room"}]')
    member.refused()


def test_an_unasked_acknowledgement_is_left_out(member: Client) -> None:
    member.send("3123[1]", '2["message",2]')
    assert member.next() == '2["message-back",2]'


def test_deep_data_below_the_bound_passes(member: Client) -> None:
    deep = "[" * 90 + "]" * 90
    brackets = json.dumps("[" * 500 + '\\"' * 500)
    member.send(f'2["message",{deep},{brackets}]')
    assert member.next() == f'2["message-back",{deep},{brackets}]'


def test_nothing_remains_of_closed_sessions(slow: str) -> None:
    with Frames(slow) as frames:
        sid = frames.opening()["sid"]
        frames.connect()
        frames.send("4abc")
        with pytest.raises(Closed):
            frames.next()
        eventually(
            lambda: sid not in requests.get(f"{slow}/sessions", timeout=SECONDS).json(), what="the end of the session"
        )
