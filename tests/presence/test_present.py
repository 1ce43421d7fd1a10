"""Who is in a room: everybody who follows it, on any transport and in any process, and nobody else."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import requests

from tests.support.processes import eventually, start_gevent
from tests.support.publishing import path, publish
from tests.support.streams import EventReader

from .conftest import Connect, Place, names, present, wait_for

EVENT = "realtime.presence"


def told(stream: EventReader) -> list[dict[str, Any]]:
    """What a stream was told of who is there."""
    return [json.loads(one.data) for one in stream.events if one.event == EVENT]


def test_everybody_is_listed_on_every_transport_and_in_every_process(place: Place, connect: Connect, room: str) -> None:
    assert present(place.here, room) == {"room": room, "members": [], "viewers": 0, "total": 0}
    one, two, plain = connect(place.here), connect(place.there, "polling"), connect(place.there)
    one.join(room, name="Ann")
    two.join(room, name="Ben 🙂")
    plain.join(room)
    with EventReader(place.here, room, name="Ann"), EventReader(place.there, room) as viewer:
        viewer.ready()
        for url in place:
            found = wait_for(url, room, "Ann", "Ben 🙂", viewers=2)
            assert found["members"] == [
                {"user": None, "name": "Ann", "connections": 2, "transports": ["sse", "websocket"]},
                {"user": None, "name": "Ben 🙂", "connections": 1, "transports": ["polling"]},
            ]
            assert found["total"] == 2
    one.ask("leave", {"room": room})
    two.close()
    plain.close()
    for url in place:
        wait_for(url, room, viewers=0)


def test_who_follows_the_room_is_told_of_changes_without_an_id(place: Place, connect: Connect, room: str) -> None:
    with EventReader(place.here, room, name="Eve") as stream:
        stream.ready()
        socket = connect(place.there)
        socket.join(room, name="Sam")
        eventually(lambda: told(stream) and any(m["name"] == "Sam" for t in told(stream) for m in t["joined"]))
        eventually(lambda: socket.named(EVENT), what="the socket being told")
        last = told(stream)[-1]
        sam = {"user": None, "name": "Sam", "connections": 1, "transports": ["websocket"]}
        assert sam in last["joined"] and (last["room"], last["left"], last["changed"]) == (room, [], [])
        assert (last["viewers"], last["total"]) == (0, 2)
        cursor = publish(place.here, room, 1)
        stream.wait(1)
        again = connect(place.here)
        again.join(room, name="Sam")
        eventually(lambda: told(stream)[-1]["changed"], what="the second connection being told")
        assert told(stream)[-1]["changed"] == [{**sam, "connections": 2}]
        for client in (again, socket):
            client.close()
        eventually(lambda: told(stream)[-1]["left"], what="the leave being told")
        assert [one["name"] for one in told(stream)[-1]["left"]] == ["Sam"]
        # It moved no cursor.
        assert stream.events[-1].id == cursor and stream.raw.count(b"id: ") == 1
        assert all(one.args == [one.data] for one in socket.named(EVENT))


def test_quick_returns_are_not_noticed(place: Place, connect: Connect, room: str) -> None:
    with EventReader(place.here, room, name="Eve") as stream:
        stream.ready()
        reader = EventReader(place.there, room, name="Sam")
        reader.ready()
        eventually(lambda: [m["name"] for t in told(stream) for m in t["joined"]] == ["Eve", "Sam"])
        slow = 0
        for _ in range(5):
            began = time.monotonic()
            reader.close()
            reader = EventReader(place.there, room, name="Sam")
            reader.ready()
            slow += time.monotonic() - began > 0.4
        end = EventReader(place.there, room, name="Zoe")
        eventually(lambda: told(stream)[-1]["joined"] and told(stream)[-1]["joined"][-1]["name"] == "Zoe")
        assert len([m for t in told(stream) for m in t["left"]]) <= slow
        for one in (reader, end):
            one.close()


def test_a_long_poll_counts_until_some_seconds_after_its_answer(place: Place, room: str) -> None:
    query: dict[str, Any] = {"wait": 2, "name": "Pia", "after": "0-0"}

    def poll() -> None:
        requests.get(place.here + path(room), params=query, timeout=10)

    thread = threading.Thread(target=poll)
    thread.start()
    found = wait_for(place.there, room, "Pia")
    assert found["members"][0]["transports"] == ["poll"]
    publish(place.here, room, 1)
    thread.join()
    assert names(place.there, room) == ["Pia"]
    # The next poll takes the last one's place.
    poll()
    found = wait_for(place.there, room, "Pia")
    assert found["members"][0]["connections"] == 1
    wait_for(place.there, room, within=15)


@pytest.mark.parametrize("wrong", ["", "   ", "x" * 65, "a\nb", "\u202egnp"])
def test_what_is_no_name_is_refused_on_every_way_in(place: Place, connect: Connect, room: str, wrong: str) -> None:
    refused = connect(place.here).ask("join", {"room": room, "name": wrong})
    assert (refused["ok"], refused["error"]["code"]) == (False, "invalid_value")
    assert "a name is 1-64 printable characters" in refused["error"]["message"]
    for url, query in (("/events", {"room": room}), (path(room), {"wait": "1"})):
        answer = requests.get(place.here + url, params=query | {"name": wrong}, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (422, refused["error"])
    assert connect(place.here).ask("join", {"room": room, "name": 7})["error"]["code"] == "invalid_value"
    assert present(place.here, room)["members"] == []


def test_a_client_may_say_another_name_and_be_in_rooms_under_several(place: Place, connect: Connect, room: str) -> None:
    client = connect(place.here)
    client.join(room, name="One")
    client.join(f"{room}/other", name="Two")
    client.join(f"{room}/quiet")
    wait_for(place.there, room, "One", viewers=0)
    wait_for(place.there, f"{room}/other", "Two")
    wait_for(place.there, f"{room}/quiet", viewers=1)
    client.join(room, name="Three")
    wait_for(place.there, room, "Three")


def test_a_full_room_is_told_numbers_only(places: Any, room: str) -> None:
    place: Place = places("gevent")
    streams = [EventReader(place.here, room, name=f"n{number}") for number in range(205)]
    try:
        found = eventually(lambda: (found := present(place.here, room))["total"] == 205 and found, what="all of them")
        assert len(found["members"]) == 205 and "more" not in found
        eventually(lambda: told(streams[0])[-1].get("counted") is True and told(streams[0])[-1]["total"] == 205)
        last = told(streams[0])[-1]
        assert (last["joined"], last["left"], last["changed"], last["viewers"]) == ([], [], [], 0)
        assert len(told(streams[0])) < 30
    finally:
        for stream in streams:
            stream.close()


def test_where_it_is_off_there_is_nothing(room: str) -> None:
    server = start_gevent(REALTIME_PRESENCE="0")
    try:
        with EventReader(server.url, room, name="") as stream:
            stream.ready()
            assert requests.get(f"{server.url}/rooms/{room}/presence", timeout=10).status_code == 404
            publish(server.url, room, 1)
            stream.wait(1)
            assert told(stream) == []
    finally:
        server.stop()
