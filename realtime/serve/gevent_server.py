"""``python server.py``: gevent's server, started, announced, and stopped so that clients can come back elsewhere.

The process must have been patched by gevent before anything else was imported; ``server.py`` does that.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer

from .handler import Handler

_GRACE_SECONDS = 5.0


def serve(app: Any, *, host: str, port: int, on_stop: Callable[[], None], access_log: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, then stop accepting, end what is open, and return.

    Args:
        app: the WSGI application.
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        on_stop: ends streams and connections, so that their clients reconnect elsewhere.
        access_log: write a line per request to standard error.
    """
    errors = logging.getLogger("realtime.serve")
    log = "default" if access_log else None
    server = WSGIServer((host, port), app, handler_class=Handler, log=log, error_log=errors)
    try:
        server.start()
    except OSError as exc:
        sys.exit(f"cannot listen on {host}:{port}: {exc.strerror}; set HOST and PORT")
    stopping = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    shown = f"[{host}]" if ":" in host else host
    print(f"Listening on http://{shown}:{server.server_port}", flush=True)  # noqa: T201  the one line a user waits for
    stopping.wait()
    server.stop_accepting()
    on_stop()
    server.stop(timeout=_GRACE_SECONDS)
