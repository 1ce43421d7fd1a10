"""``emit`` and ``send`` to rooms, as Flask-SocketIO users write them, from wherever they write them.

What can be logged reaches Socket.IO clients and event streams of every process with one id and in one order; what
cannot still reaches the Socket.IO clients.
"""

from __future__ import annotations

import json

import pytest

from tests.support.clients import Got, SocketClient
from tests.support.processes import eventually
from tests.support.publishing import Flood
from tests.support.streams import EventReader

from .deployment import Deployment, binary, inside, same, several, step


def emitted(deployment: Deployment, client: SocketClient, where: str, *steps: list[object]) -> None:
    """Do the steps in a view, a background task, or a handler of the client's."""
    if where == "handler":
        assert inside(client, *steps) == [None] * len(steps)
    else:
        deployment.ok(*steps, where=where)


@pytest.fixture
def stream(deployment: Deployment, room: str) -> EventReader:
    """An event stream of the room, on the other process where there is one."""
    with EventReader(deployment.there, room) as reader:
        reader.ready()
        yield reader


@pytest.fixture
def both(ann: SocketClient, bob: SocketClient, room: str) -> tuple[SocketClient, SocketClient]:
    """The two clients, in the room."""
    ann.join(room)
    bob.join(room)
    return ann, bob


@pytest.mark.parametrize("where", ["view", "background", "handler"])
def test_a_room_emit_reaches_socketio_and_sse_with_the_same_id(
    deployment: Deployment,
    both: tuple[SocketClient, SocketClient],
    stream: EventReader,
    room: str,
    where: str,
) -> None:
    ann, bob = both
    emitted(deployment, ann, where, step("emit", "news", {"text": "hé \u2028"}, to=room))
    (of_ann,), (of_bob,) = deployment.seen(ann, bob)
    assert of_ann == of_bob == Got("news", [{"text": "hé \u2028"}, of_ann.id])
    same(stream, [of_ann])


@pytest.mark.parametrize("where", ["view", "background", "handler"])
def test_send_is_an_emit_of_message_or_of_json(
    deployment: Deployment,
    both: tuple[SocketClient, SocketClient],
    stream: EventReader,
    room: str,
    where: str,
) -> None:
    ann, bob = both
    emitted(deployment, ann, where, step("send", "hi", to=room), step("send", {"a": 1}, json=True, to=room))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert [(one.event, one.data) for one in of_ann] == [("message", "hi"), ("json", {"a": 1})]
    assert of_ann == of_bob
    same(stream, of_ann)


def test_emits_from_different_places_arrive_everywhere_in_one_order(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], stream: EventReader, room: str
) -> None:
    ann, bob = both
    for number in range(0, 60, 6):
        deployment.ok(*(step("emit", "n", number + i, to=room) for i in (0, 1)))
        inside(bob, *(step("emit", "n", number + i, to=room) for i in (2, 3)))
        ann.publish(room, number + 4, event="n")
        deployment.do(step("publish", room, number + 5, event="n"), where="background", at=deployment.there)
    of_ann, of_bob = deployment.seen(ann, bob)
    assert [one.data for one in of_ann] == list(range(60))
    assert of_ann == of_bob
    same(stream, of_ann)


def test_a_tuple_is_several_arguments_and_nothing_is_none(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], stream: EventReader, room: str
) -> None:
    ann, bob = both
    deployment.ok(
        step("emit", "three", several(1, "two", {"3": [None]}), to=room),
        step("emit", "none", to=room),
        step("emit", "empty", several(), to=room),
        step("emit", "list", [1, 2], to=room),
    )
    of_ann, of_bob = deployment.seen(ann, bob)
    assert [one.args[:-1] for one in of_ann] == [[1, "two", {"3": [None]}], [], [], [[1, 2]]]
    assert of_ann == of_bob
    assert [one.data for one in stream.wait(4)] == ['[1,"two",{"3":[null]}]', "null", "null", "[1,2]"]
    assert stream.ids == [one.id for one in of_ann]


