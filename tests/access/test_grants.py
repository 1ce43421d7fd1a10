"""Private rooms: closed to whom they were not granted, on every way in; what is granted lasts, and is taken back."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask

from realtime import BusUnavailable, ConfigError, InvalidValue, Realtime
from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import path
from tests.support.streams import EventReader

from .conftest import APP, PREFIX, Pair
from .doors import DOORS, log_in
from .test_revocation import control, revoke, say, user
from .test_tickets import refused, ticket

__all__ = ["user"]


@pytest.fixture
def room() -> str:
    """A private room of its own."""
    return f"{PREFIX}{uuid.uuid4().hex[:8]}"


def do(server: Server, what: str, user: str, **query: Any) -> float:
    """Grant or log out, and return when that was."""
    assert requests.post(f"{server.url}/{what}/{user}", params=query, timeout=30).status_code == 204
    return time.monotonic()


def test_a_private_room_is_open_to_whom_it_was_granted_and_to_nobody_else(
    server: Server, door: str, user: str, room: str
) -> None:
    knock = DOORS[door][1]
    assert knock(server.url, room, {}).code == "unauthorized"
    assert knock(server.url, room, log_in(server.url, user)).code == "forbidden"
    do(server, "grant", user, room=room)
    assert knock(server.url, room, log_in(server.url, user)).code == "ok"
    assert knock(server.url, room, log_in(server.url, f"{user}-friend")).code == "forbidden"
    assert knock(server.url, f"{room}x", log_in(server.url, user)).code == "forbidden"
    revoke(server, user, room, silently="1")
    assert knock(server.url, room, log_in(server.url, user)).code == "forbidden"


def test_a_grant_counts_in_every_process_and_is_taken_back_in_every_process(
    pair: Pair, transport: str, user: str, room: str
) -> None:
    here, there = pair
    do(there, "grant", user, room=room)
    do(there, "grant", f"{user}-friend", room=room)
    theirs, others = log_in(here.url, user), log_in(here.url, f"{user}-friend")
    with (
        EventReader(here.url, room, headers=theirs) as stream,
        SocketClient(here.url, transport, headers=theirs) as client,
    ):
        stream.ready()
        client.join(room)
        cursor = say(there, room, "before", others)
        stream.wait(1), client.wait(1)
        revoked = revoke(there, user, room, silently="1")
        eventually(lambda: stream.ended, within=1)
        client.wait_for("realtime.revoked", within=1)
        assert time.monotonic() - revoked < 1
        say(there, room, "secret", others)
        for request in ({}, {"after": cursor}, {"history": 5}):
            assert client.ask("join", {"room": room, **request})["error"]["code"] == "forbidden"
        client.join("anywhere")
        assert [one.data for one in client.named("message")] == ["before"]
        assert stream.data == ["before"]
    for query in ({"after": cursor}, {"lastEventId": cursor}, {"history": "9"}):
        answer = requests.get(f"{here.url}/events", params={"room": room, **query}, headers=theirs, timeout=30)
        assert answer.status_code == 403
        answer = requests.get(here.url + path(room), params={**query, "wait": "0.1"}, headers=theirs, timeout=30)
        assert answer.status_code == 403


def test_a_grant_that_expires_ends_what_is_read_by_it_and_a_new_one_goes_on(
    pair: Pair, transport: str, user: str, room: str
) -> None:
    here, there = pair
    theirs = log_in(here.url, user)
    do(there, "grant", user, room=room, expires=1)
    do(there, "grant", user, room=f"{room}/2", expires=1)
    with (
        EventReader(here.url, room, headers=theirs) as stream,
        EventReader(here.url, room, f"{room}/2", headers=theirs) as both,
        SocketClient(here.url, transport, headers=theirs) as client,
    ):
        stream.ready(), both.ready()
        client.join(room), client.join(f"{room}/2")
        extended = do(there, "grant", user, room=f"{room}/2", expires=2.5)
        eventually(lambda: stream.ended, within=2)
        assert control(stream) == [("realtime.expired", {"room": room})]
        assert client.wait_for("realtime.expired", within=2).data == {"room": room}
        assert client.ask("join", {"room": room})["error"]["code"] == "forbidden"
        say(there, f"{room}/2", "still here", theirs)
        client.wait_for_data("message", "still here")
        eventually(lambda: both.data == ["still here"])
        assert control(both) == [("realtime.expired", {"room": room})]
        eventually(lambda: both.ended and len(client.named("realtime.expired")) == 2, within=4)
        assert time.monotonic() - extended > 2


def test_taking_everything_takes_what_was_granted_and_logging_out_does_not(pair: Pair, user: str, room: str) -> None:
    here, there = pair
    theirs = log_in(here.url, user)
    do(there, "grant", user, room=room)
    with EventReader(here.url, room, headers=theirs) as stream:
        stream.ready()
        do(there, "logout", user)
        # It ends what is open, wherever that is: so this process has heard of it.
        eventually(lambda: stream.ended, what="the end of the stream")
    with EventReader(here.url, room, headers=theirs) as stream:
        stream.ready()
        revoke(there, user, silently="1")
        eventually(lambda: stream.ended, within=1)
    assert requests.get(here.url + path(room), headers=theirs, timeout=30).status_code == 403
    do(there, "grant", user, room=room)
    assert requests.get(here.url + path(room), headers=theirs, timeout=30).status_code == 200


def test_logging_out_ends_everything_of_the_user_on_every_transport_and_process(
    pair: Pair, transport: str, user: str
) -> None:
    here, there = pair
    club = f"club/{user}"
    theirs, others = log_in(here.url, user), log_in(here.url, f"{user}-friend")
    old = ticket(there, user, club)
    polled: list[int] = []

    def poll() -> None:
        answer = requests.get(here.url + path(club), params={"wait": "20"}, headers=theirs, timeout=30)
        polled.append(answer.status_code)

    waiting = threading.Thread(target=poll)
    with (
        EventReader(here.url, club, headers=theirs) as stream,
        EventReader(here.url, club, ticket=old) as by_ticket,
        EventReader(here.url, club, headers=others) as other,
        SocketClient(here.url, transport, headers=theirs) as idle,
        SocketClient(here.url, transport, headers=theirs) as joined,
        SocketClient(here.url, transport, auth={"ticket": old}) as holder,
        SocketClient(here.url, transport, headers=others) as friend,
    ):
        stream.ready(), by_ticket.ready(), other.ready()
        joined.join(club), friend.join(club)
        # Nothing outside shows that it waits; where it does not yet, it is over before.
        waiting.start()
        time.sleep(0.2)
        out = do(there, "logout", user)
        for client in (idle, joined, holder):
            client.wait_until_ended(within=1)
            assert client.events[-1][:2] == ("realtime.revoked", [{"room": None}])
        eventually(lambda: stream.ended and by_ticket.ended, within=1)
        waiting.join(1)
        assert polled == [403]
        assert time.monotonic() - out < 1
        say(there, club, f"after {user}", others)
        eventually(lambda: f"after {user}" in other.data)
        assert friend.ask("leave", {"room": club})["ok"]
        assert not any(f"after {user}" in one.data for one in (stream, by_ticket))
    assert refused(here, club, ticket=old) == 401
    with EventReader(here.url, club, ticket=ticket(there, user, club)) as stream:
        stream.ready()


def test_a_revoked_ticket_counts_neither_in_a_process_that_starts_later(shared_redis: Redis, user: str) -> None:
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": "later", "REALTIME_PRIVATE_PREFIX": PREFIX}
    rooms = ["club/1", "club/2", f"{PREFIX}3"]
    with running(one := start_gevent(APP, **settings)):
        tickets = {name: ticket(one, user, name) for name in rooms}
        everything = ticket(one, f"{user}-2", *rooms)
        do(one, "grant", user, room=rooms[2])
        do(one, "grant", f"{user}-2", room=rooms[2])
        revoke(one, user, rooms[0])
        do(one, "logout", f"{user}-2")
    with running(other := start_threads(APP, **settings)):
        assert refused(other, rooms[0], ticket=tickets[rooms[0]]) == 401
        assert refused(other, rooms[1], ticket=everything) == 401
        for name in rooms[1:]:
            answer = requests.get(other.url + path(name), params={"ticket": tickets[name]}, timeout=30)
            assert answer.status_code == 200
        for one_ in (user, f"{user}-2"):
            answer = requests.get(other.url + path(rooms[2]), headers=log_in(other.url, one_), timeout=30)
            assert answer.status_code == 200


def test_a_one_use_ticket_opens_one_thing_in_all_processes(pair: Pair, transport: str, user: str, room: str) -> None:
    here, there = pair
    one, two, three = (ticket(here, user, room, f"{room}/2", once="1") for _ in range(3))
    with EventReader(here.url, room, f"{room}/2", ticket=one, history="3") as stream:
        stream.ready()
    for query in ({"ticket": one}, {"ticket": one, "after": "0-0"}):
        assert refused(there, room, **query) == 401
    assert requests.get(there.url + path(room), params={"ticket": one}, timeout=30).status_code == 401
    cookie = {"Cookie": f"realtime-ticket={two}"}
    assert [requests.get(at.url + path(room), headers=cookie, timeout=30).status_code for at in pair] == [200, 401]
    with SocketClient(here.url, transport, auth={"ticket": three}) as client:
        client.join(room), client.join(f"{room}/2", history=5)
        with SocketClient(there.url, transport, auth={"ticket": three}) as other:
            error = other.ask("join", {"room": room})["error"]
        assert error == {
            "code": "unauthorized",
            "message": "the ticket was for one use, and was used; ask for a new one",
        }


def test_a_new_ticket_goes_on_where_the_old_one_ends(pair: Pair, transport: str, user: str, room: str) -> None:
    here, there = pair
    with SocketClient(here.url, transport, auth={"ticket": ticket(here, user, room, f"{room}/2", expires=1)}) as client:
        client.join(room), client.join(f"{room}/2")
        assert client.ask("refresh", {"ticket": "x"})["error"]["code"] == "unauthorized"
        others = ticket(there, f"{user}-friend", room)
        assert client.ask("refresh", {"ticket": others})["error"]["code"] == "forbidden"
        fresh = ticket(there, user, room, expires=2.5, once="1")
        assert client.ask("refresh", {"ticket": fresh}) == {"ok": True, "rooms": [room]}
        assert client.wait_for("realtime.revoked").data == {"room": f"{room}/2"}
        time.sleep(1.1)
        do(there, "grant", f"{user}-friend", room=room)
        say(there, room, "still here", log_in(there.url, f"{user}-friend"))
        client.wait_for_data("message", "still here")
        assert client.wait_for("realtime.expired", within=4).data == {"room": room}


def test_a_refresh_asks_the_hooks_again(server: Server, transport: str, user: str, room: str) -> None:
    with SocketClient(server.url, transport, headers=log_in(server.url, user)) as client:
        assert client.ask("refresh", {}) == {"ok": True, "rooms": []}
        client.join(f"club/{user}"), client.join("anywhere")
        assert client.ask("refresh", {}) == {"ok": True, "rooms": ["anywhere", f"club/{user}"]}
        requests.post(f"{server.url}/outcast/{user}", params={"room": f"club/{user}"}, timeout=30)
        assert client.ask("refresh", {}) == {"ok": True, "rooms": ["anywhere"]}
        assert client.wait_for("realtime.revoked").data == {"room": f"club/{user}"}
        say(server, f"club/{user}", "secret", log_in(server.url, f"{user}-friend"))
        client.publish("anywhere", f"end {user}")
        client.wait_for_data("message", f"end {user}")
        assert "secret" not in [one.data for one in client.named("message")]


@pytest.fixture
def realtime() -> Iterator[Realtime]:
    """With private rooms, in this process."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="test", REALTIME_PRIVATE_PREFIX="p:")
    return Realtime(app)


