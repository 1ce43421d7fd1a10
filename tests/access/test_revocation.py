"""``realtime.revoke``: live streams end or lose a room, on every transport, in every process; nothing comes after."""

from __future__ import annotations

import json
import threading
import time
import uuid

import pytest
import requests
from flask import Flask

from realtime import BusUnavailable, ConfigError, InvalidValue, Realtime
from tests.support.clients import SocketClient
from tests.support.processes import Server, eventually
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

from .doors import Cookie, log_in

LARGE = "x" * 50_000


@pytest.fixture
def user() -> str:
    """Somebody new: what was revoked stays so."""
    return f"user-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def room() -> str:
    """A room of its own."""
    return f"club/{uuid.uuid4().hex[:8]}"


def revoke(server: Server, user: str, room: str | None = None, **query: str) -> float:
    """Revoke, and return when that was."""
    query |= {} if room is None else {"room": room}
    assert requests.post(f"{server.url}/revoke/{user}", params=query, timeout=30).status_code == 204
    return time.monotonic()


def say(server: Server, room: str, data: object, cookie: Cookie) -> str:
    answer = requests.post(server.url + path(room), json={"data": data}, headers=cookie, timeout=30)
    return str(answer.json()["id"])


def control(stream: EventReader) -> list[tuple[str, object]]:
    """The stream's control events after the first."""
    return [(one.event, json.loads(one.data)) for one in stream.events[1:] if one.event.startswith("realtime.")]


def test_an_event_stream_ends_within_a_second_and_its_cursor_opens_nothing(
    server: Server, user: str, room: str
) -> None:
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    with (
        EventReader(server.url, room, headers=theirs) as stream,
        EventReader(server.url, room, headers=others) as other,
    ):
        stream.ready(), other.ready()
        cursor = say(server, room, "before", others)
        stream.wait(1)
        revoked = revoke(server, user)
        eventually(lambda: stream.ended, within=1)
        assert time.monotonic() - revoked < 1
        say(server, room, "after", others)
        other.wait(2)
        assert stream.data == ["before"]
        assert control(stream) == [("realtime.revoked", {"room": None})]
        assert control(other) == []
    for query in ({}, {"after": cursor}, {"lastEventId": cursor}, {"history": "9"}):
        again = requests.get(f"{server.url}/events", params={"room": room, **query}, headers=theirs, timeout=30)
        assert again.status_code == 403
    assert (
        requests.get(server.url + path(room), params={"after": cursor}, headers=theirs, timeout=30).status_code == 403
    )


def test_a_stream_of_several_rooms_loses_the_one_and_goes_on(server: Server, user: str, room: str) -> None:
    other_room = f"{room}/other"
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    with EventReader(server.url, room, other_room, headers=theirs) as stream:
        stream.ready()
        say(server, room, "before", others)
        stream.wait(1)
        revoke(server, user, room)
        say(server, room, "secret", others)
        say(server, other_room, "on", others)
        stream.wait(2)
        assert stream.data == ["before", "on"]
        assert control(stream) == [("realtime.revoked", {"room": room})]
        revoke(server, user, other_room)
        eventually(lambda: stream.ended, within=1)
        assert control(stream)[1:] == [("realtime.revoked", {"room": other_room})]


def test_a_socketio_client_is_disconnected_also_one_in_no_room(
    server: Server, transport: str, user: str, room: str
) -> None:
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    with (
        SocketClient(server.url, transport, headers=theirs) as joined,
        SocketClient(server.url, transport, headers=theirs) as publisher,
        SocketClient(server.url, transport, headers=others) as friend,
    ):
        joined.join(room)
        friend.join(room)
        publisher.publish(room, "before")
        joined.wait(1)
        revoked = revoke(server, user)
        joined.wait_until_ended(within=1)
        publisher.wait_until_ended(within=1)
        assert time.monotonic() - revoked < 1
        friend.publish(room, "after")
        friend.wait(2)
        assert [one.data for one in joined.events] == ["before", {"room": None}]
        assert [(one.event, one.data) for one in publisher.events] == [("realtime.revoked", {"room": None})]
    with SocketClient(server.url, transport, headers=theirs) as back:
        assert back.ask("join", {"room": room, "after": "0-0"})["error"]["code"] == "forbidden"
        assert back.ask("publish", {"room": room, "data": 1})["error"]["code"] == "forbidden"


def test_a_socketio_client_loses_a_room_and_keeps_the_others(
    server: Server, transport: str, user: str, room: str
) -> None:
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    with SocketClient(server.url, transport, headers=theirs) as client:
        client.join(room)
        revoke(server, user, room)
        client.wait_for("realtime.revoked", within=1)
        say(server, room, "secret", others)
        assert client.ask("join", {"room": room})["error"]["code"] == "forbidden"
        client.join("anywhere", after="0-0")
        end = client.publish("anywhere", user)
        eventually(lambda: any(one.data == user and one.id == end for one in client.named("message")))
        assert [one.data for one in client.named("realtime.revoked")] == [{"room": room}]
        assert "secret" not in [one.data for one in client.named("message")]


