"""One connection that stands for two users: the session of one, and the ticket of another.

What is taken from either is taken from the connection, whoever was let in last. Nobody keeps by the one what was taken
from the other; who may still be there can join again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.clients import SocketClient
from tests.support.processes import Server

from .doors import log_in
from .test_revocation import revoke, say
from .test_tickets import ticket


@pytest.fixture
def ann() -> str:
    """Whose session it is."""
    return f"ann-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def bob() -> str:
    """Whose ticket it is."""
    return f"bob-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def client(server: Server, transport: str, ann: str, bob: str) -> Iterator[SocketClient]:
    """The connection; its ticket is for a room into which nobody but Bob may go."""
    auth = {"ticket": ticket(server, bob, f"private/{bob}")}
    with SocketClient(server.url, transport, headers=log_in(server.url, ann), auth=auth) as client:
        yield client


@pytest.mark.parametrize("last", ["ann", "bob"])
def test_a_room_that_is_taken_from_one_is_left_and_the_others_stays(
    server: Server, client: SocketClient, ann: str, bob: str, last: str
) -> None:
    rooms = {"ann": f"private/{ann}", "bob": f"private/{bob}"}
    for name in sorted(rooms, key=lambda one: one == last):
        client.join(rooms[name])
    revoke(server, bob, rooms["bob"], silently="")
    assert client.wait_for("realtime.revoked", within=2).data == {"room": rooms["bob"]}
    say(server, rooms["bob"], "secret", log_in(server.url, bob))
    client.publish(rooms["ann"], "on")
    client.wait_for("message", within=5)
    assert [one.data for one in client.named("message")] == ["on"]
    assert client.ask("join", {"room": rooms["bob"]})["error"]["code"] == "forbidden"
    revoke(server, ann, rooms["ann"], silently="")
    client.wait(3)
    assert [one.data for one in client.named("realtime.revoked")] == [{"room": rooms[name]} for name in ("bob", "ann")]


def test_who_may_be_there_by_the_other_can_join_again(server: Server, client: SocketClient, ann: str, bob: str) -> None:
    room = f"private/{bob}"
    client.join(room)
    revoke(server, ann, room, silently="")
    client.wait_for("realtime.revoked", within=2)
    client.join(room)
    say(server, room, "for Bob", log_in(server.url, bob))
    assert client.wait_for("message", within=5).data == "for Bob"


@pytest.mark.parametrize("whose", ["ann", "bob"])
def test_it_ends_when_everything_is_taken_from_either(
    server: Server, client: SocketClient, ann: str, bob: str, whose: str
) -> None:
    client.join(f"private/{ann}"), client.join(f"private/{bob}")
    revoke(server, {"ann": ann, "bob": bob}[whose], silently="")
    client.wait_until_ended(within=2)
