"""What each test application ends with: run like ``server.py``, on the ``PORT`` of the environment."""

from __future__ import annotations

import os

from flask import Flask

from realtime.extension import EXTENSION


def run(app: Flask) -> None:
    """Serve with the project's gevent server until told to stop."""
    # Only the program needs a server: under `flask run` this must not be imported.
    from realtime.serve.gevent_server import serve

    serve(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        on_stop=app.extensions[EXTENSION].close,
        access_log="ACCESS_LOG" in os.environ,
    )