def test_what_cannot_be_granted_is_said(realtime: Realtime) -> None:
    wrong: list[tuple[Any, Any, Any]] = [
        (None, "p:a", None), ("ann", "a", None), ("ann", "p: a", None), ("ann", "P:a", None), ("ann", "p:a", 0),
        ("ann", "p:a", -1), ("ann", "p:a", "60"), ("ann", "p:a", True), ("ann", "p:a", float("nan")),
        ("ann", "p:a", 1e12),
    ]  # fmt: skip
    for user_, room_, expires in wrong:
        with pytest.raises(InvalidValue):
            realtime.grant(user_, room_, expires=expires)
    with pytest.raises(InvalidValue, match="nobody"):
        realtime.logout(None)
    app = Flask("other")
    other = Realtime(app)
    with pytest.raises(ConfigError, match="REALTIME_PRIVATE_PREFIX"):
        other.grant("ann", "p:a")
    with pytest.raises(ConfigError, match="authorize or identify"):
        other.logout("ann")
    app = Flask("away")
    app.config.update(REALTIME_BUS_URL="redis://127.0.0.1:1", REALTIME_PRIVATE_PREFIX="p:")
    away = Realtime(app)
    for call in (lambda: away.grant("ann", "p:a"), lambda: away.logout("ann"), lambda: away.revoke("ann")):
        with pytest.raises(BusUnavailable):
            call()
    assert app.test_client().get("/rooms/p:a/messages").status_code == 401


@pytest.mark.parametrize("value", ["two words", "p:*", 7])
def test_a_prefix_that_no_room_can_have_is_refused_at_start(value: Any) -> None:
    app = Flask("shop")
    app.config["REALTIME_PRIVATE_PREFIX"] = value
    with pytest.raises(ConfigError, match="REALTIME_PRIVATE_PREFIX is"):
        Realtime(app)


def test_a_note_that_somebody_spoiled_grants_nothing(realtime: Realtime) -> None:
    realtime.grant("ann", "p:a")
    bus = realtime._state().bus
    name = next(one for one in bus._notes._values if "grant" in one)  # type: ignore[attr-defined]
    app = realtime._states[0].socketio.server.environ
    assert app == {}
    client = realtime.socketio.sockio_mw.wsgi_app.__self__.test_client()
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert client.get("/rooms/p:a/messages").status_code == 200
    for wrong in ("", "x", "[]", "{}", "[1]", '["a", null]', '[1e999, "x"]', json.dumps([time.time() + 9, 1])):
        realtime._state().manager.ledger.forget("ann")
        bus.note(name, wrong)
        assert client.get("/rooms/p:a/messages").status_code == 403
