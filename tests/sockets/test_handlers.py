"""Handlers of an ordinary application: connecting, sessions, errors, classes; none of it changes by Realtime."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import requests

from tests.support.clients import ACK, DISCONNECTED, Got, SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import Flood
from tests.support.streams import EventReader
from tests.support.wires import Refused

APP = "tests.apps.handlers_app"

Connect = Callable[..., SocketClient]


@pytest.fixture(scope="module", params=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application on gevent and on threads."""
    server = start_gevent(APP) if request.param == "gevent" else start_threads(APP)
    with running(server):
        yield server


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """Either transport."""
    return str(request.param)


def test_what_a_connect_handler_emits_reaches_the_newcomer_and_everyone(
    server: Server, connect: Connect, transport: str, room: str
) -> None:
    with EventReader(server.url, room) as stream:
        stream.ready()
        ann = connect(server.url, transport, auth={"name": "ann", "room": room})
        assert [(one.event, one.args[0]) for one in ann.wait(2)] == [("welcome", "ann"), ("everyone", 2)]
        bob = connect(server.url, transport, auth={"name": "bob", "room": room})
        assert [one.event for one in bob.wait(2)] == ["welcome", "everyone"]
        assert [(one.event, one.data) for one in ann.wait(4)[2:]] == [("joined", "bob"), ("everyone", 2)]
        assert ann.events[-1] == bob.events[-1]
        assert [one.event for one in stream.wait(4)] == ["joined", "everyone", "joined", "everyone"]
        assert stream.ids[1:] == [ann.events[number].id for number in (1, 2, 3)]
        bob.disconnect()
        assert ann.wait_for("left").data == "bob"


def test_a_refused_client_is_told_what_the_handler_said_and_joins_nothing(
    server: Server, connect: Connect, transport: str
) -> None:
    banned = connect(server.url, transport, auth={"name": "banned"}, refusable=True)
    assert banned.refusals == [{"message": "banned", "data": {"until": 2030}}]
    nameless = connect(server.url, transport, auth={"nobody": 1}, refusable=True)
    assert nameless.refusals == [{"message": "Connection rejected by server"}]
    nowhere = connect(server.url, transport, namespaces=("/nowhere",), refusable=True)
    assert len(nowhere.refusals) == 1
    with contextlib.suppress(Refused):  # It is connected to nothing: its session is closed.
        banned.emit("whoami", number=5)
    ann = connect(server.url, transport, auth={"name": "ann", "room": "r"})
    ann.wait(2)
    assert [one.event for one in banned.got if one.event in {ACK, "welcome", "everyone"}] == []


def test_disconnecting_within_the_connect_handler_does_what_it_does_in_python_socketio(
    server: Server, connect: Connect, transport: str
) -> None:
    # There is nobody to disconnect before the handler has ended, so that nothing happens.
    client = connect(server.url, transport, auth={"name": "rejected", "room": "r"})
    assert client.ask("whoami") == ["rejected", None]
    assert not [one for one in client.got if one.event == DISCONNECTED]


def test_sessions_belong_to_the_connection_and_start_as_the_browsers(
    server: Server, connect: Connect, transport: str
) -> None:
    with requests.Session() as browser:
        browser.get(f"{server.url}/login/anna", timeout=10)
        cookie = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies)}
    ann = connect(server.url, transport, auth={"name": "ann", "room": "r"}, headers=cookie)
    bob = connect(server.url, transport, auth={"name": "bob", "room": "r"})
    assert ann.ask("whoami") == ["ann", "anna"]
    assert bob.ask("whoami") == ["bob", None]
    ann.ask("rename", "anne")
    assert ann.ask("whoami") == ["anne", "anna"]
    assert bob.ask("whoami") == ["bob", None]


def test_error_handlers_answer_for_handlers_that_raise(server: Server, connect: Connect, transport: str) -> None:
    client = connect(server.url, transport, namespaces=("/", "/shop"))
    assert client.ask("fail", "x") == "handled x"
    assert client.ask("publish", "x", namespace="/shop") == "handled elsewhere 'x'"


