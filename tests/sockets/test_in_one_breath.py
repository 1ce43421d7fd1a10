"""A client that says much at once, without waiting for answers: all of it is done, once, in its order, and answered."""

from __future__ import annotations

import json
from typing import Any

from tests.hostile.lines import Line
from tests.support.processes import eventually
from tests.support.publishing import history

from .deployment import Deployment

MANY = 300


def asked(number: int, event: str, request: Any) -> str:
    """One request as a packet."""
    return f"42{number}{json.dumps([event, request])}"


def answers(line: Line, count: int) -> list[tuple[int, dict[str, Any]]]:
    """The next acknowledgements: number and what was answered."""
    found = []
    while len(found) < count:
        text = line.read()[1].decode()
        if text.startswith("43"):
            number, _, answer = text[2:].partition("[")
            found.append((int(number), json.loads("[" + answer)[0]))
    return found


def test_publishes_are_answered_in_their_order_and_what_comes_after_them_waits_for_them(
    deployment: Deployment, room: str
) -> None:
    with Line(deployment.here) as line:
        line.connect()
        line.ask("join", {"room": room})
        said = [asked(number, "publish", {"room": room, "data": number}) for number in range(MANY)]
        line.say(*said, asked(MANY, "leave", {"room": room}))
        told = answers(line, MANY + 1)
    assert [number for number, _ in told] == list(range(MANY + 1))
    ids = [answer["id"] for _, answer in told[:-1]]
    kept = history(deployment.there, room)
    assert [(one["id"], one["data"]) for one in kept] == list(zip(ids, range(MANY), strict=True))


def test_refused_ones_are_answered_at_their_place_and_cost_the_others_nothing(
    deployment: Deployment, room: str
) -> None:
    with Line(deployment.here) as line:
        line.connect()
        rooms = ["no room" if number % 3 else room for number in range(2 * MANY)]
        line.say(*(asked(number, "publish", {"room": name, "data": number}) for number, name in enumerate(rooms)))
        told = answers(line, 2 * MANY)
    assert sorted(number for number, _ in told) == list(range(2 * MANY))
    assert {number for number, answer in told if answer["ok"]} == set(range(0, 2 * MANY, 3))
    assert [one["data"] for one in history(deployment.there, room)] == list(range(0, 2 * MANY, 3))


def test_nothing_but_refused_ones_are_all_answered(deployment: Deployment) -> None:
    with Line(deployment.here) as line:
        line.connect()
        line.say(*(asked(number, "publish", {"room": ""}) for number in range(4 * MANY)))
        assert sorted(number for number, answer in answers(line, 4 * MANY) if not answer["ok"]) == list(range(4 * MANY))


def test_what_a_client_said_before_it_hung_up_is_done(deployment: Deployment, room: str) -> None:
    with Line(deployment.here) as line:
        line.connect()
        line.say(*(f"42{json.dumps(['publish', {'room': room, 'data': number}])}" for number in range(20)))
    eventually(lambda: len(history(deployment.there, room)) == 20, what="all that was said")
    assert [one["data"] for one in history(deployment.there, room)] == list(range(20))
