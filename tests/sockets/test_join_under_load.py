"""Joining, leaving and coming back while others publish flat out: no hole, no double, and the acknowledgement between
what was missed and what is live.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.clients import ACK, SocketClient
from tests.support.polling import PollingWire
from tests.support.processes import eventually
from tests.support.publishing import Flood

from .deployment import Deployment

Connect = Callable[..., SocketClient]

both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])


def split(client: SocketClient) -> tuple[list[str], list[str]]:
    """The ids of what came before the first acknowledgement, and of what came after it."""
    at = next(number for number, one in enumerate(client.got) if one.event == ACK)
    before, after = client.got[:at], client.got[at + 1 :]
    return [one.id for one in before], [one.id for one in after if one.event != ACK]


def after(ids: list[str], cursor: str) -> list[str]:
    """The ids that are greater than the cursor."""
    low = tuple(map(int, cursor.split("-")))
    return [one for one in ids if tuple(map(int, one.split("-"))) > low]


@both_transports
def test_plain_joins_get_everything_after_the_acknowledged_cursor_and_nothing_before_it(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    clients = [connect(deployment.there, transport) for _ in range(5)]
    with Flood(deployment.here, room) as flood:
        flood.wait(20)
        cursors = [client.join(room)["cursor"] for client in clients]
        flood.wait(len(flood.ids) + 100)
    for client, cursor in zip(clients, cursors, strict=True):
        eventually(lambda client=client: client.events and client.ids[-1] == flood.ids[-1], what="the last message")
        assert split(client) == ([], after(flood.ids, cursor))


@both_transports
def test_joins_from_a_cursor_get_the_missed_before_and_the_live_after_the_acknowledgement(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    clients = [connect(deployment.there, transport) for _ in range(5)]
    with Flood(deployment.here, room) as flood:
        flood.wait(150)
        answers = [client.join(room, after=flood.ids[number * 20]) for number, client in enumerate(clients)]
        flood.wait(len(flood.ids) + 100)
    for number, (client, answer) in enumerate(zip(clients, answers, strict=True)):
        eventually(lambda client=client: client.ids[-1] == flood.ids[-1], what="the last message")
        missed, live = split(client)
        assert answer["recovered"] is True
        assert live == after(flood.ids, answer["cursor"])
        assert missed + live == flood.ids[number * 20 + 1 :]


@both_transports
def test_joins_with_history_get_that_many_messages_and_then_all_that_follow(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    clients = [connect(deployment.there, transport) for _ in range(5)]
    with Flood(deployment.here, room) as flood:
        flood.wait(50)
        answers = [client.join(room, history=20) for client in clients]
        flood.wait(len(flood.ids) + 100)
    for client, answer in zip(clients, answers, strict=True):
        eventually(lambda client=client: client.ids[-1] == flood.ids[-1], what="the last message")
        history, live = split(client)
        assert live == after(flood.ids, answer["cursor"])
        assert len(history) == 20
        assert history + live == flood.ids[-len(history + live) :]


@both_transports
def test_leaving_and_coming_back_from_the_last_id_loses_and_doubles_nothing(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    client = connect(deployment.there, transport)
    with Flood(deployment.here, room) as flood:
        flood.wait(1)
        client.join(room, after="0-0")
        for _ in range(8):
            flood.wait(len(flood.ids) + 15)
            assert client.ask("leave", {"room": room})["ok"]
            assert client.join(room, after=client.ids[-1])["recovered"] is True
    eventually(lambda: client.ids[-1] == flood.ids[-1], what="the last message")
    assert client.ids == flood.ids


@both_transports
def test_a_second_room_joined_from_a_cursor_disturbs_the_first_room_not(
    deployment: Deployment, connect: Connect, transport: str, room: str
) -> None:
    client = connect(deployment.there, transport)
    rooms = [f"{room}-{number}" for number in range(4)]
    with Flood(deployment.here, *rooms) as flood:
        flood.wait(100)
        start = flood.ids[0]
        for name in rooms:
            client.join(name, after=start)
            flood.wait(len(flood.ids) + 25)
    eventually(lambda: len(client.events) >= len(flood.ids) - 1, what="every message")
    by_room = [[one.data for one in client.events if one.data % 4 == number] for number in range(4)]
    for number, got in enumerate(by_room):
        assert got == list(range(number or 4, len(flood.ids), 4))


def test_changing_from_polling_to_websocket_loses_and_doubles_nothing(
    deployment: Deployment, connect: Connect, room: str
) -> None:
    clients = [connect(deployment.there, "polling") for _ in range(3)]
    with Flood(deployment.here, room) as flood:
        flood.wait(10)
        for client in clients:
            client.join(room, after=flood.ids[0])
        for client in clients:
            assert isinstance(client.wire, PollingWire)
            flood.wait(len(flood.ids) + 30)
            client.wire.upgrade.set()
            client.emit("publish", {"room": f"{room}-2", "data": "unharmed"})
        flood.wait(len(flood.ids) + 100)
        for client in clients:
            eventually(lambda client=client: client.wire.upgraded, what="the upgrade")
            assert client.ask("leave", {"room": "another"}) == {"ok": True}
        flood.wait(len(flood.ids) + 50)
    for client in clients:
        eventually(lambda client=client: client.ids[-1] == flood.ids[-1], what="the last message")
        assert client.ids == flood.ids[1:]
