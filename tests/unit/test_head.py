"""The head of a request: what is understood, however it arrives, and what is refused instead of guessed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from realtime.serve.handshake import asks_for_websocket, refusal
from realtime.serve.head import MAX_FIELDS, MAX_LINE, Head, environ_key, parse_request_line, read_head

Readline = Callable[[int], bytes]


class Crumbs(io.RawIOBase):
    """A connection on which everything comes one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._bytes: Iterator[int] = iter(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        one = next(self._bytes, None)
        if one is None:
            return 0
        memoryview(buffer)[:1] = bytes((one,))  # type: ignore[arg-type]
        return 1


def whole(data: bytes) -> io.BufferedIOBase:
    return io.BytesIO(data)


def crumbs(data: bytes) -> io.BufferedIOBase:
    return io.BufferedReader(Crumbs(data))


@pytest.fixture(params=[whole, crumbs])
def arriving(request: pytest.FixtureRequest) -> Callable[[bytes], io.BufferedIOBase]:
    arrive: Callable[[bytes], io.BufferedIOBase] = request.param
    return arrive


def read(*lines: bytes) -> Head:
    return read_head(io.BytesIO(b"\r\n".join([*lines, b"", b""])).readline)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_fields_become_an_environment(arriving: Callable[[bytes], io.BufferedIOBase], line_end: bytes) -> None:
    lines = [
        b"Host: a.example",
        b"content-type:  text/plain ",
        b"Content-Length: 5",
        b"X-Long-Name: \ta\xe9 ,b\t",
        b"",
        b"",
    ]
    stream = arriving(line_end.join(lines) + b"tail!")
    head = read_head(stream.readline)
    assert head.environ == {
        "HTTP_HOST": "a.example",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "5",
        "HTTP_X_LONG_NAME": "a\xe9 ,b",
    }
    assert (head.content_length, head.chunked) == (5, False)
    assert stream.read() == b"tail!"


def test_repeated_fields_are_joined_as_lists_and_cookies_are() -> None:
    head = read(b"Accept: a", b"Cookie: x=1", b"accept: b", b"cookie: y=2")
    assert head.environ == {"HTTP_ACCEPT": "a,b", "HTTP_COOKIE": "x=1; y=2"}


def test_a_field_with_an_underscore_cannot_pass_for_another() -> None:
    assert read(b"X_Forwarded_For: 1.2.3.4", b"X-Forwarded-Proto: https").environ == {"HTTP_X_FORWARDED_PROTO": "https"}


def test_no_fields_at_all_are_a_head() -> None:
    head = read()
    assert (head.environ, head.content_length, head.chunked) == ({}, None, False)


def test_chunks_are_recognised_in_any_case() -> None:
    assert read(b"Transfer-Encoding: Chunked").chunked


def test_names_and_values_can_be_listed() -> None:
    assert read(b"X-A: 1", b"Content-Type: b").items() == [("X-A", "1"), ("CONTENT-TYPE", "b")]


@pytest.mark.parametrize(
    "lines",
    [
        [b"Host : a"],
        [b" Host: a"],
        [b"Host: a", b" folded"],
        [b"Host: a", b"\tfolded: b"],
        [b"no colon"],
        [b": no name"],
        [b"bad name: a"],
        [b"n\xe4me: a"],
        [b"name\x00: a"],
        [b"name: a\x00b"],
        [b"name: a\rb"],
        [b"name: a\r"],
        [b"name: a\x0bb"],
        [b"name: a\x7fb"],
        [b"Host: a", b"Host: a"],
        [b"Content-Length: 1", b"Content-Length: 1"],
        [b"Content-Length: 1, 1"],
        [b"Content-Length: -1"],
        [b"Content-Length: +1"],
        [b"Content-Length: 0x1"],
        [b"Content-Length: 1_0"],
        [b"Content-Length: \xb2"],
        [b"Content-Length:"],
        [b"Content-Length: " + b"9" * 5000],
        [b"Content-Length: 1", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 1"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: chunked\x0b"],
        [b"Transfer-Encoding:"],
        [b"a: " + b"b" * MAX_LINE],
        [b"a: b"] * (MAX_FIELDS + 1),
        [b"a: " + b"b" * 8000] * 9,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(
    lines: list[bytes], arriving: Callable[[bytes], io.BufferedIOBase]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_head(arriving(b"\r\n".join([*lines, b"", b""])).readline)


@pytest.mark.parametrize("data", [b"", b"Host: a", b"Host: a\r\n", b"Host: a\r\nX"])
def test_a_head_without_an_end_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        read_head(io.BytesIO(data).readline)


def test_the_most_fields_allowed_are_read() -> None:
    assert len(read(*[b"a%d: b" % number for number in range(MAX_FIELDS)]).environ) == MAX_FIELDS


@pytest.mark.parametrize("line", ["GET / HTTP/1.1\r\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1"])
def test_a_request_line_has_three_words(line: str) -> None:
    assert parse_request_line(line) == ("GET", "/", "HTTP/1.1")


def test_methods_and_targets_are_passed_on_as_they_are() -> None:
    assert parse_request_line("pAtCh /a%20b?c=\xe9 HTTP/1.0") == ("pAtCh", "/a%20b?c=\xe9", "HTTP/1.0")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\r\n",
        "GET /\r\n",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "G(T / HTTP/1.1",
        "GET /\x00 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET / HTTP/2.0",
        "GET / HTTP/0.9",
        "GET / HTTP/1.11",
        "GET / http/1.1",
        "GET / HTTP/1.\u0661",
        "\x16\x03\x01\x02\x00\x01",
    ],
)
def test_other_request_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="request line"):
        parse_request_line(line)


def test_a_name_is_looked_up_once() -> None:
    assert environ_key(b"X-Some-Name") is environ_key(b"X-Some-Name") == "HTTP_X_SOME_NAME"


def handshake(**changed: str) -> dict[str, str]:
    environ = {
        "REQUEST_METHOD": "GET",
        "HTTP_UPGRADE": "WebSocket",
        "HTTP_CONNECTION": "keep-alive, Upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    } | changed
    return {name: value for name, value in environ.items() if value}


def test_a_handshake_in_order_is_one() -> None:
    assert asks_for_websocket(handshake())
    assert refusal(handshake(), "HTTP/1.1") is None


@pytest.mark.parametrize(
    "environ",
    [
        handshake(REQUEST_METHOD="POST"),
        handshake(HTTP_UPGRADE="h2c"),
        handshake(HTTP_UPGRADE=""),
        handshake(HTTP_CONNECTION="keep-alive"),
        handshake(HTTP_CONNECTION="x-upgrade"),
    ],
)
def test_another_request_is_a_plain_one(environ: dict[str, str]) -> None:
    assert not asks_for_websocket(environ)


@pytest.mark.parametrize(
    ("environ", "version", "status"),
    [
        (handshake(), "HTTP/1.0", 400),
        (handshake(HTTP_SEC_WEBSOCKET_VERSION="8"), "HTTP/1.1", 426),
        (handshake(HTTP_SEC_WEBSOCKET_VERSION=""), "HTTP/1.1", 426),
        (handshake(HTTP_SEC_WEBSOCKET_KEY=""), "HTTP/1.1", 400),
        (handshake(HTTP_SEC_WEBSOCKET_KEY="dGhlIHNhbXBsZSBub25jZQ"), "HTTP/1.1", 400),
        (handshake(HTTP_SEC_WEBSOCKET_KEY="c2hvcnQ="), "HTTP/1.1", 400),
        (handshake(HTTP_SEC_WEBSOCKET_KEY="\xe9\xe9\xe9\xe9"), "HTTP/1.1", 400),
        (handshake(CONTENT_LENGTH="5"), "HTTP/1.1", 400),
        (handshake(HTTP_TRANSFER_ENCODING="chunked"), "HTTP/1.1", 400),
    ],
)
def test_a_wrong_handshake_is_refused_with_the_reason(environ: dict[str, str], version: str, status: int) -> None:
    refused = refusal(environ, version)
    assert refused is not None
    assert refused[0].startswith(str(status))
    assert refused[2].endswith(b"\n")
