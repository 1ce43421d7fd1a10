"""A revocation that a process could not hear of, because the log went on without it, is found by looking everybody up.

Until then nobody reads on for whom somebody was asked: what came after the revocation is not replayed to the revoked.
"""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, eventually, running, start_gevent, start_threads
from tests.support.publishing import path
from tests.support.streams import EventReader

from .doors import log_in
from .test_revocation import control, revoke, say
from .test_tickets import ticket

KEPT = 100
"""Entries of the log: the fewest that can be set."""
LATER = 2.5
"""Seconds: more than the clocks of two machines are expected to differ."""


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def two(request: pytest.FixtureRequest, shared_redis: Redis) -> Iterator[tuple[Server, Server]]:
    """Where the clients are, and where it is decided; on a log that is short."""
    settings = {
        "REALTIME_BUS_URL": shared_redis.url,
        "REALTIME_NAMESPACE": f"missed-{uuid.uuid4().hex[:8]}",
        "REALTIME_LOG_LENGTH": str(KEPT),
    }
    start: Callable[..., Server] = request.param
    here, there = start("tests.apps.access_app", **settings), start_gevent("tests.apps.access_app", **settings)
    with running(here, there):
        yield here, there


def missed(here: Server, there: Server, do: Callable[[], object]) -> None:
    """Do something that one process can find no more in the log when it goes on."""
    here.signal(signal.SIGSTOP)
    try:
        do()
        with requests.Session() as line:
            for number in range(KEPT * 4):
                assert line.post(there.url + path("elsewhere"), json={"data": number}, timeout=30).status_code == 201
    finally:
        here.signal(signal.SIGCONT)


def test_streams_and_clients_lose_what_was_taken_and_get_nothing_that_came_after(two: tuple[Server, Server]) -> None:
    here, there = two
    user, room = f"user-{uuid.uuid4().hex[:8]}", f"club/{uuid.uuid4().hex[:8]}"
    theirs, others = log_in(here.url, user), log_in(here.url, f"{user}-friend")
    with (
        EventReader(here.url, room, headers=theirs) as stream,
        EventReader(here.url, room, f"{room}/2", headers=theirs) as wide,
        EventReader(here.url, room, headers=others) as friend,
        SocketClient(here.url, headers=theirs) as client,
        SocketClient(here.url, auth={"ticket": ticket(here, user, room)}) as bearer,
    ):
        stream.ready(), wide.ready(), friend.ready()
        client.join(room), client.join(f"{room}/2"), bearer.join(room)
        say(there, room, "before", others)
        for one in (stream, wide, friend, client, bearer):
            one.wait(1)

        def decide() -> None:
            revoke(there, user, room, silently="")
            say(there, room, "secret", others)
            say(there, f"{room}/2", "on", others)

        missed(here, there, decide)
        eventually(lambda: stream.ended, within=10)
        friend.wait(2), wide.wait(2)
        eventually(lambda: client.named("realtime.revoked") and bearer.named("realtime.revoked"))
        eventually(lambda: len(client.named("message")) == 2)
        assert friend.data == ["before", "secret"]
        assert (stream.data, wide.data) == (["before"], ["before", "on"])
        assert ("realtime.revoked", {"room": room}) in control(wide)
        assert [one.data for one in client.named("message")] == ["before", "on"]
        assert [one.data for one in bearer.named("message")] == ["before"]


def test_who_lost_everything_is_sent_away(two: tuple[Server, Server]) -> None:
    here, there = two
    user = f"user-{uuid.uuid4().hex[:8]}"
    with SocketClient(here.url, headers=log_in(here.url, user)) as client:
        missed(here, there, lambda: revoke(there, user, silently=""))
        client.wait_until_ended(within=10)
        assert client.named("realtime.revoked")[0].data == {"room": None}


def test_who_was_let_in_after_all_was_revoked_is_not_sent_away_for_it(two: tuple[Server, Server]) -> None:
    here, there = two
    user, room = f"user-{uuid.uuid4().hex[:8]}", f"club/{uuid.uuid4().hex[:8]}"
    theirs, others = log_in(here.url, user), log_in(here.url, f"{user}-friend")
    revoke(there, user, silently="")
    revoked = revoke(there, user, room, silently="")
    # A moment later they log in again.
    eventually(lambda: time.monotonic() > revoked + LATER, what="that moment")
    with (
        EventReader(here.url, room, headers=theirs) as stream,
        SocketClient(here.url, headers=theirs) as client,
    ):
        stream.ready(), client.join(room)
        missed(here, there, lambda: say(there, room, "on", others))
        stream.wait(1)
        eventually(lambda: client.named("message"))
        say(there, room, "and on", others)
        stream.wait(2)
        eventually(lambda: len(client.named("message")) == 2)
        # Of an outage it may well hear: a process that was stopped for long cannot tell.
        outage = {"realtime.degraded", "realtime.restored"}
        assert [name for name, _ in control(stream) if name not in outage] == []
        assert client.named("realtime.revoked") == []
