"""The project's application behind a proxy that takes a path away and says so in ``X-Forwarded-Prefix``."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

from werkzeug.middleware.proxy_fix import ProxyFix

from server import app
from tests.apps.running import run

app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_prefix=1)  # type: ignore[method-assign]

if __name__ == "__main__":
    run(app)
