"""Engine.IO protocol 4, "Handshake": what a session is opened with, and how each other request is refused."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
import requests

from tests.support.engine import SECONDS, Frames, Polling, url
from tests.support.raw import RawRequest

TRANSPORTS = pytest.mark.parametrize("transport", ["polling", "websocket"])
FIELDS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


class Answer(NamedTuple):
    """An HTTP answer, to either kind of request."""

    status: int
    body: bytes


def asked(base: str, kind: str, *, method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> Answer:
    """Ask for a session by polling or with a handshake."""
    if kind == "websocket":
        with Frames(base, headers=headers, **query) as frames:
            return Answer(frames.status, frames.body)
    answer = requests.request(method, url(base, **query), headers=headers, timeout=SECONDS)
    return Answer(answer.status_code, answer.content)


def refusal(answer: Answer, *, status: int, number: int, code: str) -> str:
    """Check a refusal: the reference implementation's shape and ours in one; return what it says."""
    assert answer.status == status
    body = json.loads(answer.body)
    assert (body["code"], body["error"]["code"]) == (number, code)
    assert body["message"]
    return str(body["error"]["message"])


def test_polling_opens_a_session_and_offers_websocket(quick: str) -> None:
    opening = Polling(quick).opening
    assert set(opening) == FIELDS
    assert isinstance(opening["sid"], str)
    assert opening["upgrades"] == ["websocket"]
    # In milliseconds, also below a second.
    assert (opening["pingInterval"], opening["pingTimeout"], opening["maxPayload"]) == (300, 500, 1_000_000)


def test_a_websocket_opens_a_session_and_offers_nothing(quick: str) -> None:
    with Frames(quick) as frames:
        opening = frames.opening()
    assert set(opening) == FIELDS
    assert opening["upgrades"] == []
    assert (opening["pingInterval"], opening["pingTimeout"], opening["maxPayload"]) == (300, 500, 1_000_000)


@TRANSPORTS
@pytest.mark.parametrize("version", [None, "abc", "3", "5", "4.0", ""])
def test_another_version_is_refused(slow: str, transport: str, version: str | None) -> None:
    answer = asked(slow, transport, transport=transport, EIO=version)
    assert "EIO=4" in refusal(answer, status=400, number=5, code="unsupported_version")


@TRANSPORTS
@pytest.mark.parametrize("name", [None, "abc", "", "webtransport", "Polling"])
def test_another_transport_is_refused(slow: str, transport: str, name: str | None) -> None:
    answer = asked(slow, transport, transport=name)
    assert "polling or websocket" in refusal(answer, status=400, number=0, code="unknown_transport")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_session_begins_with_get(slow: str, method: str) -> None:
    refusal(asked(slow, "polling", method=method), status=400, number=2, code="bad_method")


@TRANSPORTS
@pytest.mark.parametrize("sid", ["abc", "", "x" * 5000])
def test_an_unknown_session_is_refused(slow: str, transport: str, sid: str) -> None:
    refusal(asked(slow, transport, transport=transport, sid=sid), status=400, number=1, code="unknown_session")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_transport_that_is_not_the_requests_is_refused(slow: str, method: str) -> None:
    # WebSocket without an upgrade, and an upgrade without WebSocket.
    answer = asked(slow, "polling", method=method, transport="websocket", sid=Polling(slow).sid)
    refusal(answer, status=400, number=3, code="malformed")
    with Frames(slow, transport="polling") as frames:
        assert frames.status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_session_knows_get_and_post_only_and_lives_on(slow: str, method: str) -> None:
    session = Polling(slow)
    answer = asked(slow, "polling", method=method, sid=session.sid)
    refusal(answer, status=400, number=3, code="malformed")
    session.connect()


@pytest.mark.parametrize("given", ["EIO", "transport"])
def test_both_parameters_are_asked_for_within_a_session_too(slow: str, given: str) -> None:
    session = Polling(slow)
    assert session.get(**{given: None}).status_code == 400
    session.connect()


def test_a_parameter_may_come_once(slow: str) -> None:
    refusal(asked(slow, "polling", EIO=["4", "3"]), status=400, number=3, code="malformed")


def test_jsonp_is_not_served(slow: str) -> None:
    # A script element of a foreign page sends cookies and no origin.
    assert "JSONP" in refusal(asked(slow, "polling", j=0), status=400, number=3, code="malformed")


@TRANSPORTS
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_a_foreign_origin_is_refused(slow: str, transport: str, origin: str) -> None:
    answer = asked(slow, transport, transport=transport, headers={"Origin": origin})
    refusal(answer, status=403, number=4, code="forbidden")


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("Sec-WebSocket-Key", "abc", 400),
        ("Sec-WebSocket-Key", "", 400),
        ("Sec-WebSocket-Version", "8", 426),
        ("Upgrade", "h2c", 400),
        ("Connection", "keep-alive", 400),
    ],
)
def test_a_wrong_handshake_is_answered_over_http(slow: str, field: str, value: str, status: int) -> None:
    with Frames(slow, headers={field: value}) as frames:
        assert frames.status == status


def test_a_handshake_of_http_1_0_is_refused(slow: str) -> None:
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    fields["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    with RawRequest(slow, url("", transport="websocket"), headers=fields, version="1.0") as request:
        request.read_head()
        assert request.status == 400


def test_a_page_may_ask_first_what_it_may_do(slow: str) -> None:
    answer = requests.options(url(slow), headers={"Origin": slow}, timeout=SECONDS)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == slow
    assert requests.options(url(slow), headers={"Origin": "http://evil.example"}, timeout=SECONDS).status_code == 403
