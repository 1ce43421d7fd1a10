"""Emits of all kinds keep the order in which one piece of code made them; callbacks come back to whoever asked."""

from __future__ import annotations

import pytest

from tests.support.clients import ACK, Got, SocketClient

from .deployment import Deployment, binary, inside, several, step


@pytest.mark.parametrize("where", ["view", "background"])
def test_emits_to_a_room_to_a_client_and_to_everybody_keep_their_order(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, where: str
) -> None:
    ann.join(room)
    bob.join(room)
    steps = []
    for number in range(0, 50, 5):
        steps += [
            step("emit", "n", number, to=room),
            step("emit", "n", number + 1, to=ann.sid),
            step("emit", "n", number + 1, to=bob.sid),
            step("emit", "n", binary(b"%d" % (number + 2)), to=room),
            step("emit", "n", number + 3),
            step("emit", "n", number + 4, to=[room, "odd name"]),
        ]
    deployment.ok(*steps, where=where)
    of_ann, of_bob = deployment.seen(ann, bob)
    wanted = [b"%d" % number if number % 5 == 2 else number for number in range(50)]
    assert [one.data for one in of_ann] == wanted
    assert [one.data for one in of_bob] == wanted


def test_what_a_handler_emits_arrives_before_its_acknowledgement(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client in (ann, bob):
        client.join(room)
        for _ in range(10):
            inside(client, step("emit", "n", 1, to=room), step("emit", "n", 2), step("emit", "n", 3, to=room))
            assert [one.event for one in client.got[-4:]] == ["n", "n", "n", ACK], client.got[-4:]


def test_the_callback_of_an_emit_gets_what_the_client_answers(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client, mark in ((ann, f"{room}-ann"), (bob, f"{room}-bob")):
        client.on_event = lambda got, mark=mark: (mark, got.args)
        deployment.ok(
            step("emit", "question", 1, to=client.sid, callback=mark),
            step("emit", "question", several(2, 3), to=client.sid, callback=mark),
            step("emit", "question", to=client.sid, callback=mark),
        )
        assert deployment.answers(mark, count=3) == [[mark, [1]], [mark, [2, 3]], [mark, []]]


@pytest.mark.parametrize("namespace", ["/", "/news"])
def test_callbacks_work_in_every_namespace_and_from_handlers(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str, namespace: str
) -> None:
    bob.on_event = lambda got: f"{got.namespace} {got.data}"
    steps = [step("emit", "question", 1, to=bob.sids[namespace], callback=room)]
    assert inside(ann, *steps, namespace=namespace) == [None]
    assert deployment.answers(room) == [[f"{namespace} 1"]]


def test_a_callback_is_called_once_and_only_for_its_own_question(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    bob.on_event = lambda got: got.data
    deployment.ok(*(step("emit", "question", n, to=bob.sid, callback=f"{room}-{n}") for n in range(20)))
    for number in range(20):
        assert deployment.answers(f"{room}-{number}") == [[number]]
    # Nobody asked this: it must do no harm.
    bob.wire.send(f'3{7}["unasked"]')
    deployment.ok(step("emit", "question", 99, to=bob.sid, callback=f"{room}-99"))
    assert deployment.answers(f"{room}-99") == [[99]]


def test_questions_and_answers_may_be_binary(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client in (ann, bob):
        client.on_event = lambda got: len(got.data)
        deployment.ok(step("emit", "question", binary(b"\0" * 100), to=client.sid, callback=f"{room}-{client.sid}"))
        assert deployment.answers(f"{room}-{client.sid}") == [[100]]


def test_call_returns_what_the_client_answers(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client in (ann, bob):
        client.on_event = lambda got: {"none": None, "one": {"n": 1}, "two": (1, 2)}[got.event]
        results = deployment.do(*(step("call", name, to=client.sid, timeout=10) for name in ("none", "one", "two")))
        assert results == [None, {"n": 1}, [1, 2]]
    bob.on_event = lambda got: got.data + 1
    assert inside(ann, step("call", "add", 1, to=bob.sid, timeout=10)) == [2]


def test_call_times_out_when_the_client_does_not_exist(deployment: Deployment, ann: SocketClient) -> None:
    (result,) = deployment.do(step("call", "anyone", to="nobody~", timeout=0.2))
    assert result.startswith("TimeoutError")
    assert ann.events == []


def test_a_question_to_a_client_comes_after_what_was_emitted_before(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    for client, name in ((ann, f"{room}-1"), (bob, f"{room}-2")):
        client.join(name)
        client.on_event = lambda got, client=client: [one.data for one in client.named("n")]
        results = deployment.do(
            *(step("emit", "n", number, to=name) for number in range(10)),
            step("call", "how many?", to=client.sid, timeout=10),
        )
        assert results[-1] == list(range(10))


def test_a_callback_for_nobody_or_for_everybody_is_an_error_or_not_called_and_harms_nothing(
    deployment: Deployment, ann: SocketClient, bob: SocketClient, room: str
) -> None:
    (result,) = deployment.do(step("emit", "question", 1, callback=room))
    assert result == "ValueError: Cannot use callback without a room set."
    deployment.ok(step("emit", "question", 2, to="nobody~", callback=room))
    of_ann, of_bob = deployment.seen(ann, bob)
    assert of_ann == of_bob == []


def test_unknown_clients_are_nobody(deployment: Deployment, ann: SocketClient, room: str) -> None:
    deployment.ok(
        step("emit", "n", 1, to="nobody~"),
        step("leave_room", "nobody~", room),
        step("join_room", "nobody~", room),
        step("disconnect", "nobody~"),
        step("close_room", "no such room"),
    )
    assert deployment.do(step("join_room", "nobody", room)) == [
        "ValueError: sid is not connected to requested namespace"
    ]
    assert deployment.seen(ann) == [[]]
    assert ann.got == [Got("fence", ann.named("fence")[0].args)]
    assert deployment.do(step("rooms", "nobody~")) == [[]]
