"""The lab's knife cuts the connection that bears the lane's name, and never what has its descriptor's number since."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask

from realtime.web import lanes as knife
from realtime.web.lanes import Lanes

Pair = tuple[socket.socket, socket.socket]
EVENTS = "realtime.events"


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A server's socket and its client's."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    yield ours, theirs
    ours.close()
    theirs.close()


def watched() -> tuple[Flask, Lanes]:
    app, lanes = Flask("some"), Lanes(SimpleNamespace(environ={}, eio=SimpleNamespace(sockets={})))
    app.add_url_rule("/events", EVENTS, lambda: "")
    app.add_url_rule("/rooms", "rooms", lambda: "")
    lanes.watch(app)
    return app, lanes


def request(app: Flask, path: str, lane: str, ours: socket.socket) -> None:
    """A request of a lane, over its connection."""
    app.test_client().get(f"{path}?lane={lane}", environ_overrides={"werkzeug.socket": ours})


def test_a_stream_is_cut_at_its_socket(pair: Pair) -> None:
    app, lanes = watched()
    lane = secrets.token_hex(16)
    request(app, "/events", lane, pair[0])
    assert lanes.cut(secrets.token_hex(16)) == 0
    assert lanes.cut(lane) == 1
    assert pair[1].recv(1) == b""
    assert lanes.cut(lane) == 0


def test_a_request_that_is_over_leaves_nothing_to_cut(pair: Pair) -> None:
    app, lanes = watched()
    lane = secrets.token_hex(16)
    request(app, "/rooms", lane, pair[0])
    assert lanes.cut(lane) == 0
    pair[0].sendall(b"x")
    assert pair[1].recv(1) == b"x"


def test_where_there_is_nothing_to_cut_the_next_request_is_cut_and_only_that(pair: Pair) -> None:
    app, lanes = watched()
    lane = secrets.token_hex(16)
    assert lanes.cut(lane) == 0
    request(app, "/rooms", secrets.token_hex(16), pair[0])
    pair[0].sendall(b"x")
    assert pair[1].recv(1) == b"x"
    request(app, "/rooms", lane, pair[0])
    assert pair[1].recv(1) == b""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request(app, "/rooms", lane, ours)
        ours.sendall(b"y")
        assert theirs.recv(1) == b"y"


def test_the_cut_of_a_lane_that_does_not_come_is_forgotten(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knife, "_DOOMED", 0)
    app, lanes = watched()
    lane = secrets.token_hex(16)
    assert lanes.cut(lane) == 0
    request(app, "/rooms", lane, pair[0])
    pair[0].sendall(b"x")
    assert pair[1].recv(1) == b"x"


def test_who_has_the_number_of_a_closed_connection_is_not_cut(pair: Pair) -> None:
    app, lanes = watched()
    lane, (ours, theirs) = secrets.token_hex(16), pair
    number = ours.fileno()
    request(app, "/events", lane, ours)
    stranger, other = socket.socketpair()
    with stranger, other:
        os.dup2(stranger.fileno(), number)
        assert lanes.cut(lane) == 0
        stranger.sendall(b"x")
        assert other.recv(1) == b"x"
    assert theirs.recv(1) == b""


def test_a_closed_connection_and_a_name_that_is_none_are_no_error(pair: Pair) -> None:
    app, lanes = watched()
    lane = secrets.token_hex(16)
    request(app, "/events", "me", pair[0])
    request(app, "/events", lane, pair[0])
    pair[0].close()
    assert lanes.cut(lane) == 0


def test_only_the_newest_lanes_are_remembered(pair: Pair) -> None:
    app, lanes = watched()
    names = [secrets.token_hex(16) for _ in range(257)]
    for name in names:
        request(app, "/events", name, pair[0])
    assert [lanes.cut(names[0]), lanes.cut(names[1]), lanes.cut(names[-1])] == [0, 1, 1]
