"""``envelope=true``: every message under one name, with its own name and those of its rooms that the stream reads."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.support.processes import Server, eventually
from tests.support.publishing import path, publish
from tests.support.streams import EventReader


def enclosed(stream: EventReader) -> list[tuple[str, dict[str, Any]]]:
    """The messages, each with its id."""
    return [(one.id, json.loads(one.data)) for one in stream.events if one.event == "realtime.message"]


def test_messages_say_their_name_and_room_live_and_replayed(every_server: Server, room: str) -> None:
    other = f"{room}/other"
    first = publish(every_server.url, room, {"text": "é"}, event="said")
    with (
        EventReader(every_server.url, room, other, envelope="true", history=9) as stream,
        EventReader(every_server.url, room, after="0-0", envelope="false") as plain,
    ):
        stream.ready(), plain.ready()
        second = publish(every_server.url, other, None)
        body = {"data": 1, "event": "typing", "transient": True}
        requests.post(every_server.url + path(room), json=body, timeout=10)
        eventually(lambda: len(enclosed(stream)) == 3, what="three messages")
        assert enclosed(stream) == [
            (first, {"event": "said", "rooms": [room], "data": {"text": "é"}}),
            (second, {"event": "message", "rooms": [other], "data": None}),
            (second, {"event": "typing", "rooms": [room], "data": 1}),
        ]
        assert stream.messages == [] and stream.raw.count(b"id: ") == 2
        plain.wait(2)
        assert [one.event for one in plain.messages] == ["said", "typing"]


def test_what_it_may_be_is_said(any_server: Server, room: str) -> None:
    answer = requests.get(any_server.url + "/events", params={"room": room, "envelope": "yes"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")
