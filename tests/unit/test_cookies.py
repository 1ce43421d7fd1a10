"""Sessions stay what they are in Flask, however cheaply a request without one is served."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface

from realtime.web import cookies


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "key"

    @app.get("/set")
    def put() -> str:
        session["user"] = "ann"
        return ""

    @app.get("/get")
    def get() -> str:
        return str(session.get("user"))

    return app


def test_a_session_is_begun_kept_and_found_again(app: Flask) -> None:
    cookies.use(app)
    client = app.test_client()
    assert client.get("/get").text == "None"
    client.get("/set")
    assert client.get("/get").text == "ann"
    client.set_cookie("other", "x")
    assert client.get("/get").text == "ann"


def test_a_forged_session_is_an_empty_one(app: Flask) -> None:
    cookies.use(app)
    client = app.test_client()
    client.set_cookie("session", "eyJ1c2VyIjoiYW5uIn0.forged.forged")
    assert client.get("/get").text == "None"


def test_an_application_without_a_key_is_told_so(app: Flask) -> None:
    cookies.use(app)
    app.secret_key = None
    app.testing = True
    assert app.test_client().get("/get").text == "None"
    with pytest.raises(RuntimeError, match="secret key"):
        app.test_client().get("/set")


def test_what_the_application_set_stays(app: Flask) -> None:
    app.session_interface.digest_method = hashlib.sha256  # type: ignore[attr-defined]
    before = app.session_interface
    cookies.use(app)
    assert app.session_interface is before
    assert app.session_interface.digest_method is hashlib.sha256  # type: ignore[attr-defined]


def test_an_interface_of_the_applications_own_is_left_alone(app: Flask) -> None:
    class Own(SecureCookieSessionInterface):
        pass

    app.session_interface = Own()
    cookies.use(app)
    assert type(app.session_interface) is Own
