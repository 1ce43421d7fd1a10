"""What ``POST /rooms/<room>/messages`` refuses: with which status, in the documented shape, and without publishing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from tests.support.processes import Server
from tests.support.publishing import history, path, publish
from tests.support.raw import RawRequest

from .conftest import Starter

JSON = {"Content-Type": "application/json"}

MALFORMED = {
    "empty": b"",
    "cut off": b"{",
    "text": b"hello",
    "no value": b'{"data": }',
    "wrong quotes": b"{'data': 1}",
    "a tail": b'{"data": 1}}',
    "not UTF-8": b'{"data": "\xff"}',
    "deep and cut off": b"[" * 100_000,
    "deep": b'{"data": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "one too deep": b'{"data": ' + b"[" * 100 + b"]" * 100 + b"}",
    "too many digits": b'{"data": ' + b"9" * 10_000 + b"}",
}
NO_OBJECT = [b"[]", b"null", b'"data"', b"1", b"{}", b'{"event": "x"}']
NO_JSON_FORM = [
    b'{"data": NaN}',
    b'{"data": -Infinity}',
    b'{"data": [1e999]}',
    rb'{"data": "\ud800"}',
    rb'{"data": {"\udc00": 1}}',
]

UNPRINTABLE = ["", "x" * 65, "a\nb", "a\0", "\x7f", "a\u2028b", "\ud800"]
RESERVED = ["realtime.ready", "realtime.", "connect", "disconnect", "connect_error", "disconnecting"]
RESERVED += ["newListener", "removeListener"]
NO_TEXT = [None, 1, ["a"], {"a": 1}]


def refused(answer: requests.Response, status: int, code: str) -> str:
    """Check an error's status and shape; return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "message"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    return str(body["error"]["message"])


def test_as_deep_as_is_allowed_is_accepted_and_brackets_in_text_are_none(any_server: Server, room: str) -> None:
    deepest = json.loads("[" * 98 + '"' + "[" * 300 + '"' + "]" * 98)
    publish(any_server.url, room, deepest)
    assert history(any_server.url, room)[0]["data"] == deepest


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_json_is_malformed(any_server: Server, room: str, body: bytes) -> None:
    answer = requests.post(any_server.url + path(room), data=body, headers=JSON, timeout=10)
    refused(answer, 400, "malformed")
    assert history(any_server.url, room) == []


@pytest.mark.parametrize("body", [*NO_OBJECT, *NO_JSON_FORM])
def test_json_that_is_no_message_is_an_invalid_value(any_server: Server, room: str, body: bytes) -> None:
    answer = requests.post(any_server.url + path(room), data=body, headers=JSON, timeout=10)
    refused(answer, 422, "invalid_value")
    assert history(any_server.url, room) == []


@pytest.mark.parametrize("event", [*UNPRINTABLE, *RESERVED, *NO_TEXT])
def test_an_event_name_that_is_not_allowed_is_refused(any_server: Server, room: str, event: object) -> None:
    answer = requests.post(any_server.url + path(room), json={"data": 1, "event": event}, timeout=10)
    assert "event" in refused(answer, 422, "invalid_value")
    assert history(any_server.url, room) == []


@pytest.mark.parametrize("event", ["x" * 64, "a b", "ünï", "realtime", "Connect", "\N{GRINNING FACE}", "id: 1"])
def test_an_event_name_that_only_looks_like_one_of_those_is_fine(any_server: Server, room: str, event: str) -> None:
    assert publish(any_server.url, room, event=event)


@pytest.mark.parametrize("key", ["", "x" * 129, "a\nb", 1, 1.5, True, [], {}, "\udfff"])
def test_a_key_that_is_not_allowed_is_refused(any_server: Server, room: str, key: object) -> None:
    answer = requests.post(any_server.url + path(room), json={"data": 1, "key": key}, timeout=10)
    assert "key" in refused(answer, 422, "invalid_value")
    assert history(any_server.url, room) == []


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", "json"],
)
def test_a_body_that_is_not_declared_as_json_is_refused(any_server: Server, room: str, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = requests.post(any_server.url + path(room), data=b'{"data": 1}', headers=headers, timeout=10)
    refused(answer, 415, "unsupported_media_type")
    assert history(any_server.url, room) == []


def test_data_of_the_largest_size_is_fine_and_one_byte_more_is_too_large(any_server: Server, room: str) -> None:
    largest = "é" * ((64 * 1024 - 2) // 2)
    assert publish(any_server.url, room, largest)
    answer = requests.post(any_server.url + path(room), json={"data": largest + "x"}, timeout=10)
    assert "65537" in refused(answer, 413, "too_large")
    answer = requests.post(any_server.url + path(room), json={"data": largest + "x"}, timeout=10)
    assert answer.status_code == 413


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_a_body_that_is_too_large_is_refused(any_server: Server, room: str, size: int) -> None:
    body = b'{"data": "' + b"x" * size + b'"}'
    answer = requests.post(any_server.url + path(room), data=body, headers=JSON, timeout=10)
    refused(answer, 413, "too_large")
    assert history(any_server.url, room) == []


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_a_body_in_chunks_that_is_too_large_is_refused(any_server: Server, room: str, size: int) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"data": "'
        for _ in range(size // 50_000):
            yield b"x" * 50_000
        yield b'"}'

    answer = requests.post(any_server.url + path(room), data=pieces(), headers=JSON, timeout=10)
    refused(answer, 413, "too_large")
    assert history(any_server.url, room) == []


def test_a_body_announced_as_huge_is_refused_before_it_is_sent(any_server: Server, room: str) -> None:
    headers = {**JSON, "Content-Length": str(10**12)}
    with RawRequest(any_server.url, path(room), method="POST", headers=headers) as request:
        request.read_head()
        assert request.status == 413
        assert json.loads(request.read_body())["error"]["code"] == "too_large"


def test_the_size_is_configured_and_counts_utf8(start: Starter, room: str) -> None:
    server = start(REALTIME_MAX_MESSAGE_BYTES="100")
    assert publish(server.url, room, "é" * 49)
    answer = requests.post(server.url + path(room), json={"data": "é" * 50}, timeout=10)
    assert refused(answer, 413, "too_large") == "the data is 102 bytes as JSON; at most 100 are allowed"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(any_server: Server, room: str, method: str) -> None:
    answer = requests.request(method, any_server.url + path(room), json={"data": 1}, timeout=10)
    refused(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {one.strip() for one in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("target", ["/nothing", "/rooms", "/rooms/", "/rooms/a", "/rooms/a/message", "/events/"])
def test_an_unknown_address_is_not_found(any_server: Server, target: str) -> None:
    refused(requests.get(any_server.url + target, timeout=10), 404, "not_found")


def test_a_refusal_on_a_kept_alive_connection_does_not_spoil_the_next_request(any_server: Server, room: str) -> None:
    with requests.Session() as session:
        for _ in range(3):
            big = session.post(any_server.url + path(room), json={"data": "x" * 400_000}, timeout=10)
            refused(big, 413, "too_large")
            kind = session.post(any_server.url + path(room), data=b"x" * 5000, timeout=10)
            refused(kind, 415, "unsupported_media_type")
            assert session.post(any_server.url + path(room), json={"data": 1}, timeout=10).status_code == 201
