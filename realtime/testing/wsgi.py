"""Requests to an application without a server: Flask's own test client, with somebody's cookies.

Each request has a client of its own, so that several threads may ask at once. This file knows no transport.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.test import TestResponse

from .reader import AccessRefused


class Wsgi:
    """Asks one application, as one browser does.

    Args:
        app: the application.
        client: a test client whose cookies (and so whose session) are sent along.
        headers: sent with every request.
    """

    def __init__(self, app: Flask, *, client: FlaskClient | None, headers: Mapping[str, str] | None) -> None:
        self._app = app
        self._headers = dict(headers or {})
        if client is not None:
            environ = EnvironBuilder(app, "/").get_environ()
            client._add_cookies_to_wsgi(environ)
            if "HTTP_COOKIE" in environ:
                self._headers["Cookie"] = environ["HTTP_COOKIE"]

    def open(self, method: str, path: str, *, query: Any = None, body: str | None = None) -> TestResponse:
        """One request. The answer's body is not read: it may have no end."""
        client = self._app.test_client(use_cookies=False)
        headers = self._headers | ({"Content-Type": "text/plain; charset=UTF-8"} if body is not None else {})
        return client.open(path, method=method, query_string=query, data=body, headers=headers, buffered=False)


def refusal(response: TestResponse) -> AccessRefused:
    """An answer that is none of the good ones, as an error."""
    text = response.get_data(as_text=True)
    try:
        error = json.loads(text)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "http", text[:200] or response.status
    return AccessRefused(message, code=code, status=response.status_code)
