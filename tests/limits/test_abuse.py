"""A connection that does not heed its rate is closed with a reason; one that was refused now and then is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from realtime.errors import RateLimited
from realtime.web.abuse import Abuse
from tests.support.engine import Closed, Frames, Polling
from tests.support.processes import Server, eventually, running, start_gevent, start_threads

BURST = 5
MOST = 20
WINDOW = 30
LEAVE = '42["leave",{"room":"lobby"}]'
CLOSING = f'42["realtime.closing",{{"retry":{WINDOW * 1000},"reason":"rate_limited"}}]'
REASON = f"{MOST} events were refused within {WINDOW} seconds"


@pytest.fixture(scope="module", params=[start_gevent, start_threads], ids=["gevent", "threads"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, with few events."""
    server: Server = request.param(
        REALTIME_EVENT_RATE="0.001",
        REALTIME_EVENT_BURST=str(BURST),
        REALTIME_ABUSE_REFUSALS=str(MOST),
        REALTIME_ABUSE_WINDOW=str(WINDOW),
    )
    with running(server):
        yield server
        assert "Traceback" not in server.output


def closed_for_it(server: Server) -> float:
    """How many connections the metrics say were closed."""
    start = 'realtime_refused_total{limit="abuse"} '
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    return next(float(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start))


def connected(server: Server) -> Frames:
    frames = Frames(server.url)
    frames.opening()
    frames.send("40")
    assert str(frames.next()).startswith("40")
    return frames


def to_the_end(frames: Frames) -> tuple[list[str], Closed]:
    """All that still comes, and how it ends."""
    said = list[str]()
    try:
        while True:
            said.append(str(frames.next()))
    except Closed as end:
        return said, end


def test_a_websocket_is_told_why_and_for_how_long_and_closed_with_1008(server: Server) -> None:
    before = closed_for_it(server)
    with connected(server) as other, connected(server) as frames:
        frames.send(*[LEAVE] * (BURST + MOST - 1))
        frames.send('4277["leave",{"room":"lobby"}]')
        said, end = to_the_end(frames)
        assert CLOSING in said[-2:]
        assert (end.code, end.reason) == (1008, REASON)
        refusal = next(json.loads(one[4:]) for one in said if one.startswith("4377"))
        assert refusal[0]["error"]["code"] == "rate_limited"
        other.send('421["leave",{"room":"lobby"}]')
        assert other.next() == '431[{"ok":true}]'
    assert closed_for_it(server) == before + 1


def test_a_session_of_long_polling_is_told_and_its_poll_is_answered_with_close(server: Server) -> None:
    before, session = closed_for_it(server), Polling(server.url)
    session.post("40")
    assert session.poll()[0].startswith("40")
    got: list[str] = []

    def poll() -> None:
        while "1" not in got and (answer := session.get()).status_code == 200:
            got.extend(answer.text.split("\x1e"))

    polling = threading.Thread(target=poll)
    polling.start()
    for _ in range(BURST + MOST):
        session.post(LEAVE)
    polling.join(10)
    assert got[-2:] == [CLOSING, "1"]
    assert session.get().json()["error"]["code"] == "unknown_session"
    assert closed_for_it(server) == before + 1


def test_who_posts_too_much_at_once_and_does_not_poll_is_gone_all_the_same(server: Server) -> None:
    session = Polling(server.url)
    session.post("40")
    session.poll()
    session.post("\x1e".join([LEAVE] * (BURST + MOST * 2)))
    eventually(lambda: session.post(LEAVE).status_code == 400, within=5, what="the end of the session")


def test_who_is_refused_less_often_stays(server: Server) -> None:
    with connected(server) as frames:
        frames.send(*[LEAVE] * (BURST + MOST - 2))
        frames.send('425["leave",{"room":"lobby"}]')
        assert '"rate_limited"' in str(frames.next())
        frames.send("2")  # No client sends a PING: it is closed for that, and not before.
        assert frames.closed().code == 1002


@pytest.mark.parametrize(("every", "closed"), [(1.0, 1), (4.0, 0)])
def test_only_refusals_within_the_window_count(every: float, closed: int) -> None:
    now, told = 0.0, list[RateLimited]()
    abuse = Abuse(5, 10, close=lambda _eio_sid, error: told.append(error), clock=lambda: now)
    environ: dict[str, Any] = {}
    for _ in range(8):
        now += every
        abuse.refused("sid", environ)
    assert len(told) == closed


def test_zero_closes_nothing_and_keeps_nothing() -> None:
    told = list[RateLimited]()
    abuse = Abuse(0, 10, close=lambda _eio_sid, error: told.append(error))
    environ: dict[str, Any] = {}
    for _ in range(100):
        abuse.refused("sid", environ)
    assert (told, environ) == ([], {})
