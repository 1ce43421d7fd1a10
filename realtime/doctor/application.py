"""How the application is set up: keys, settings, origins, threads or greenlets. It looks and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RoutingException

from ..concurrency import detected
from ..config import Settings, no_settings
from ..errors import ConfigError
from ..state import State
from .finding import Finding, error, ok, warning

_SHORT_KEY: Final = 16
_NEW_KEY: Final = "python -c 'import secrets; print(secrets.token_hex())'"
_LOCAL: Final = {"localhost", "127.0.0.1", "::1"}


def examine_application(app: Flask, state: State) -> Iterator[Finding]:
    """Look at all of it."""
    yield from check_secret(app.secret_key, kept=Path(app.instance_path) / "secret_key", shared=state.bus.shared)
    yield from check_names([*app.config, *os.environ])
    yield from check_late(app.config, state.settings)
    yield from check_origins(state.settings.allowed_origins)
    yield from check_mode(state.concurrency.mode, detected().mode)
    yield from check_access(decided=bool(state.access.authorize), private=state.settings.private_prefix)
    yield from check_addresses(app.wsgi_app, counted=_counts_addresses(state.settings))
    yield from check_order(state)
    yield from check_routes(app)


def check_secret(key: object, *, kept: Path, shared: bool) -> Iterator[Finding]:
    """The key that signs sessions."""
    if not key:
        yield error(
            "secret key",
            "SECRET_KEY is not set: sessions, and with them most logins, do not work",
            f"set it to the output of {_NEW_KEY}",
        )
    elif isinstance(key, str | bytes) and len(key) < _SHORT_KEY:
        yield error(
            "secret key",
            f"SECRET_KEY has {len(key)} characters and can be guessed: who has it can log in as anybody",
            f"set it to the output of {_NEW_KEY}",
        )
    elif kept.is_file() and key == kept.read_text("utf-8").strip():
        said = f"generated, and kept in {kept}"
        if shared:
            yield warning(
                "secret key", f"{said}: other machines do not have it", "set one SECRET_KEY for all processes"
            )
        else:
            yield ok("secret key", said)
    else:
        yield ok("secret key", "set")


def check_names(names: Iterable[str]) -> Iterator[Finding]:
    """Keys that look like settings and are none."""
    for name, mend in no_settings(names).items():
        yield warning("settings", f"{name} is no setting and has no effect", mend)


def check_late(config: Mapping[str, Any], used: Settings) -> Iterator[Finding]:
    """Settings that were made after they were read."""
    try:
        now = Settings.load(config, os.environ)
    except ConfigError as exc:
        yield error("settings", exc.message, "correct it, before Realtime is initialised")
        return
    late = [one.name for one in fields(Settings) if getattr(now, one.name) != getattr(used, one.name)]
    for name in late:
        yield error(
            "settings",
            f"REALTIME_{name.upper()} was set after Realtime had read its settings, and has no effect",
            "set it before Realtime(app) or realtime.init_app(app)",
        )
    if not late:
        yield ok("settings", "read as they are set")


def check_origins(origins: frozenset[str]) -> Iterator[Finding]:
    """Whose pages may connect."""
    plain = sorted(one for one in origins if one.startswith("http:") and urlsplit(one).hostname not in _LOCAL)
    local = sorted(one for one in origins if urlsplit(one).hostname in _LOCAL)
    for origin in plain:
        yield warning(
            "allowed origins",
            f"{origin} is not encrypted: who can change its pages on their way can act as its users here",
            "serve it by https and allow that",
        )
    if local:
        yield warning(
            "allowed origins",
            f"{', '.join(local)}: any program on a visitor's machine may act as that visitor",
            "fine while developing; leave it out of REALTIME_ALLOWED_ORIGINS in production",
        )
    if not plain and not local:
        yield ok("allowed origins", ", ".join(sorted(origins)) or "the application's own only")


def check_mode(mode: str, here: str) -> Iterator[Finding]:
    """Threads or greenlets, and whether the sockets fit."""
    if mode == "gevent" and here != "gevent":
        yield warning(
            "async mode",
            "SocketIO was made with async_mode='gevent', and this process is not patched by gevent: under `flask run` "
            "WebSockets are answered with an error, and with Redis every request waits",
            "leave async_mode out (it is found by itself), or patch first: from gevent import monkey; "
            "monkey.patch_all()",
        )
    elif mode not in {"gevent", "threading"}:
        yield error(
            "async mode", f"async_mode={mode!r} is not supported", "use 'gevent' or 'threading', or leave it out"
        )
    elif mode == "threading" and here == "gevent":
        yield warning(
            "async mode",
            "this process is patched by gevent, but SocketIO was made with async_mode='threading'",
            "leave async_mode out: it is found by itself",
        )
    elif mode == "threading" and find_spec("simple_websocket") is None:
        yield warning("async mode", "threads without simple-websocket: no WebSocket", "pip install simple-websocket")
    else:
        yield ok("async mode", f"{mode} in this process")


def check_access(*, decided: bool, private: str) -> Iterator[Finding]:
    """Whether anything restricts what clients may do."""
    if decided:
        yield ok("access", "authorize decides")
    elif private:
        yield ok("access", f"rooms that begin with {private} are for those who were granted them; all others are open")
    else:
        yield warning(
            "access",
            "no authorize: who can reach the server may read every room and publish to it",
            "@realtime.authorize, unless that is meant",
        )


def check_addresses(wsgi_app: object, *, counted: bool) -> Iterator[Finding]:
    """Whether clients behind a proxy have addresses of their own, where these are counted."""
    if not counted:
        return
    if isinstance(wsgi_app, ProxyFix):
        yield ok("addresses", "as the proxy says, by ProxyFix")
    else:
        yield warning(
            "addresses",
            "limits are set for addresses, and the application is not wrapped in ProxyFix: behind a proxy all clients "
            "share one, and one share of what is allowed",
            "after Realtime(app): app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1), with the number of your proxies; "
            "nothing where there is none",
        )


def _counts_addresses(settings: Settings) -> bool:
    counted = settings.max_connections_per_address, settings.max_polls_per_address
    return any((*counted, settings.publish_rate, settings.read_rate))


def check_order(state: State) -> Iterator[Finding]:
    """Whether the application's SocketIO is the one that Realtime serves."""
    try:
        state.starting.check()
    except ConfigError as exc:
        yield error("socketio", exc.message, "initialise it first, or leave it to Realtime(socketio=socketio)")
    else:
        yield ok("socketio", "on the log")


def check_routes(app: Flask) -> Iterator[Finding]:
    """Whether the application has a route of its own where one of Realtime's should answer."""
    adapter, hidden = app.url_map.bind("localhost"), []
    for path, endpoint in (("/events", "realtime.events"), ("/rooms/a/messages", "realtime.history")):
        try:
            found = adapter.match(path, method="GET")[0]
        except (HTTPException, RoutingException):
            found = "nothing"
        if found != endpoint:
            hidden.append(f"{path} is answered by {found}")
    if hidden:
        yield error("routes", "; ".join(hidden), "give that route of the application another path")
    else:
        yield ok("routes", "/events and /rooms/… are Realtime's")