def test_an_emit_to_several_rooms_reaches_each_client_once_under_one_id(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    first, second = f"{room}-1", f"{room}-2"
    ann.join(first)
    ann.join(second)
    bob.join(second)
    with EventReader(deployment.here, first, second) as wide, EventReader(deployment.there, first) as narrow:
        wide.ready()
        narrow.ready()
        deployment.ok(step("emit", "news", 1, to=[first, second]), step("emit", "news", 2, to=[second, second]))
        of_ann, of_bob = deployment.seen(ann, bob)
        assert [one.data for one in of_ann] == [1, 2]
        assert of_ann == of_bob
        same(wide, of_ann)
        same(narrow, of_ann[:1])


def test_whoever_is_not_in_the_room_gets_nothing(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    ann.join(room)
    deployment.ok(step("emit", "news", 1, to=room))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert [one.data for one in of_ann] == [1]
    assert of_bob == []


def test_binary_data_reaches_the_rooms_socketio_clients_but_no_stream(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], stream: EventReader, room: str
) -> None:
    ann, bob = both
    deployment.ok(
        step("emit", "picture", {"png": binary(b"\x89PNG\0"), "more": [binary(b""), 1]}, to=room),
        step("emit", "pair", several(binary(b"a"), "b"), to=room),
        step("emit", "text", "after", to=room),
    )
    of_ann, of_bob = deployment.seen(ann, bob)
    assert of_ann == of_bob
    assert [(one.event, one.args) for one in of_ann[:2]] == [
        ("picture", [{"png": b"\x89PNG\0", "more": [b"", 1]}]),
        ("pair", [b"a", "b"]),
    ]
    same(stream, of_ann[2:])


def test_binary_data_over_long_polling_is_whole(deployment: Deployment, connect: type[SocketClient], room: str) -> None:
    client = connect(deployment.there, "polling")
    client.join(room)
    deployment.ok(step("emit", "pair", several(binary(b"a" * 3000), binary(b"b")), to=room))
    ((got,),) = deployment.seen(client)
    assert got.args == [b"a" * 3000, b"b"]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_binary_data_stays_whole_while_the_room_is_busy(
    deployment: Deployment, connect: type[SocketClient], transport: str, room: str
) -> None:
    """A packet and its attachments are several; the client would fail if anything came in between."""
    client = connect(deployment.there, transport)
    client.join(room)
    pair = several(binary(b"a"), {"b": binary(b"b")})
    with Flood(deployment.here, room) as flood:
        flood.wait(10)
        for _ in range(10):
            deployment.ok(*[step("emit", "pair", pair, to=room), step("emit", "pair", pair, to=client.sid)] * 5)
    deployment.seen(client)
    assert [one.args for one in client.named("pair")] == [[b"a", {"b": b"b"}]] * 100
    assert [one.id for one in client.named("message")] == flood.ids


@pytest.mark.parametrize("odd", [5, 2.5, True, "room 1", "a,b", "ünd*", "x" * 129])
def test_rooms_with_odd_names_still_work_between_socketio_clients(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, odd: object
) -> None:
    inside(ann, step("join_room", odd))
    inside(bob, step("join_room", odd))
    deployment.ok(step("emit", "one", 1, to=odd), step("leave_room", bob.sid, odd), step("emit", "two", 2, to=odd))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert of_ann == [Got("one", [1]), Got("two", [2])]
    assert of_bob == [Got("one", [1])]
    deployment.ok(step("close_room", odd), step("emit", "three", 3, to=odd))
    assert deployment.seen(ann) == [of_ann]


def test_a_data_that_is_too_large_for_a_message_is_refused_where_it_is_emitted(
    deployment: Deployment, ann: SocketClient, room: str
) -> None:
    ann.join(room)
    (result,) = deployment.do(step("emit", "news", "x" * 70_000, to=room))
    assert result.startswith("MessageTooLarge: the data is 70002 bytes")
    assert deployment.seen(ann) == [[]]


def test_a_stream_in_envelopes_is_told_of_its_own_rooms_only(deployment: Deployment, room: str) -> None:
    mine, also, secret = f"{room}/a", f"{room}/b", f"{room}/secret"
    with (
        EventReader(deployment.here, mine, envelope="true") as one,
        EventReader(deployment.there, mine, also, envelope="true") as two,
        EventReader(deployment.here, secret, envelope="true") as three,
    ):
        for stream in (one, two, three):
            stream.ready()
        for number in range(3):
            deployment.ok(step("emit", "message", number, to=[mine, secret, also]))
        for stream, rooms in ((one, [mine]), (two, [mine, also]), (three, [secret])):
            eventually(lambda stream=stream: len(stream.events) >= 4, what="the messages")
            got = [json.loads(event.data) for event in stream.events if event.event == "realtime.message"]
            assert got == [{"event": "message", "rooms": rooms, "data": number} for number in range(3)]
    with EventReader(deployment.there, also, secret, envelope="true", history=1) as late:
        eventually(lambda: len(late.events) >= 2, what="what was kept")
        assert json.loads(late.events[-1].data)["rooms"] == [secret, also]
