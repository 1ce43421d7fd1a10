"""A user may have so many connections open and no more; however one of them ends, another one may be opened."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
import requests

from tests.limits.knocking import (
    DOORS,
    PATHS,
    UPGRADE,
    Headers,
    Open,
    all_at_once,
    is_full,
    knocked,
    name,
    opened,
    opened_soon,
    soon,
)
from tests.support.clients import SocketClient
from tests.support.polling import PollingWire
from tests.support.processes import Server, running, start_gevent, start_threads
from tests.support.streams import EventReader
from tests.support.wires import Refused

MOST = 3


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving. Nothing is noticed by a heartbeat."""
    server: Server = request.param(
        "tests.apps.access_app", REALTIME_MAX_CONNECTIONS_PER_USER=str(MOST), REALTIME_HEARTBEAT="60"
    )
    with running(server):
        yield server
        assert "Traceback" not in server.output


def cookie(server: Server, user: str) -> Headers:
    """What a browser sends in which somebody has logged in."""
    answer = requests.get(f"{server.url}/login/{user}", timeout=10)
    return {"Cookie": f"session={answer.cookies['session']}"}


def refusals(server: Server, limit: str) -> float:
    """How often the metrics say that a limit was met."""
    start = f'realtime_refused_total{{limit="{limit}"}} '
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    return next(float(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start))


@pytest.mark.parametrize("door", DOORS)
def test_one_too_many_is_answered_over_http_in_the_documented_shape_and_counted(server: Server, door: str) -> None:
    ada, bob = cookie(server, name()), cookie(server, name())
    with ExitStack() as stack:
        for other in ("sse", "websocket", "polling"):
            stack.enter_context(closing(opened(server.url, other, ada)))
        before = refusals(server, "connections_per_user")
        answer = knocked(server.url, door, ada)
        assert (answer.status, answer.retry_after) == (429, "1")
        error = answer.body["error"]
        assert error == {
            "code": "too_many_connections",
            "message": f"you have {MOST} connections open, which is the most allowed",
            "retry_after": 1,
        }
        assert refusals(server, "connections_per_user") == before + 1
        assert not is_full(server.url, door, bob)
        assert not is_full(server.url, door)
    soon(lambda: not is_full(server.url, door, ada), "a place that became free")


@pytest.mark.parametrize("door", DOORS)
def test_whoever_comes_back_again_and_again_always_finds_the_place_that_was_left(server: Server, door: str) -> None:
    headers = cookie(server, name())
    with ExitStack() as stack:
        for _ in range(MOST - 1):
            stack.enter_context(closing(opened(server.url, "sse", headers)))
        for _ in range(5):
            soon(lambda: not is_full(server.url, door, headers), "a place that became free")
            soon(lambda: not is_full(server.url, "websocket", headers), "a place that became free")
        stack.enter_context(closing(opened_soon(server.url, door, headers)))
        assert is_full(server.url, door, headers)


@pytest.mark.parametrize("door", ["sse", "websocket", "polling"])
def test_of_many_who_come_at_once_exactly_as_many_are_let_in_as_may(server: Server, door: str) -> None:
    headers = cookie(server, name())

    def come() -> int:
        return sum(1 for _ in range(3) if not is_full(server.url, door, headers))

    with ExitStack() as stack:
        let_in = []

        def stay() -> None:
            try:
                let_in.append(stack.enter_context(closing(opened(server.url, door, headers))))
            except Refused:
                pass

        all_at_once(MOST * 3, stay)
        assert len(let_in) == MOST
        assert come() == 0


@pytest.mark.parametrize("seed", [7])
def test_after_random_opens_and_ends_of_every_kind_exactly_as_many_places_are_there(server: Server, seed: int) -> None:
    chance, held = random.Random(seed), list[Open]()
    headers = cookie(server, name())
    for _ in range(40):
        door = chance.choice(DOORS)
        if held and chance.random() < len(held) / MOST:
            assert len(held) < MOST or is_full(server.url, door, headers)
            held.pop(chance.randrange(len(held))).close()
        else:
            held.append(opened_soon(server.url, door, headers))
    while len(held) < MOST:
        held.append(opened_soon(server.url, "sse", headers))
    assert all(is_full(server.url, door, headers) for door in DOORS)
    while held:
        held.pop().close()
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(closing(opened_soon(server.url, "websocket", headers)))
        assert is_full(server.url, "sse", headers)


