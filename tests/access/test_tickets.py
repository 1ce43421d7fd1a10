"""``realtime.ticket``: signed, short-lived permissions for clients that can send nothing but an address."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests
from flask import Flask
from itsdangerous import URLSafeSerializer

from realtime import ConfigError, InvalidValue, Realtime
from tests.support.clients import SocketClient
from tests.support.processes import Server, eventually, running, start_gevent, start_gunicorn
from tests.support.publishing import path
from tests.support.streams import EventReader

from .doors import log_in
from .test_revocation import control, revoke, room, say, user

__all__ = ["room", "user"]


def ticket(server: Server, user: str, *rooms: str, expires: float = 60, **more: str) -> str:
    """A ticket that the application made."""
    query = {"room": list(rooms), "expires": str(expires), **more}
    return requests.get(f"{server.url}/ticket/{user}", params=query, timeout=30).text


def refused(server: Server, room: str, **query: str) -> int:
    """The status with which a stream is refused."""
    answer = requests.get(f"{server.url}/events", params={"room": room, **query}, timeout=30)
    assert set(answer.json()) == {"error"}
    return answer.status_code


def test_a_ticket_opens_streams_history_and_long_polls_of_its_rooms_and_no_others(
    server: Server, user: str, room: str
) -> None:
    given = ticket(server, user, room, f"{room}/2")
    say(server, room, "before", log_in(server.url, user))
    for way in ({"ticket": given}, {}):
        headers = {} if way else {"Cookie": f"realtime-ticket={given}"}
        with EventReader(server.url, room, f"{room}/2", headers=headers, history="5", **way) as stream:
            stream.wait(1)
            assert stream.data == ["before"]
        for wait in ("0", "0.05"):
            answer = requests.get(server.url + path(room), params={"wait": wait, **way}, headers=headers, timeout=30)
            assert answer.status_code == 200
        answer = requests.get(f"{server.url}/events", params={"room": "club/other", **way}, headers=headers, timeout=30)
        assert answer.status_code == 401
        posted = requests.post(server.url + path(room), params=way, json={"data": 1}, headers=headers, timeout=30)
        assert posted.status_code == 401


def test_a_socketio_client_connects_with_a_ticket(server: Server, transport: str, user: str, room: str) -> None:
    with SocketClient(server.url, transport, auth={"ticket": ticket(server, user, room)}) as client:
        client.join(room)
        assert client.ask("join", {"room": f"{room}/2"})["error"]["code"] == "unauthorized"
        assert client.ask("publish", {"room": room, "data": 1})["error"]["code"] == "unauthorized"
        say(server, room, "hi", log_in(server.url, user))
        assert client.wait()[0].data == "hi"
        revoke(server, user)
        client.wait_until_ended(within=1)


def test_its_expiry_ends_the_stream(server: Server, transport: str, user: str, room: str) -> None:
    given = ticket(server, user, room, expires=1)
    with (
        EventReader(server.url, room, ticket=given) as stream,
        SocketClient(server.url, transport, auth={"ticket": given}) as client,
    ):
        stream.ready()
        client.join(room)
        eventually(lambda: stream.ended, within=2)
        assert control(stream) == [("realtime.expired", {"room": None})]
        assert client.wait_for("realtime.expired", within=2).data == {"room": room}
        say(server, room, "after", log_in(server.url, user))
        error = {"code": "unauthorized", "message": "the ticket has expired; ask for a new one"}
        assert client.ask("join", {"room": room}) == {"ok": False, "error": error}
        client.join("anywhere")
        assert "after" not in [one.data for one in client.named("message")]
    assert refused(server, room, ticket=given) == 401


def test_a_ticket_that_was_revoked_opens_nothing_and_a_newer_one_does(server: Server, user: str, room: str) -> None:
    old = ticket(server, user, room)
    others = ticket(server, f"{user}-friend", room)
    with EventReader(server.url, room, ticket=old) as stream:
        stream.ready()
        revoke(server, user, room)
        eventually(lambda: stream.ended, within=1)
        assert control(stream) == [("realtime.revoked", {"room": room})]
    assert refused(server, room, ticket=old) == 401
    for one in (ticket(server, user, room), others):
        with EventReader(server.url, room, ticket=one) as stream:
            stream.ready()


def test_a_ticket_that_was_tampered_with_opens_nothing(server: Server, user: str, room: str) -> None:
    now = time.time()
    good = ticket(server, user, room)
    wrong = ["", good[:-1], good + "x", "x", "é" * 10]
    said: list[Any] = [[user, [room], now, now + 60], 1, None]
    wrong += [URLSafeSerializer("another key", salt="realtime.ticket").dumps(one) for one in said]
    wrong += [URLSafeSerializer("test", salt="cookie-session").dumps(said[0])]
    for one in wrong:
        assert refused(server, room, ticket=one) == 401
    for odd in (1, None, [good], {"ticket": good}):
        with SocketClient(server.url, auth={"ticket": odd}) as client:
            assert client.ask("join", {"room": room})["error"]["code"] == "unauthorized"


def test_a_cookie_that_counts_no_more_does_not_keep_out_who_is_logged_in(server: Server, user: str, room: str) -> None:
    cookie = log_in(server.url, user)["Cookie"]
    with EventReader(server.url, room, headers={"Cookie": f"{cookie}; realtime-ticket=old"}) as stream:
        stream.ready()


@pytest.mark.parametrize("start", ["gevent", "gunicorn"])
def test_access_logs_do_not_show_tickets(start: str, user: str, room: str) -> None:
    app = "tests.apps.access_app"
    server = start_gevent(app, ACCESS_LOG="1") if start == "gevent" else start_gunicorn(app, "--access-logfile", "-")
    with running(server):
        given = ticket(server, user, room)
        with EventReader(server.url, room, ticket=given, padding="1") as stream:
            stream.ready()
        headers = {"Referer": f"{server.url}/?ticket={given}"}
        requests.get(server.url + path(room), params={"ticket": given}, headers=headers, timeout=30)
        eventually(lambda: server.output.count("ticket=***") >= 2, what="the requests in the log")
        assert given not in server.output
        assert "padding=1" in server.output


def test_what_cannot_be_issued_is_said() -> None:
    app = Flask("shop")
    realtime = Realtime(app)
    with pytest.raises(ConfigError, match="authorize or identify"):
        realtime.ticket("ann", ["a"])
    realtime.authorize(lambda _identity, _action, _room: False)
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        realtime.ticket("ann", ["a"])
    app.secret_key = "old"
    old = realtime.ticket("ann", "a")
    wrong: list[tuple[Any, Any, Any]] = [
        (None, ["a"], 60), ("ann", [], 60), ("ann", ["two words"], 60), ("ann", ["a"], 0), ("ann", ["a"], 3601),
        ("ann", ["a"], True), ("ann", ["a"], "60"), ("ann", ["a"], float("nan")),
    ]  # fmt: skip
    for user_, rooms, expires in wrong:
        with pytest.raises(InvalidValue):
            realtime.ticket(user_, rooms, expires=expires)
    app.secret_key = "new"
    client = app.test_client()
    assert client.get("/rooms/a/messages", query_string={"ticket": old}).status_code == 401
    app.config["SECRET_KEY_FALLBACKS"] = ["old"]
    for given in (old, realtime.ticket("ann", "a")):
        assert client.get("/rooms/a/messages", query_string={"ticket": given}).status_code == 200
    assert json.loads(client.get("/rooms/b/messages").text)["error"]["code"] == "unauthorized"