def test_the_applications_own_join_wins_and_the_others_stay_realtimes(
    server: Server, connect: Connect, transport: str, room: str
) -> None:
    client = connect(server.url, transport)
    assert client.ask("join", room) == f"joined {room} in its own way"
    id_ = client.publish(f"own-{room}", 1)
    assert client.wait(1)[0] == Got("message", [1, id_])
    assert client.ask("leave", {"room": f"own-{room}"}) == {"ok": True}


def test_a_class_of_handlers_works_in_its_namespace(server: Server, connect: Connect, transport: str) -> None:
    client = connect(server.url, transport, namespaces=("/shop",))
    assert client.wait_for("open", "/shop").args == [{"sid": client.sids["/shop"]}]
    assert client.ask("join", "shoes", namespace="/shop") == "welcome"
    assert client.wait_for("customers", "/shop").args == ["shoes"]
    assert client.ask("leave", "shoes", namespace="/shop") is None


def test_a_handler_answers_with_several_arguments_with_one_and_with_none(
    server: Server, connect: Connect, transport: str
) -> None:
    client = connect(server.url, transport)
    for number, (event, arguments) in enumerate([("several", []), ("whoami", []), ("rename", ["x"])]):
        client.emit(event, *arguments, number=100 + number)
    acks = eventually(lambda: (got := [one for one in client.got if one.event == ACK]) and len(got) == 3 and got)
    assert {one.number: one.args for one in acks} == {100: [1, 2], 101: [[None, None]], 102: []}


def test_an_event_without_a_handler_is_not_answered(server: Server, connect: Connect, transport: str) -> None:
    client = connect(server.url, transport)
    client.emit("nobody listens", number=9)
    client.ask("whoami")
    assert [one.number for one in client.got] == [0]


def test_the_disconnect_handler_hears_why(server: Server, connect: Connect, transport: str) -> None:
    client = connect(server.url, transport, auth={"name": f"leaver-{transport}", "room": "r"})
    client.disconnect()

    def reasons() -> list[str]:
        said = requests.get(f"{server.url}/farewells", timeout=10).json()
        return [reason for name, reason in said if name == f"leaver-{transport}"]

    eventually(reasons, what="the farewell")
    assert reasons() == ["client disconnect"]


@pytest.fixture(params=[start_gevent, start_threads])
def impatient(shared_redis: Redis, namespace: str, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application on Redis, giving up clients that do not answer a ping within half a second.

    It does not look for them: that a client is dead is noticed when something is sent to it.
    """
    server = request.param(APP, PING_TIMEOUT="0.5", REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    with running(server):
        yield server


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_noticing_dead_clients_does_not_hold_up_the_others(
    impatient: Server, connect: Connect, transport: str, room: str
) -> None:
    """Their farewells emit, and wait for what they emitted: never in the task that delivers to everybody."""
    times: list[float] = []
    witness = connect(impatient.url, auth={"name": "witness", "room": room})
    witness.on_event = lambda _got: times.append(time.monotonic())
    for number in range(5):
        connect(impatient.url, transport, auth={"name": f"dead-{number}", "room": room}, reading=False)
    with Flood(impatient.url, room) as flood:
        while len(witness.named("left")) < 5:
            flood.wait(len(flood.ids) + 20)
            assert witness.ask("shout") is None
    eventually(lambda: witness.named("message")[-1].id == flood.ids[-1], what="the last message")
    assert {one.data for one in witness.named("left")} == {f"dead-{number}" for number in range(5)}
    assert [one.id for one in witness.named("message")] == flood.ids
    assert max(later - earlier for earlier, later in pairwise(times)) < 2


def test_a_client_that_goes_while_its_connect_handler_runs_leaves_nothing_behind(
    impatient: Server, connect: Connect, room: str
) -> None:
    def rooms() -> str:
        text = requests.get(f"{impatient.url}/metrics", timeout=10).text
        return next(line for line in text.splitlines() if line.startswith("realtime_rooms"))

    client = connect(impatient.url, namespaces=())
    client.wire.send(f'0{{"name":"slow","room":"{room}"}}')
    client.close()
    witness = connect(impatient.url, auth={"name": "witness", "room": room})
    witness.wait_for("joined")
    assert witness.wait_for("left").data == "slow"
    witness.close()
    eventually(lambda: rooms() == "realtime_rooms 0.0", what="nobody left in any room")
