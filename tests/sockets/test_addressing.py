"""Everything that is emitted to somebody in particular, to everybody, or to everybody but somebody.

None of it belongs into a room's log: it reaches exactly those whom it is for, once, and no event stream.
"""

from __future__ import annotations

import pytest
import requests

from tests.support.clients import Got, SocketClient
from tests.support.publishing import path
from tests.support.streams import EventReader

from .deployment import Deployment, binary, inside, several, step


@pytest.fixture
def both(ann: SocketClient, bob: SocketClient, room: str) -> tuple[SocketClient, SocketClient]:
    """The two clients, in the room."""
    ann.join(room)
    bob.join(room)
    return ann, bob


def events(got: list[Got]) -> list[tuple[str, object]]:
    """Names and first arguments."""
    return [(one.event, one.data) for one in got]


def test_an_emit_to_one_client_reaches_only_it_and_is_not_logged(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], room: str
) -> None:
    ann, bob = both
    with EventReader(deployment.here, room) as stream:
        stream.ready()
        for one in (ann, bob):
            deployment.ok(
                step("emit", "private", {"to": one.sid}, to=one.sid),
                step("emit", "several", several(1, 2), room=one.sid),
                step("emit", "nothing", to=one.sid),
                step("emit", "binary", binary(b"\0"), to=one.sid),
                step("send", "hi", to=one.sid),
            )
        of_ann, of_bob = deployment.seen(ann, bob)
        for client, got in ((ann, of_ann), (bob, of_bob)):
            assert [(one.event, one.args) for one in got] == [
                ("private", [{"to": client.sid}]),
                ("several", [1, 2]),
                ("nothing", []),
                ("binary", [b"\0"]),
                ("message", ["hi"]),
            ]
        deployment.ok(step("emit", "last", 1, to=room))
        assert [one.event for one in stream.wait(1)] == ["last"]
    history = requests.get(deployment.here + path(room), timeout=10).json()["messages"]
    assert [one["event"] for one in history] == ["last"]


def test_an_emit_to_several_clients_reaches_each_of_them_once(
    deployment: Deployment, ann: SocketClient, bob: SocketClient
) -> None:
    deployment.ok(step("emit", "private", 1, to=[ann.sid, bob.sid, ann.sid]))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert events(of_ann) == events(of_bob) == [("private", 1)]


def test_a_room_and_a_client_together_reach_each_once(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    ann.join(room)
    deployment.ok(step("emit", "mixed", 1, to=[room, ann.sid, bob.sid]))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert events(of_ann) == events(of_bob) == [("mixed", 1)]


def test_an_emit_without_an_addressee_in_a_handler_answers_the_sender_alone(
    deployment: Deployment, both: tuple[SocketClient, SocketClient]
) -> None:
    ann, bob = both
    assert inside(bob, step("emit", "answer", 1), step("send", "two")) == [None, None]
    of_ann, of_bob = deployment.seen(ann, bob)
    assert of_ann == []
    assert events(of_bob) == [("answer", 1), ("message", "two")]


def test_a_broadcast_reaches_every_client_once(deployment: Deployment, ann: SocketClient, bob: SocketClient) -> None:
    deployment.ok(step("emit", "all", 1), step("emit", "all", binary(b"2")))
    inside(bob, step("emit", "all", 3, broadcast=True), step("send", "four", broadcast=True))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert events(of_ann) == [("all", 1), ("all", b"2"), ("all", 3), ("message", "four")]
    assert of_ann == of_bob


def test_include_self_false_leaves_the_sender_out_on_every_path(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], room: str
) -> None:
    ann, bob = both
    with EventReader(deployment.there, room) as stream:
        stream.ready()
        inside(
            bob,
            step("emit", "room", 1, to=room, include_self=False),
            step("send", "room", to=room, include_self=False),
            step("emit", "all", 2, broadcast=True, include_self=False),
            step("emit", "odd", 3, to=["no such room", room], include_self=False),
        )
        of_ann, of_bob = deployment.seen(ann, bob)
        assert events(of_ann) == [("room", 1), ("message", "room"), ("all", 2), ("odd", 3)]
        assert of_bob == []
        assert [one.event for one in stream.wait(2)] == ["room", "message"]


def test_skip_sid_leaves_out_one_client_or_several(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], room: str
) -> None:
    ann, bob = both
    deployment.ok(
        step("emit", "not bob", 1, to=room, skip_sid=bob.sid),
        step("emit", "not ann", 2, to=room, skip_sid=[ann.sid]),
        step("emit", "neither", 3, to=room, skip_sid=[ann.sid, bob.sid]),
        step("emit", "not bob", 4, skip_sid=bob.sid),
        step("emit", "neither", 5, skip_sid=[ann.sid, bob.sid]),
    )
    of_ann, of_bob = deployment.seen(ann, bob)
    assert events(of_ann) == [("not bob", 1), ("not bob", 4)]
    assert events(of_bob) == [("not ann", 2)]


def test_a_client_that_was_left_out_does_not_get_it_by_replay_either(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], room: str
) -> None:
    ann, bob = both
    start = ann.publish(room, "first")
    deployment.ok(step("emit", "not bob", 1, to=room, skip_sid=bob.sid), step("emit", "both", 2, to=room))
    deployment.seen(ann, bob)
    bob.join(room, after=start)
    (of_bob,) = deployment.seen(bob)
    assert events(of_bob) == [("message", "first"), ("both", 2), ("both", 2)]


def test_other_namespaces_have_rooms_clients_and_broadcasts_of_their_own(
    deployment: Deployment, both: tuple[SocketClient, SocketClient], room: str
) -> None:
    ann, bob = both
    inside(bob, step("join_room", room), namespace="/news")
    bob_here = bob.sids["/news"]
    deployment.ok(
        step("emit", "room", 1, to=room, namespace="/news"),
        step("emit", "one", 2, to=bob_here, namespace="/news"),
        step("emit", "all", 3, namespace="/news"),
        step("emit", "rest", 4, namespace="/news", skip_sid=bob_here),
        step("emit", "wrong namespace", 5, to=bob.sid, namespace="/news"),
    )
    inside(bob, step("emit", "others", 6, to=room, include_self=False), namespace="/news")
    of_ann, of_bob = deployment.seen(ann, bob, namespace="/news")
    assert of_ann == [Got("all", [3], "/news"), Got("rest", [4], "/news")]
    assert of_bob == [Got("room", [1], "/news"), Got("one", [2], "/news"), Got("all", [3], "/news")]
