"""Which pages may talk to the server: its own and those that were allowed. Browsers say where a request comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.processes import Server, start_gevent
from tests.support.publishing import history, path, publish
from tests.support.raw import events_target
from tests.support.streams import EventReader

APP = "https://app.example.com"
DEVELOPMENT = "http://localhost:3000"


def post(server: Server, room: str, **headers: str) -> requests.Response:
    """Publish as a page does."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(server.url + path(room), json={"data": 1}, headers=headers, timeout=10)


def check_forbidden(answer: requests.Response) -> None:
    """The documented refusal, with nothing in it that would let a page read it."""
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


LOOK_ALIKES = [
    "http://evil.com",
    "http://{host}.evil.com",
    "http://{host}.evil.com:{port}",
    "http://evil.com:{port}",
    "http://{host}:1",
    "http://{host}",
    "https://{host}:{port}",
    "http://localhost:{port}",
    "http://{host}:{port}@evil.com",
    "http://{host}:{port}.evil.com",
    "http://evil.com/{host}:{port}",
    "http://{host}:{port}:{port}",
    "http://[{host}]:{port}",
    "//{host}:{port}",
    "{host}:{port}",
    "file://{host}:{port}",
    "ws://{host}:{port}",
    "null",
    "*",
    "nonsense",
    "http://[::1",
]


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_pages_of_other_origins_are_refused_everywhere(any_server: Server, room: str, origin: str) -> None:
    origin = origin.format(host="127.0.0.1", port=any_server.port)
    check_forbidden(post(any_server, room, Origin=origin))
    assert history(any_server.url, room) == []
    for target in (events_target(room), path(room)):
        check_forbidden(requests.get(any_server.url + target, headers={"Origin": origin}, timeout=10))
        check_forbidden(requests.options(any_server.url + target, headers={"Origin": origin}, timeout=10))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "SAME-ORIGIN!"])
def test_the_browsers_word_for_another_site_opens_nothing(any_server: Server, room: str, site: str) -> None:
    check_forbidden(post(any_server, room, Origin="http://evil.com", Sec_Fetch_Site=site))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("chat.example.com:5000", "http://chat.example.com:5000"),
        ("Chat.Example.COM:5000", "HTTP://chat.EXAMPLE.com:5000"),
        ("chat.example.com", "http://chat.example.com:80"),
        ("chat.example.com:80", "http://chat.example.com"),
        ("[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_the_servers_own_pages_are_welcome(any_server: Server, room: str, host: str, origin: str) -> None:
    assert post(any_server, room, Host=host, Origin=origin).status_code == 201


@pytest.mark.parametrize("origin", ["https://evil.com", "null", "http://127.0.0.1.evil.com"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_of_a_foreign_page_publishes_nothing(any_server: Server, room: str, origin: str, kind: str) -> None:
    body = '{"data": "forged", "x": "="}'
    url = any_server.url + path(room)
    check_forbidden(requests.post(url, body, headers={"Origin": origin, "Content-Type": kind}, timeout=10))
    # Where the browser names no origin, and where it says nothing at all.
    unnamed = {"Content-Type": kind, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    check_forbidden(requests.post(url, body, headers=unnamed, timeout=10))
    assert requests.post(url, body, headers={"Content-Type": kind}, timeout=10).status_code == 415
    assert history(any_server.url, room) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_embeds_nothing_but_may_link_to_it(any_server: Server, room: str, site: str) -> None:
    for mode, allowed in (("no-cors", False), ("navigate", True), ("", False)):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        answer = requests.get(any_server.url + path(room), headers=headers, timeout=10)
        assert answer.status_code == 200 if allowed else check_forbidden(answer) is None
    assert requests.get(any_server.url + path(room), headers={"Sec-Fetch-Site": "none"}, timeout=10).ok


def test_who_is_no_browser_is_welcome(any_server: Server, room: str) -> None:
    assert post(any_server, room).status_code == 201


@pytest.mark.parametrize(
    "proxied",
    [
        {"Host": "chat.example.com", "X-Forwarded-Proto": "https"},
        {"Host": "chat.example.com", "X-Forwarded-Proto": "https, http"},
        {"Host": "inside:5000", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com"},
        {"Host": "inside:5000", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com, inside"},
        {"Host": "inside:5000", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_own_pages_are_recognised_behind_a_proxy(any_server: Server, room: str, proxied: dict[str, str]) -> None:
    own = {**proxied, "Origin": "https://chat.example.com"}
    url = any_server.url + path(room)
    assert requests.post(url, json={"data": 1}, headers=own, timeout=10).status_code == 201
    foreign = {**proxied, "Origin": "https://evil.com", "Sec-Fetch-Site": "cross-site"}
    check_forbidden(requests.post(url, json={"data": 1}, headers=foreign, timeout=10))


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    """A server that two other origins may use."""
    server = start_gevent(REALTIME_ALLOWED_ORIGINS=f"{APP}/, {DEVELOPMENT.upper()}")
    yield server
    server.stop()


@pytest.mark.parametrize("origin", [APP, DEVELOPMENT])
def test_pages_of_an_allowed_origin_may_publish_read_and_listen(open_server: Server, room: str, origin: str) -> None:
    published = post(open_server, room, Origin=origin)
    assert published.status_code == 201
    history = requests.get(open_server.url + path(room), headers={"Origin": origin}, timeout=10)
    with EventReader(open_server.url, room, headers={"Origin": origin}, after=published.json()["id"]) as stream:
        id_ = publish(open_server.url, room)
        stream.wait(1)
        assert stream.ids == [id_]
        for headers in (published.headers, history.headers, stream.headers):
            assert headers["Access-Control-Allow-Origin"] == origin
            assert headers["Access-Control-Allow-Credentials"] == "true"
            assert "Origin" in headers["Vary"]


def test_pages_of_an_allowed_origin_can_read_what_they_did_wrong(open_server: Server, room: str) -> None:
    wrong = requests.get(open_server.url + "/events", headers={"Origin": APP}, timeout=10)
    assert wrong.status_code == 422
    assert wrong.headers["Access-Control-Allow-Origin"] == APP
    kind = requests.post(open_server.url + path(room), data="x", headers={"Origin": APP}, timeout=10)
    assert kind.status_code == 415
    assert kind.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize("target", ["/events?room=a", "/rooms/a/messages"])
def test_a_preflight_of_an_allowed_origin_is_answered(open_server: Server, target: str) -> None:
    headers = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,last-event-id",
    }
    answer = requests.options(open_server.url + target, headers=headers, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert {"GET", "POST"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "last-event-id", "cache-control"} <= set(allowed)
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize(
    "origin", ["http://app.example.com", "https://app.example.com:8443", "https://example.com", "http://localhost"]
)
def test_allowing_some_origins_allows_no_others(open_server: Server, room: str, origin: str) -> None:
    check_forbidden(post(open_server, room, Origin=origin))
    check_forbidden(requests.options(open_server.url + path(room), headers={"Origin": origin}, timeout=10))


@pytest.mark.parametrize("origin", [APP, "http://evil.com"])
def test_caches_are_told_that_the_answer_depends_on_the_origin(open_server: Server, room: str, origin: str) -> None:
    assert "Origin" in post(open_server, room, Origin=origin).headers["Vary"]
