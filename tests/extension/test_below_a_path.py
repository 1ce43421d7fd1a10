"""An application below a path: whatever names an address of it says the path, and takes nobody's word for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template_string
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from realtime import Realtime
from realtime.web import pages

HEADER = {"X-Forwarded-Prefix": "/shop"}


def make_app() -> Flask:
    """With everything that has an address: the chat with invitations, the lab, the API's description."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="not a secret, but long enough", REALTIME_PRIVATE_PREFIX="private/", REALTIME_LAB=True)
    Realtime(app)
    pages.register(app, url_prefix="/chat", invitations=True)

    @app.get("/scripts")
    def scripts() -> str:
        return render_template_string("{{ realtime_scripts(nonce='n') }}")

    return app


def mounted() -> Client:
    """Below ``/shop``, in front of another application."""
    return Client(DispatcherMiddleware(Flask("front").wsgi_app, {"/shop": make_app()}))


class Stripped(Client):
    """Behind a proxy that takes the path away and says so."""

    def open(self, path: str, *args: Any, **more: Any) -> Any:
        """Any request."""
        return super().open(path.removeprefix("/shop"), *args, headers=HEADER, **more)


def stripped() -> Client:
    """The same with ``ProxyFix``."""
    app = make_app()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    return Stripped(app)


@pytest.fixture(params=[mounted, stripped])
def client(request: pytest.FixtureRequest) -> Client:
    """A client of the application below ``/shop``."""
    make: Callable[[], Client] = request.param
    return make()


def test_a_page_says_to_its_client_where_the_application_is(client: Client) -> None:
    lines = client.get("/shop/scripts").text.split("\n")
    told = '<script src="/shop/realtime/static/js/realtime-options.js" nonce="n" data-realtime-url="/shop"></script>'
    assert [line for line in lines if "data-" in line] == [told]
    assert len(lines) > 10
    for line in lines:
        assert line.startswith('<script src="/shop/realtime/static/js/'), line


def test_at_the_root_nothing_is_said() -> None:
    client = make_app().test_client()
    assert "data-realtime-url" not in client.get("/scripts").text
    assert 'src="/realtime/static/js/realtime.js"' in client.get("/scripts").text


def test_a_header_of_anybodys_is_not_believed() -> None:
    client = make_app().test_client()
    for path in ("/scripts", "/chat/", "/chat/lab", "/chat/invitations", "/openapi.json"):
        answers = [client.get(path, headers=headers).data for headers in ({}, HEADER, {"Script-Name": "/shop"})]
        assert answers[0] == answers[1] == answers[2], path
        assert b"/shop" not in answers[0]


@pytest.mark.parametrize("page", ["/chat/", "/chat/lab", "/chat/invitations"])
def test_every_address_in_a_page_is_below_the_path(client: Client, page: str) -> None:
    text = client.get(f"/shop{page}").text
    assert 'src="/shop/' in text
    for beginning in ('src="/', 'href="/', 'action="/', 'data-accept="/', 'data-time="/', 'data-invitations="/'):
        assert text.count(beginning) == text.count(f"{beginning}shop/"), beginning


def test_links_redirects_and_descriptions_are_below_the_path(client: Client) -> None:
    assert client.get("/shop/chat").location.endswith("/shop/chat/")
    made = client.post("/shop/chat/invitations", json={}).json
    assert made is not None
    address, _, secret = made["link"].partition("#")
    assert address == "/shop/chat/invitations"
    accepted = client.post("/shop/chat/invitations/accept", json={"invitation": secret}).json
    assert accepted is not None
    assert accepted["address"].startswith("/shop/chat/?room=private/")
    described = client.get("/shop/openapi.json").json
    assert described is not None
    assert described["servers"][0]["url"] == "/shop"


def test_the_path_is_written_so_that_it_is_nothing_but_a_path() -> None:
    path = '/a "><script>/grün'.encode().decode("latin-1")
    text = make_app().test_client().get("/scripts", environ_overrides={"SCRIPT_NAME": path}).text
    assert 'data-realtime-url="/a%20%22%3E%3Cscript%3E/gr%C3%BCn"' in text


def test_an_applications_own_defaults_of_addresses_do_not_hide_it() -> None:
    app = make_app()
    app.url_defaults(lambda _endpoint, values: values.update(lang="en"))
    text = app.test_client().get("/scripts", environ_overrides={"SCRIPT_NAME": "/shop"}).text
    assert 'data-realtime-url="/shop"' in text


def test_a_page_that_is_written_outside_of_a_request_uses_what_the_configuration_says() -> None:
    app = make_app()
    app.config.update(SERVER_NAME="example.com", APPLICATION_ROOT="/shop")
    with app.app_context():
        assert 'data-realtime-url="/shop"' in render_template_string("{{ realtime_scripts() }}")
