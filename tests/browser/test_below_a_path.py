"""The chat of an application below a path, however it came there: it works, and asks for nothing outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.nginx import PLAIN, nginx
from tests.support.processes import Server, eventually, free_port, running, start_gevent, start_threads
from tests.support.publishing import publish

from .chat import Chat
from .conftest import Visit
from .lab import Lab

MOUNTED = "tests.apps.mounted_app"

STRIPPING = PLAIN.replace(
    "location / { proxy_pass %(upstream)s; }",
    """location / { return 404; }
        location /shop/ {
            proxy_pass %(upstream)s/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Prefix /shop;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }""",
).replace("http {", 'http { map $http_upgrade $connection_upgrade { default upgrade; "" close; }')
"""The path is the proxy's alone: the application is told of it in a header."""


@pytest.fixture(scope="module")
def mounted() -> Iterator[Server]:
    """Two applications below ``/shop`` and ``/team``, in front of another one, on gevent's server."""
    with running(server := start_gevent(MOUNTED)):
        yield server


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an nginx that takes ``/shop`` away."""
    port = free_port()
    with running(server := start_gevent("tests.apps.proxied_app")):
        folder: Path = tmp_path_factory.mktemp("nginx")
        with nginx(folder, STRIPPING % {"port": port, "upstream": server.url}, port) as url:
            yield url


@pytest.fixture(scope="module")
def threads() -> Iterator[str]:
    """The mounted ones, under ``flask run``."""
    with running(server := start_threads(MOUNTED)):
        yield server.url


@pytest.fixture(params=["stripped", "mounted", "threads"])
def origin(request: pytest.FixtureRequest) -> str:
    """Of an application below ``/shop``, on its own server, under threads, or behind a proxy."""
    found = request.getfixturevalue(request.param)
    return found.url if isinstance(found, Server) else str(found)


def note_requests(asked: list[str], page: Page) -> None:
    """Note everything that a page asks for."""
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws", "http", 1)))


def test_two_people_chat_over_each_transport_and_nothing_is_asked_for_outside(
    origin: str, visit: Visit, room: str
) -> None:
    asked: list[str] = []
    chats = [
        visit(f"{origin}/shop", room, transport=transport, before=lambda page: note_requests(asked, page))
        for transport in ("websocket", "sse", "poll")
    ]
    for chat in chats:
        chat.send(f"over {chat.transport}")
        chat.wait_until_nothing_waits()
    everything = ["over websocket", "over sse", "over poll"]
    for chat in chats:
        eventually(lambda chat=chat: chat.texts == everything, what=f"all, over {chat.transport}")  # type: ignore[misc]
    assert [url for url in asked if not url.startswith(f"{origin}/shop/")] == []
    for path in ("/socket.io/", "/events?", f"/rooms/{room}/messages"):
        assert any(url.startswith(f"{origin}/shop{path}") for url in asked), path


def test_links_and_invitations_lead_below_the_path(mounted: Server, visit: Visit, room: str) -> None:
    asked: list[str] = []
    base = f"{mounted.url}/shop"
    ann, bob = (visit(base, room, before=lambda page: note_requests(asked, page)) for _ in range(2))
    ann.page.get_by_role("button", name="New private room").click()
    expect(ann.page.locator("#link")).not_to_have_value("")
    link = ann.page.input_value("#link")
    assert link.startswith(f"{base}/invitations#")
    bob.page.goto(link)
    bob.page.wait_for_url(f"{base}/?room=private/room-*")
    bob.wait_connected()
    bob.page.get_by_role("link", name="Lab").click()
    bob.page.wait_for_url(f"{base}/lab")
    bob.page.get_by_role("link", name="Chat").click()
    bob.wait_connected()
    assert [url for url in asked if not url.startswith(f"{base}/")] == []
    assert {(one["name"], one["path"]) for one in bob.page.context.cookies()} == {("session", "/shop")}


def test_the_lab_compares_all_transports(stripped: str, chromium: Browser) -> None:
    context = chromium.new_context()
    lab = Lab(context.new_page(), f"{stripped}/shop/lab?rate=20&size=64&seconds=1&run=1")
    lab.wait_done()
    for lane in ("websocket", "polling", "sse", "polyfill", "poll"):
        assert (lab.figure(lane, "messages"), lab.figure(lane, "lost")) == ("20", "0"), lane
    assert lab.complaints == []
    context.close()


def test_two_applications_of_one_origin_share_nothing_in_one_browser(
    mounted: Server, chromium: Browser, room: str
) -> None:
    context = chromium.new_context()
    chats = {}
    for name in ("shop", "team"):
        chats[name] = Chat(context.new_page(), f"{mounted.url}/{name}", room, transport="sse", user=f"Ann of {name}")
        chats[name].enter()
    for name in chats:
        publish(f"{mounted.url}/{name}", room, {"user": "Bob", "text": f"to the {name}"})
    for name, chat in chats.items():
        eventually(lambda chat=chat: len(chat.texts) == 1, what=f"the message to the {name}")  # type: ignore[misc]
        assert chat.texts == [f"to the {name}"]
        chat.page.reload()
        assert chat.page.input_value("#name") == f"Ann of {name}"
    assert [chat.complaints for chat in chats.values()] == [[], []]
    context.close()
