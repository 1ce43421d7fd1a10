"""A testing client: what an application's subscribers see, by event stream or Socket.IO, without server or network.

    from realtime import testing

    def test_shipping_is_told(app):
        with testing.subscribe(app, "orders", transport="sse") as reader:
            app.test_client().post("/orders/7/ship")
            assert reader.expect("shipped", timeout=1).data == {"order": 7}

It works with every bus and in any test framework. It imports no server and changes nothing in the application.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from flask import Flask
from flask.testing import FlaskClient

from ..arguments import MOST_MESSAGES, whole
from ..concurrency import detected
from ..errors import ConfigError, RealtimeError
from ..names import shortened
from ..state import State
from .event_stream import EventStreamReader
from .reader import ANYTHING, PATIENCE, AccessRefused, Reader, Received
from .socket_session import SocketReader
from .wsgi import Wsgi

__all__ = ["ANYTHING", "AccessRefused", "Reader", "Received", "SocketReader", "Transport", "refused", "subscribe"]

Transport = Literal["sse", "socketio"]


@overload
def subscribe(
    app: Flask,
    *rooms: str,
    transport: Literal["socketio"],
    after: str | None = None,
    history: int = 0,
    client: FlaskClient | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Any = None,
) -> SocketReader: ...


@overload
def subscribe(
    app: Flask,
    *rooms: str,
    transport: Transport = "sse",
    after: str | None = None,
    history: int = 0,
    client: FlaskClient | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Any = None,
) -> Reader: ...


def subscribe(
    app: Flask,
    *rooms: str,
    transport: Transport = "sse",
    after: str | None = None,
    history: int = 0,
    client: FlaskClient | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Any = None,
) -> Reader:
    """Subscribe to rooms, as a browser does. Use it as a context manager; it is subscribed when this returns.

    Args:
        app: an application that ``Realtime`` was initialised for.
        rooms: at least one.
        transport: ``"sse"`` reads ``GET /events``, ``"socketio"`` connects a Socket.IO client that joins the rooms.
        after: a cursor: what the log holds after it comes first. ``reader.recovered`` says whether that is all.
        history: without a cursor, how many of the newest messages come first (of each room, over Socket.IO).
        client: a test client of the application whose cookies, and so whose session, the subscriber has.
        headers: sent with every request, such as ``Authorization``.
        auth: what a Socket.IO client gives when it connects.

    Raises:
        AccessRefused: the application did not let it in; ``refused`` expects that.
        InvalidValue: ``history`` is no number of messages.
        ConfigError: an argument is not what it should be; or the application has no Realtime, or uses gevent and Redis
            in a process that is not patched, or allows Socket.IO no long polling.
    """
    if not isinstance(app, Flask):
        raise ConfigError(f"subscribe(app, 'lobby') takes the Flask application first, not {shortened(app)}")
    state: State | None = app.extensions.get("realtime")
    if state is None:
        raise ConfigError(f"{app.name!r} has no Realtime: call Realtime(app) or realtime.init_app(app) first")
    if state.concurrency.mode == "gevent" and detected().mode != "gevent" and state.bus.shared:
        # The greenlet that follows Redis would wait without letting others run.
        raise ConfigError(
            "SocketIO uses gevent, which it does by itself where that is installed, but this process is not patched by "
            "gevent, so that Redis cannot be followed. In tests make it with SocketIO(async_mode='threading')"
        )
    if transport == "socketio" and "polling" not in state.socketio.server.eio.transports:
        raise ConfigError(
            "SocketIO was made with transports= without 'polling', by which this client connects; "
            "leave transports out in tests"
        )
    if not rooms or not all(isinstance(room, str) for room in rooms):
        raise ConfigError(f"name at least one room: subscribe(app, 'lobby'), not {shortened(rooms)}")
    if client is not None and not isinstance(client, FlaskClient):
        raise ConfigError(f"client is what app.test_client() makes, not {shortened(client)}")
    if headers is not None and not isinstance(headers, Mapping):
        raise ConfigError(f"headers is a mapping, not {shortened(headers)}")
    whole("history", history, most=MOST_MESSAGES)
    _catch_up(state)
    wsgi = Wsgi(app, client=client, headers=headers)
    if transport == "sse":
        return EventStreamReader(state, wsgi, rooms, after=after, history=history)
    if transport == "socketio":
        return SocketReader(state, wsgi, rooms, after=after, history=history, auth=auth)
    raise ConfigError(f"transport is {transport!r}; allowed is 'sse' or 'socketio'")


def _catch_up(state: State) -> None:
    """Have this process deliver what was published before: on a shared bus it is a moment behind, and a test that
    published first and subscribed then would see the one or the other.
    """
    try:
        state.ready()
        state.hub.wait_for(state.bus.latest((), limit=0).cursor, timeout=PATIENCE)
    except RealtimeError:
        pass  # The subscriber is told, as it would be by a server.


def refused(app: Flask, *rooms: str, code: str | None = None, **options: Any) -> AccessRefused:
    """The application must not let such a subscriber in; return what it was told.

    Args:
        app: the application.
        rooms: what is asked for.
        code: the error's word, such as ``"forbidden"``.
        options: as for ``subscribe``.

    Raises:
        AssertionError: it was let in, or refused with another word.
    """
    try:
        reader = subscribe(app, *rooms, **options)
    except AccessRefused as exc:
        if code is not None and exc.code != code:
            raise AssertionError(f"expected to be refused with {code!r}, but was with {exc}") from exc
        return exc
    reader.close()
    raise AssertionError(f"expected to be refused, but was let into {', '.join(rooms)} over {reader.transport}")
