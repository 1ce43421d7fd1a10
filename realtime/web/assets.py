"""Where the pages and the browser client are, and how a page of anybody's loads them.

In the project they stand beside the package (``static/``, ``templates/``), in an installed package inside it. This file
serves files and may not know what is in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Blueprint, url_for
from markupsafe import Markup
from werkzeug.urls import iri_to_uri

_PACKAGE: Final = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name


STATIC: Final = _folder("static")
TEMPLATES: Final = _folder("templates")

STOCK_CLIENT: Final = "js/vendor/socket.io.min.js"
"""The stock Socket.IO client, fetched and not committed. Without it pages do everything over event streams."""

CHARTS: Final = "js/vendor/uPlot.iife.min.js"
"""What draws the lab's charts, fetched and not committed. Without it the lab shows figures only."""

CLIENT: Final = (
    "realtime",
    "realtime-options",
    "realtime-cursor",
    "realtime-time",
    "realtime-http",
    "realtime-here",
    "realtime-past",
    "realtime-parser",
    "realtime-eventsource",
    "realtime-pulse",
    "realtime-watch",
    "realtime-websocket",
    "realtime-tabs",
    "realtime-leading",
    "realtime-sse",
    "realtime-poll",
    "realtime-outbox",
    "realtime-link",
    "realtime-switch",
    "realtime-trial",
)
"""The browser client, in the order in which a page loads it."""

TOLD: Final = "realtime-options"
"""The one of them that is told where the application is."""


def blueprint(name: str, import_name: str) -> Blueprint:
    """A blueprint that also serves the browser client: ``url_for("<name>.static", filename="js/realtime.js")``.

    Its application's templates have ``realtime_scripts()``.
    """
    serving = Blueprint(name, import_name, static_folder=STATIC, static_url_path=f"/{name}/static")

    def realtime_scripts(*, nonce: str | None = None) -> Markup:
        """The ``<script>`` elements that give a page the browser client, ``Realtime``.

        The stock Socket.IO client comes first where it was fetched; a page may also load it from elsewhere, before.
        Where the application is below a path, as the request says (``SCRIPT_NAME``), the client is told so.

        Args:
            nonce: of the page's Content-Security-Policy, where it has one.
        """
        stock = [STOCK_CLIENT] if (STATIC / STOCK_CLIENT).is_file() else []
        allowed = Markup(' nonce="{}"').format(nonce) if nonce else ""
        # In an attribute: a policy that forbids scripts within pages has nothing against that. An application's
        # defaults for its addresses may have put a query behind.
        base = iri_to_uri(url_for(f"{name}.events", _external=False).partition("?")[0].removesuffix("/events"))
        told = Markup(' data-realtime-url="{}"').format(base) if base else ""
        tag = Markup('<script src="{}"{}{}></script>')

        def script(file: str, more: str = "") -> Markup:
            return tag.format(url_for(f"{name}.static", filename=file), allowed, more)

        files = [(f"js/{part}.js", told if part == TOLD else "") for part in CLIENT]
        return Markup("\n").join([*map(script, stock), *(script(file, more) for file, more in files)])

    serving.add_app_template_global(realtime_scripts)
    return serving
