"""The application's ``SocketIO``: found or made, and whether it can be trusted with cookies.

The upper floor of what concerns Flask-SocketIO. This file may not know rooms, messages or the bus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from .concurrency import detected
from .config import Settings
from .errors import ConfigError
from .names import shortened
from .web import origin


def check_order(app: Flask, socketio: SocketIO, wsgi_app: object) -> None:
    """A ``SocketIO`` that came later has put a server of its own in front, which knows nothing of rooms' logs."""
    again = isinstance(app.wsgi_app, type(socketio.sockio_mw)) and app.wsgi_app is not wsgi_app
    if again or app.extensions.get("socketio") is not socketio:
        raise ConfigError(
            f"SocketIO was initialised for {app.name!r} after Realtime, and would go its own way. Initialise it first "
            "(socketio.init_app(app), then realtime.init_app(app)), or leave it to Realtime(socketio=socketio)"
        )


def check_patched(mode: str, *, shared: bool) -> None:
    """Greenlets of a process that gevent has not patched wait for Redis without letting others run: with the first that
    follows the log everything would stand still.

    Raises:
        ConfigError: that is so here.
    """
    if shared and mode == "gevent" and detected().mode != "gevent":
        raise ConfigError(
            "SocketIO uses gevent, which it does by itself where that is installed, but this process is not patched by "
            "gevent, so that Redis cannot be followed. Begin the program with `from gevent import monkey; "
            "monkey.patch_all()`, or make it with SocketIO(async_mode='threading'), or start it with `flask run` or "
            "gunicorn --worker-class realtime.serve.worker.Worker; a script that only publishes takes a Publisher"
        )


def in_request(
    socketio: SocketIO, sid: str, event: str, arguments: tuple[Any, ...], handler: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """Call a handler the way Flask-SocketIO calls the application's own: ``request``, ``session`` and what stands on
    them (Flask-Login's ``current_user``) are the client's.
    """
    answer: dict[str, Any] = socketio._handle_event(handler, event, "/", sid, *arguments)
    return answer


def socketio_of(app: Flask, settings: Settings, given: SocketIO | None) -> SocketIO:
    """The ``SocketIO`` that was given, or that the application has, or a new one.

    Raises:
        ConfigError: it is none, or lets pages of every site in.
    """
    if given is not None and not isinstance(given, SocketIO):
        raise ConfigError(f"socketio= is the application's SocketIO, not {shortened(given)}")
    socketio = given or app.extensions.get("socketio")
    if socketio is None or socketio.server is None:
        socketio = _initialised(app, settings, socketio or SocketIO())
    _check_origins(socketio.server.eio.cors_allowed_origins)
    return socketio


def _initialised(app: Flask, settings: Settings, socketio: SocketIO) -> SocketIO:
    options: dict[str, Any] = {
        "async_mode": detected().mode,
        "cors_allowed_origins": lambda _origin, environ: origin.is_allowed(environ, settings.allowed_origins),
        "ping_interval": settings.heartbeat,
        # Both ends notice within two heartbeats that the other is gone; but a slow network may take its time.
        "ping_timeout": max(settings.heartbeat, 2),
        # Escaped JSON, event name and packet head around the largest allowed message.
        "max_http_buffer_size": settings.max_message_bytes * 3 + 4096,
    }
    for name in socketio.server_options:
        options.pop(name, None)
    socketio.init_app(app, **options)
    return socketio


def _check_origins(allowed: Any) -> None:
    """Where every site's pages may connect, they do so with the cookies of whoever looks at them."""
    if allowed == "*" or (isinstance(allowed, list | tuple | set | frozenset) and "*" in allowed):
        raise ConfigError(
            "SocketIO has cors_allowed_origins='*': the pages of every site could speak as your users, whose cookies "
            "travel along. Leave it out and name the origins in REALTIME_ALLOWED_ORIGINS, or give it a list of them"
        )