def test_a_client_that_changes_from_polling_to_a_websocket_counts_once(server: Server) -> None:
    headers = cookie(server, name())
    with ExitStack() as stack:
        clients = [stack.enter_context(SocketClient(server.url, "polling", headers=headers)) for _ in range(MOST)]
        for client in clients:
            wire = client.wire
            assert isinstance(wire, PollingWire)
            wire.upgrade.set()
            client.emit("nothing")
            client.ask("leave", {"room": "any"})
            client.ask("leave", {"room": "any"})
            soon(lambda wire=wire: wire.upgraded, "a WebSocket")
        assert is_full(server.url, "websocket", headers)
        clients[0].close()
        soon(lambda: not is_full(server.url, "websocket", headers), "a place that became free")


def test_a_handshake_that_fails_midway_takes_no_place(server: Server) -> None:
    headers = cookie(server, name())
    parts = urlsplit(server.url)
    fields = "".join(f"{one}: {value}\r\n" for one, value in {"Host": "a", **UPGRADE, **headers}.items())
    for path in (PATHS["websocket"], PATHS["websocket"].replace("transport", "t%72ansport"), PATHS["sse"]):
        for _ in range(MOST * 2):
            with socket.create_connection((parts.hostname, parts.port)) as line:
                # A reset, as soon as it was asked.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                line.sendall(f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode())
        soon(lambda: not is_full(server.url, "sse", headers), "a place that became free")
        with ExitStack() as stack:
            for _ in range(MOST):
                stack.enter_context(closing(opened_soon(server.url, "sse", headers)))
        soon(lambda: not is_full(server.url, "websocket", headers), "a place that became free")


@pytest.mark.parametrize("door", ["sse", "websocket", "polling"])
def test_what_the_server_ends_makes_place_too(server: Server, door: str) -> None:
    user = name()
    headers = cookie(server, user)
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(closing(opened(server.url, door, headers)))
        assert is_full(server.url, door, headers)
        requests.post(f"{server.url}/logout/{user}", timeout=10)
        soon(lambda: not is_full(server.url, door, headers), "a place that became free")


def test_a_ticket_counts_as_its_users_until_it_expires(server: Server) -> None:
    user = name()
    ticket = requests.get(f"{server.url}/ticket/{user}?room=knocking&expires=1", timeout=10).text
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(EventReader(server.url, "knocking", ticket=ticket)).ready()
        assert is_full(server.url, "sse", cookie(server, user))
        soon(lambda: not is_full(server.url, "sse", cookie(server, user)), "the end of the tickets")


def test_a_client_that_connects_with_a_ticket_of_somebody_who_has_enough_is_refused_there(server: Server) -> None:
    user = name()
    ticket = requests.get(f"{server.url}/ticket/{user}?room=knocking", timeout=10).text
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(SocketClient(server.url, auth={"ticket": ticket}))
        assert is_full(server.url, "sse", cookie(server, user))
        refused = stack.enter_context(SocketClient(server.url, auth={"ticket": ticket}, refusable=True))
        (answer,) = refused.refusals
        assert answer["message"] == answer["data"].pop("message")
        assert answer["data"] == {"code": "too_many_connections", "retry_after": 1}


def test_a_client_that_refreshes_counts_as_whom_it_has_become_or_stays_who_it_was(server: Server) -> None:
    user, other = name(), name()
    ticket, others = (
        requests.get(f"{server.url}/ticket/{one}?room=knocking", timeout=10).text for one in (user, other)
    )
    with ExitStack() as stack:
        for _ in range(MOST - 1):
            stack.enter_context(SocketClient(server.url, auth={"ticket": ticket}))
        first, second = (stack.enter_context(SocketClient(server.url)) for _ in range(2))
        assert first.ask("refresh", {"ticket": ticket})["ok"]
        assert is_full(server.url, "sse", cookie(server, user))
        assert second.ask("refresh", {"ticket": ticket})["error"]["code"] == "too_many_connections"
        # It is nobody still, and may become somebody else.
        assert second.ask("refresh", {"ticket": others})["ok"]
        first.close()
        soon(lambda: not is_full(server.url, "sse", cookie(server, user)), "a place that became free")
