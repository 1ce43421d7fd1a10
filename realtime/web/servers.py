"""Servers that cannot serve what an application is asked for: one request at a time, or several processes that share
no log. What a server says of itself is WSGI's (PEP 3333). This file may not know what is served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from ..concurrency import detected
from ..errors import ConfigError

_KNOWING: Final = ("gunicorn", "Werkzeug")
_log: Final = logging.getLogger(__name__)


def check_turns(environ: dict[str, Any]) -> None:
    """A server that answers one request at a time (gunicorn's ``sync`` worker) would answer nobody else while a stream
    is open. ``wsgi.multithread`` says so; gevent's server alone means something else by it. Who names no server is a
    test.

    Raises:
        ConfigError: this is one.
    """
    server = environ.get("SERVER_SOFTWARE", "")
    turns = server.startswith("gevent") or detected().mode == "gevent"
    if server and not turns and not environ.get("wsgi.multithread"):
        raise ConfigError(
            f"{server} answers one request at a time here, and would answer nobody else while this stream is open. Use "
            "gunicorn --worker-class realtime.serve.worker.Worker, or a server with threads (docs/guides/deployment.md)"
        )


def parted(server: str) -> str:
    """What is the matter where several processes serve ``memory://``, and what to do."""
    return (
        f"REALTIME_BUS_URL is memory://, but {server} serves with several processes: each would have a log of its own, "
        "and most messages would not arrive. Set REALTIME_BUS_URL=redis://… for all of them, or start one worker"
    )


def check_alone(environ: dict[str, Any], warn: Callable[[str], None] = _log.warning) -> None:
    """Whether other processes of the same server answer requests for this application (``wsgi.multiprocess``), where
    the log lives inside each.

    gunicorn and Flask's development server know. Others, and whatever translates from another protocol to WSGI, may
    say so only because it could be: that is told in the log.

    Raises:
        ConfigError: it is so.
    """
    server = environ.get("SERVER_SOFTWARE", "") or "the server"
    if not environ.get("wsgi.multiprocess"):
        return
    if any(name in server for name in _KNOWING):
        raise ConfigError(parted(server))
    warn(f"{parted(server)}. Nothing is wrong if there is only this one")
