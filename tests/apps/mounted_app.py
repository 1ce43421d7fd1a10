"""Two of the project's applications beside one that is none, each below a path of its own (Werkzeug's dispatcher).

They have nothing in common but the origin and the process.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from realtime.extension import EXTENSION
from server import create_app

app = Flask(__name__)


@app.get("/")
def front() -> str:
    """Says who answers what is below neither path."""
    return "the front"


applications = {f"/{name}": create_app({"SESSION_COOKIE_PATH": f"/{name}"}) for name in ("shop", "team")}
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, applications)  # type: ignore[method-assign]


def close() -> None:
    """What ``on_stop`` is for, of both."""
    for one in applications.values():
        one.extensions[EXTENSION].close()


if __name__ == "__main__":
    from realtime.serve.gevent_server import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), on_stop=close)