def test_a_long_poll_is_refused(server: Server, user: str, room: str) -> None:
    theirs = log_in(server.url, user)
    found: list[requests.Response] = []

    def ask() -> None:
        found.append(requests.get(server.url + path(room), params={"wait": "30"}, headers=theirs, timeout=40))

    thread = threading.Thread(target=ask)
    before = requests.get(f"{server.url}/metrics", timeout=30).text.count('transport="longpoll"} 1.0')
    thread.start()
    eventually(lambda: requests.get(f"{server.url}/metrics", timeout=30).text.count('"longpoll"} 1.0') > before)
    revoked = revoke(server, user, room)
    thread.join(30)
    assert time.monotonic() - revoked < 1
    assert (found[0].status_code, found[0].json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("whole", [True, False], ids=["everything", "the room"])
def test_a_client_in_the_middle_of_a_replay_gets_no_more_of_it(
    server: Server, user: str, room: str, whole: bool
) -> None:
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    ids = [say(server, room, [number, LARGE], others) for number in range(200)]
    # Its receive buffer is full long before the replay is through.
    with SocketClient(server.url, headers=theirs, reading=False, receive_buffer=4096) as client:
        client.emit("join", {"room": room, "after": ids[0]})
        with EventReader(server.url, room, headers=others, after=ids[0]) as friend:
            friend.wait(199, within=40)
        revoke(server, user, None if whole else room)
        say(server, room, "secret", others)
        client.read()
        if whole:
            client.wait_until_ended()
        else:
            client.wait_for("realtime.revoked")
            client.publish("anywhere", 1)
        got = [one.data for one in client.named("message")]
        assert len(got) < 199
        assert "secret" not in got


def test_a_stalled_event_stream_is_cut_off(server: Server, user: str, room: str) -> None:
    theirs, others = log_in(server.url, user), log_in(server.url, f"{user}-friend")
    ids = [say(server, room, [number, LARGE], others) for number in range(200)]
    with requests.get(
        f"{server.url}/events", params={"room": room, "after": ids[0]}, headers=theirs, stream=True, timeout=30
    ) as stalled:
        with EventReader(server.url, room, headers=others, after=ids[0]) as friend:
            friend.wait(199, within=40)
        revoke(server, user)
        say(server, room, "secret", others)
        text = b""
        try:
            for chunk in stalled.iter_content(65536):
                text += chunk
        except requests.RequestException:
            pass
        assert text.count(b"event: message") < 199
        assert b"secret" not in text


def test_whom_the_hooks_still_allow_comes_back(server: Server, user: str, room: str) -> None:
    theirs = log_in(server.url, user)
    with EventReader(server.url, room, headers=theirs) as stream:
        stream.ready()
        revoke(server, user, silently="1")
        eventually(lambda: stream.ended, within=1)
    with EventReader(server.url, room, headers=theirs) as stream:
        stream.ready()
        say(server, room, "again", theirs)
        stream.wait(1)


@pytest.mark.parametrize("way", [0, 1])
def test_every_process_does_it(two: tuple[Server, Server], way: int, transport: str, user: str, room: str) -> None:
    here, there = two[way], two[1 - way]
    theirs = log_in(there.url, user)
    with (
        EventReader(there.url, room, headers=theirs) as stream,
        SocketClient(there.url, transport, headers=theirs) as client,
    ):
        stream.ready()
        client.join(room)
        revoked = revoke(here, user, silently="1")
        eventually(lambda: stream.ended, within=1)
        client.wait_until_ended(within=1)
        assert time.monotonic() - revoked < 1
        publish(here.url, "anywhere", 1)
    with EventReader(there.url, room, headers=theirs) as stream:
        stream.ready()


def test_what_cannot_be_revoked_is_said() -> None:
    realtime = Realtime(Flask("shop"))
    with pytest.raises(ConfigError, match="authorize or identify"):
        realtime.revoke("ann")
    realtime.authorize(lambda _identity, _action, _room: True)
    realtime.revoke("ann", "lobby")
    with pytest.raises(InvalidValue):
        realtime.revoke("ann", "two words")
    with pytest.raises(InvalidValue, match="nobody"):
        realtime.revoke(None)
    app = Flask("other")
    app.config["REALTIME_BUS_URL"] = "redis://127.0.0.1:1"
    other = Realtime(app)
    other.authorize(lambda _identity, _action, _room: True)
    with pytest.raises(BusUnavailable):
        other.revoke("ann")
