"""The pages that come with the project: the chat and the transport lab. An application of your own gets them by
``register``, or not at all.

No page has inline script or style, so that the Content-Security-Policy can forbid both.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from flask import Blueprint, Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from ..errors import ConfigError
from ..invitations import Invitations
from ..names import is_room_name
from . import lab
from .allowance import Allowance
from .assets import CHARTS, STATIC, TEMPLATES
from .http import http_error_response
from .invitations import register as register_invitations
from .lanes import Lanes

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    # Older Safari does not count ws: as 'self'.
    "connect-src 'self' {websocket}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Like frame-ancestors above, for browsers that do not know that.
    "X-Frame-Options": "DENY",
    # No page that opened this one, or that it opens, may reach into it; no other site embeds it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The chat asks for none of these; nothing that got into it could.
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]_-]+")


def register(app: Flask, *, url_prefix: str | None = None, invitations: bool = False) -> None:
    """Add the pages to an application that ``Realtime`` was initialised for.

    A template of the same name in the application's own folder, such as ``chat.html``, takes the place of theirs. With
    ``REALTIME_LAB`` the transport lab is among them.

    Args:
        app: the application.
        url_prefix: where they are, such as ``"/chat"``; default: the root.
        invitations: whether people may open private rooms of their own and invite others by a link. It needs
            ``REALTIME_PRIVATE_PREFIX``; other private rooms than those cannot be entered by it.

    Raises:
        ConfigError: invitations without a ``REALTIME_PRIVATE_PREFIX``.
    """
    pages = Blueprint("pages", __name__, template_folder=TEMPLATES, url_prefix=url_prefix)
    state = app.extensions["realtime"]

    @pages.get("/")
    def chat() -> str:
        asked = request.args.get("room", "lobby")
        return render_template(
            "chat.html",
            room=asked if is_room_name(asked) else "lobby",
            lab=state.settings.lab,
            invitations=invitations,
            presence=state.settings.presence,
            private=state.settings.private_prefix,
        )

    @pages.after_request
    def secure(response: Response) -> Response:
        # The host is the client's word: what is none goes into no header.
        host = request.host if _HOST.fullmatch(request.host) else ""
        websocket = f"ws://{host} wss://{host}" if host else ""
        response.headers["Content-Security-Policy"] = _POLICY.format(websocket=websocket)
        response.headers.update(_HEADERS)
        return response

    if state.settings.lab:
        pages.add_url_rule("/lab", "lab", _lab)
        _register_lab(app, state, url_prefix=url_prefix)
    if invitations:
        pages.add_url_rule("/invitations", "invitation", lambda: render_template("invitation.html"))
        _register_invitations(app, state, url_prefix=url_prefix)
    app.register_blueprint(pages)


def _lab() -> str:
    return render_template("lab.html", charts=(STATIC / CHARTS).is_file())


def _register_lab(app: Flask, state: Any, *, url_prefix: str | None) -> None:
    routes, lanes = Blueprint("lab", __name__, url_prefix=url_prefix), Lanes(state.socketio.server)
    lanes.watch(app)
    lab.register(
        routes,
        settings=state.settings,
        gate=state.gate,
        pipeline=state.pipeline,
        concurrency=state.concurrency,
        lanes=lanes,
        ready=state.ready,
        counters=state.hub.counters,
    )
    app.register_blueprint(routes)


def _register_invitations(app: Flask, state: Any, *, url_prefix: str | None) -> None:
    prefix = state.settings.private_prefix
    if not prefix:
        raise ConfigError("invitations are to private rooms: set REALTIME_PRIVATE_PREFIX, such as private/")
    routes = Blueprint("invitations", __name__, url_prefix=url_prefix)
    register_invitations(
        routes,
        settings=state.settings,
        invitations=Invitations(state.tickets.keys, prefix=prefix),
        counters=state.hub.counters,
        gate=state.gate,
        access=state.access,
        allowance=partial(Allowance, budgets=state.bus.budgets, concurrency=state.concurrency),
        grant=state.manager.grant,
    )
    app.register_blueprint(routes)


def register_errors(app: Flask) -> None:
    """Answer in JSON for what no route knows, in the shape of all other errors. For an application that is an API."""
    app.register_error_handler(HTTPException, http_error_response)
