"""A server that is told to stop tells each client when to come back, over a window, and is gone in time."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.clients import SocketClient
from tests.support.processes import Server, eventually, start_gevent, start_gunicorn
from tests.support.streams import EventReader

RETRY, WINDOW = 0.5, 4.0
CLIENTS = 40


@pytest.fixture(params=[start_gevent, start_gunicorn], ids=["server.py", "gunicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    start: Callable[..., Server] = request.param
    server = start(REALTIME_RETRY=str(RETRY), REALTIME_RESTART_WINDOW=str(WINDOW))
    yield server
    server.stop()


def stop(server: Server) -> None:
    """Stop it the way a deployment does, and wait for its end."""
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    eventually(lambda: server.popen.poll() is not None, within=8, what="the end of the program")
    assert time.monotonic() - begun < 5


def said(stream: EventReader) -> int:
    """What a stream heard last: when to come back, in milliseconds."""
    found = re.search(rb'retry: (\d+)\n\nevent: realtime.closing\ndata: \{"retry":(\d+)\}\n\n\Z', stream.raw)
    assert found, stream.raw[-200:]
    assert found[1] == found[2]
    return int(found[1])


def test_streams_are_told_to_come_back_spread_over_the_window(server: Server, room: str) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(EventReader(server.url, room)) for _ in range(CLIENTS)]
        for stream in streams:
            stream.ready()
        stop(server)
        eventually(lambda: all(stream.ended for stream in streams), what="the streams' end")
        times = sorted(said(stream) for stream in streams)
    assert times[0] >= RETRY * 1000
    assert times[-1] <= (RETRY + WINDOW) * 1000
    # In no tenth of a second does a fifth of them come back.
    most = max(len([one for one in times if start <= one < start + 100]) for start in times)
    assert most <= CLIENTS / 5
    assert times[-1] - times[0] > WINDOW * 1000 / 2


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_socketio_clients_in_a_room_hear_it_and_their_transport_closes(
    server: Server, room: str, transport: str
) -> None:
    client = SocketClient(server.url, transport)
    client.join(room)
    stop(server)
    eventually(lambda: client.ended, what="the connection's end")
    client.close()
    told = client.named("realtime.closing")
    assert [RETRY * 1000 <= one.data["retry"] <= (RETRY + WINDOW) * 1000 for one in told] == [True]
    # No DISCONNECT packet: after one a stock client stays away for good.
    assert [one.event for one in client.got if one.event == "(disconnected)"] == []


def test_what_was_accepted_before_the_signal_comes_before_the_goodbye(server: Server, room: str) -> None:
    publisher = SocketClient(server.url)
    with EventReader(server.url, room) as stream:
        stream.ready()
        ids = [publisher.ask("publish", {"room": room, "data": number})["id"] for number in range(20)]
        stop(server)
        eventually(lambda: stream.ended, what="the stream's end")
        assert stream.ids == ids
        said(stream)
    publisher.close()
