"""Who is in which room, who is connected: changed from anywhere for any client, and always after what was said before.

An emit that an application made before it took a client out of a room, or disconnected it, still reaches the client;
one that it made before it let a client in does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests

from tests.support.clients import ACK, DISCONNECTED, Got, SocketClient
from tests.support.processes import eventually

from .deployment import Deployment, inside, step

Connect = Callable[..., SocketClient]


def data(got: list[Got]) -> list[object]:
    """First arguments."""
    return [one.data for one in got]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_another_client_is_put_into_a_room_and_taken_out(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, namespace: str
) -> None:
    there, more = bob.sids[namespace], {"namespace": namespace}
    assert (
        inside(
            ann,
            step("emit", "n", 1, to=room),
            step("join_room", room, sid=there),
            step("emit", "n", 2, to=room),
            step("leave_room", room, sid=there),
            step("emit", "n", 3, to=room),
            namespace=namespace,
        )
        == [None] * 5
    )
    deployment.ok(
        step("join_room", there, room, **more),
        step("emit", "n", 4, to=room, **more),
        step("leave_room", there, room, **more),
        step("emit", "n", 5, to=room, **more),
        where="background",
    )
    of_ann, of_bob = deployment.seen(ann, bob, namespace=namespace)
    assert data(of_ann) == []
    assert data(of_bob) == [2, 4]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_a_client_gets_what_was_emitted_before_it_entered_never_and_before_it_left_always(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, namespace: str
) -> None:
    for client in (ann, bob):
        assert (
            inside(
                client,
                step("emit", "before", 1, to=room),
                step("join_room", room),
                step("emit", "within", 2, to=room),
                step("leave_room", room),
                step("emit", "after", 3, to=room),
                namespace=namespace,
            )
            == [None] * 5
        )
    of_ann, of_bob = deployment.seen(ann, bob, namespace=namespace)
    assert [one.event for one in of_ann] == [one.event for one in of_bob] == ["within"]


def test_entering_twice_and_leaving_a_room_one_is_not_in_are_harmless(
    deployment: Deployment, ann: SocketClient, room: str
) -> None:
    inside(ann, step("leave_room", room), step("join_room", room), step("join_room", room))
    deployment.ok(step("emit", "n", 1, to=room))
    inside(ann, step("leave_room", room), step("leave_room", room))
    deployment.ok(step("emit", "n", 2, to=room))
    (got,) = deployment.seen(ann)
    assert data(got) == [1]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_closing_a_room_empties_it_everywhere_after_what_was_emitted_before(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, namespace: str
) -> None:
    for client in (ann, bob):
        inside(client, step("join_room", room), step("join_room", f"{room}-2"), namespace=namespace)
    deployment.ok(
        step("emit", "n", 1, to=room, namespace=namespace),
        step("close_room", room, namespace=namespace),
        step("emit", "n", 2, to=room, namespace=namespace),
        step("emit", "n", 3, to=f"{room}-2", namespace=namespace),
    )
    of_ann, of_bob = deployment.seen(ann, bob, namespace=namespace)
    assert data(of_ann) == data(of_bob) == [1, 3]
    for client in (ann, bob):
        (rooms,) = inside(client, step("rooms"), namespace=namespace)
        assert sorted(rooms) == sorted([f"{room}-2", client.sids[namespace]])


def test_a_closed_room_can_be_entered_again(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    ann.join(room)
    inside(ann, step("close_room", room), step("emit", "n", 1, to=room), step("join_room", room))
    bob.join(room)
    deployment.ok(step("emit", "n", 2, to=room))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert data(of_ann) == data(of_bob) == [2]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_rooms_lists_what_a_client_has_entered_and_its_own(
    deployment: Deployment, ann: SocketClient, room: str, namespace: str
) -> None:
    sid = ann.sids[namespace]
    inside(ann, step("join_room", room), step("join_room", 5), namespace=namespace)
    (within,) = inside(ann, step("rooms"), namespace=namespace)
    (outside,) = deployment.do(step("rooms", sid, namespace=namespace))
    assert set(within) == set(outside) == {sid, room, 5}
    inside(ann, step("leave_room", 5), namespace=namespace)
    assert set(inside(ann, step("rooms"), namespace=namespace)[0]) == {sid, room}


def test_joining_by_the_contract_and_by_the_application_is_the_same_membership(
    deployment: Deployment, ann: SocketClient, room: str
) -> None:
    ann.join(room)
    inside(ann, step("join_room", f"{room}-2"))
    assert set(inside(ann, step("rooms"))[0]) == {ann.sid, room, f"{room}-2"}
    assert ann.ask("leave", {"room": f"{room}-2"}) == {"ok": True}
    inside(ann, step("leave_room", room))
    deployment.ok(step("emit", "n", 1, to=[room, f"{room}-2"]))
    assert deployment.seen(ann) == [[]]
    assert inside(ann, step("rooms")) == [[ann.sid]]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_a_client_is_disconnected_after_what_was_emitted_to_it(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, namespace: str
) -> None:
    for client, name in ((ann, f"{room}-1"), (bob, f"{room}-2")):
        inside(client, step("join_room", name), namespace=namespace)
        sid = client.sids[namespace]
        deployment.ok(
            step("emit", "n", 1, to=name, namespace=namespace),
            step("emit", "n", 2, to=sid, namespace=namespace),
            step("disconnect", sid, namespace=namespace),
            step("emit", "n", 3, to=name, namespace=namespace),
            step("emit", "n", 4, to=sid, namespace=namespace),
        )
    eventually(lambda: bob.got[-1].event == DISCONNECTED, what="bob's disconnection")
    assert [one.data for one in ann.named("n", namespace)] == [1, 2]
    assert ann.got[-1] == Got(DISCONNECTED, [], namespace)
    assert [one.data for one in bob.named("n", namespace)] == [1, 2]


def test_a_handler_disconnects_its_own_client_after_what_it_emitted(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client, name in ((ann, f"{room}-1"), (bob, f"{room}-2")):
        inside(client, step("join_room", name))
        steps = [step("emit", "n", 1, to=name), step("emit", "n", 2), step("disconnect"), step("emit", "n", 3, to=name)]
        client.emit("do", json.dumps(steps))
    eventually(lambda: ann.got[-1].event == bob.got[-1].event == DISCONNECTED, what="both to be disconnected")
    for client in (ann, bob):
        assert [one.data for one in client.named("n")] == [1, 2]


def test_a_disconnected_client_is_forgotten_and_can_come_back(
    deployment: Deployment, ann: SocketClient, connect: Connect, room: str
) -> None:
    guest = connect(deployment.there)
    guest.join(room)
    deployment.ok(step("disconnect", guest.sid))
    eventually(lambda: guest.got[-1].event == DISCONNECTED, what="the disconnection")
    # What it sends now is not heard: it is in no namespace.
    guest.emit("publish", {"room": room, "data": 1}, number=77)
    ann.join(room)
    deployment.ok(step("emit", "n", 1, to=room))
    (of_ann,) = deployment.seen(ann)
    assert data(of_ann) == [1]
    assert not [one for one in guest.got if one.event == ACK and one.number == 77]

    def delivered() -> str:
        text = requests.get(f"{deployment.there}/metrics", timeout=10).text
        return next(line for line in text.splitlines() if line.startswith("realtime_deliveries_total"))

    def forgotten() -> bool:
        before = delivered()
        deployment.ok(step("emit", "n", "to nobody", to=room))
        return delivered() == before

    guest.close()
    ann.close()
    eventually(forgotten, what="nobody left in the room")
    again = connect(deployment.there)
    again.join(room)
    deployment.ok(step("emit", "n", 2, to=room))
    (got,) = deployment.seen(again)
    assert data(got) == [2]


def test_nobody_enters_or_closes_the_private_room_of_another_client(
    deployment: Deployment, ann: SocketClient, bob: SocketClient
) -> None:
    # python-socketio 5.18: "cannot enter a sid room". It must hold for clients of another process, too.
    (entered,) = inside(ann, step("join_room", bob.sid))
    assert entered == "ValueError: cannot enter a sid room"
    (closed,) = deployment.do(step("close_room", bob.sid))
    assert closed == "ValueError: cannot close a sid room"
    deployment.ok(step("emit", "private", 1, to=bob.sid))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert of_ann == []
    assert data(of_bob) == [1]
    refused = ann.ask("join", {"room": bob.sid})
    assert refused["error"]["code"] == "invalid_value"
