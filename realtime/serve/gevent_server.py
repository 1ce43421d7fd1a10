"""``python server.py``: gevent's server, started, announced, and stopped so that clients can come back elsewhere.

The process must have been patched by gevent before anything else was imported; ``server.py`` does that. This file
may not know what is served.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from ..errors import ConfigError
from .collector import spare_collector
from .draining import Draining
from .handler import Handler
from .mounting import mount_point, mounted

_GRACE_SECONDS = 5.0


class Server(Draining, WSGIServer):
    """gevent's server, ending idle connections when it closes, and sending small answers at once."""

    def init_socket(self) -> None:
        """Listen. Accepted sockets inherit that nothing waits for the client's ACK, which clients delay by 40 ms."""
        super().init_socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def serve(app: Any, *, host: str, port: int, on_stop: Callable[[], None], access_log: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, then stop accepting, end what is open, and return.

    Where the environment has ``SCRIPT_NAME``, the application is below that path.

    Args:
        app: the WSGI application.
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        on_stop: ends streams and connections, so that their clients reconnect elsewhere.
        access_log: write a line per request to standard error.
    """
    try:
        path = mount_point(os.environ)
    except ConfigError as exc:
        sys.exit(f"configuration: {exc}")
    errors = logging.getLogger("realtime.serve")
    log = "default" if access_log else None
    app = mounted(app, path)
    # The pool is what stop() waits for; without one it would cut off the requests that are being served.
    server = Server((host, port), app, handler_class=Handler, log=log, error_log=errors, spawn=Pool())
    server.logs_requests = access_log
    try:
        server.start()
    except OSError as exc:
        sys.exit(f"cannot listen on {host}:{port}: {exc.strerror}; set HOST and PORT")
    spare_collector()
    stopping = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    shown = f"[{host}]" if ":" in host else host
    print(f"Listening on http://{shown}:{server.server_port}{path}", flush=True)  # noqa: T201  the one line a user waits for
    stopping.wait()
    server.close()
    on_stop()
    server.stop(timeout=_GRACE_SECONDS)
