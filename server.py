"""The application that comes with the project: the chat and every door, ready to run.

``python server.py`` serves it with gevent; ``flask --app server run`` with threads; the Procfile with gunicorn. This
is the only file whose import has side effects: it makes ``app``, and when it is the program, patches the process first.
"""

from __future__ import annotations

if __name__ == "__main__":
    # Before anything else is imported: what is imported unpatched would block every client while it waits.
    from gevent import monkey

    monkey.patch_all()

import logging
import os
import sys

from flask import Flask

from realtime import ConfigError, Realtime
from realtime.extension import EXTENSION
from realtime.secret import kept_secret
from realtime.web import pages

realtime = Realtime()


def create_app(config: dict[str, object] | None = None) -> Flask:
    """The application, configured by ``config``, else by environment variables (``REALTIME_*``, ``SECRET_KEY``)."""
    app = Flask(__name__)
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SECRET_KEY=os.environ.get("SECRET_KEY"))
    # Below a path, the origin's other applications have sessions of their own.
    app.config["SESSION_COOKIE_PATH"] = os.environ.get("SCRIPT_NAME", "").rstrip("/") or None
    for on in ("REALTIME_LAB", "REALTIME_PRESENCE"):
        app.config[on] = os.environ.get(on, "true")
    app.config["REALTIME_PRIVATE_PREFIX"] = os.environ.get("REALTIME_PRIVATE_PREFIX", "private/")
    app.config.update(config or {})
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = kept_secret(app.instance_path)
    realtime.init_app(app)
    pages.register(app, invitations=bool(app.config["REALTIME_PRIVATE_PREFIX"]))
    pages.register_errors(app)
    return app


def main() -> None:
    """Serve until told to stop."""
    # Only the program needs a server: under `flask run` and gunicorn this must not be imported.
    from realtime.serve.gevent_server import serve  # noqa: PLC0415

    state = app.extensions[EXTENSION]
    port = os.environ.get("PORT", "5000")
    if not port.isdecimal() or int(port) > 65535:
        sys.exit(f"PORT is {port!r}; allowed is a whole number from 0 to 65535")
    serve(
        app,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(port),
        on_stop=state.close,
        access_log=os.environ.get("ACCESS_LOG", "") not in {"", "0"},
    )


level = os.environ.get("LOG_LEVEL", "INFO")
if level.upper() not in logging.getLevelNamesMapping():
    sys.exit(f"LOG_LEVEL is {level!r}; allowed is DEBUG, INFO, WARNING, ERROR or CRITICAL")
logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
try:
    app = create_app()
except ConfigError as exc:
    sys.exit(f"configuration: {exc}")

if __name__ == "__main__":
    main()
