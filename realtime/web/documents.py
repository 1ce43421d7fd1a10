"""``/openapi.json`` and ``/asyncapi.json``: what this application's clients can call and will get, for their tools.

They are made when somebody asks, and again after another event was declared. This file may not know what they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response, current_app, request

from ..config import Settings
from ..rules import Rules
from . import asyncapi, openapi
from .described import Json


def register(blueprint: Blueprint, *, settings: Settings, rules: Rules) -> None:
    """Add the routes to a blueprint."""
    openapi_text, asyncapi_text = _Cached(), _Cached()

    @blueprint.get("/openapi.json")
    def openapi_json() -> Response:
        def made() -> Json:
            return openapi.document(**about, settings=settings, rules=rules, root=request.script_root)

        about = _about()
        return openapi_text.answer((len(rules.schemas), request.script_root), made)

    @blueprint.get("/asyncapi.json")
    def asyncapi_json() -> Response:
        def made() -> Json:
            path: str = getattr(current_app.wsgi_app, "engineio_path", "/socket.io/")
            return asyncapi.document(
                **about, settings=settings, rules=rules, socket_path=path, root=request.script_root
            )

        about = _about()
        return asyncapi_text.answer((len(rules.schemas), request.script_root), made)


class _Cached:
    """A document's text, kept while nothing that it was made of has changed."""

    def __init__(self) -> None:
        self._kept: tuple[object, str] = (None, "")

    def answer(self, state: object, make: Callable[[], Json]) -> Response:
        known, text = self._kept
        if known != state:
            text = json.dumps(make(), ensure_ascii=False, separators=(",", ":"))
            self._kept = (state, text)
        response = Response(text, mimetype="application/json", headers={"Cache-Control": "no-cache"})
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]


def _about() -> dict[str, str]:
    try:
        ours = version("realtime")
    except PackageNotFoundError:
        ours = "0"  # run from a checkout
    return {"title": current_app.name, "version": ours}
