"""Flask's cookie sessions, without the cost for requests that carry no session cookie.

Most requests to an API carry none, and Flask makes a signer for each before it looks. This file may not change what a
session is: where there is a cookie, or another interface than Flask's own, nothing is different.
"""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class CookieSessions(SecureCookieSessionInterface):
    """Looks for the cookie first."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The request's session: empty where no cookie says otherwise, ``None`` where the application has no key."""
        name = self.get_cookie_name(app)
        if app.secret_key and name not in request.environ.get("HTTP_COOKIE", ""):
            return self.session_class()
        return super().open_session(app, request)


def use(app: Flask) -> None:
    """Use it for an application that has Flask's own sessions."""
    if type(app.session_interface) is SecureCookieSessionInterface:
        # Not another object: what the application set on it (salt, digest) stays.
        app.session_interface.__class__ = CookieSessions
