"""HTTP/1 itself, spoken byte by byte with both servers: what is understood, what is refused, what stays open."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse

import pytest

from tests.support.processes import Server, start_gevent, start_gunicorn

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = f"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{KEY}\r\n"
ENGINE = "/socket.io/?EIO=4&transport=websocket"
BODY = '{"data":"hi"}'
JSON = "Content-Type: application/json\r\n"
MESSAGES = "/rooms/requests/messages"


@pytest.fixture(scope="module", params=[start_gevent, start_gunicorn], ids=["gevent", "gunicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server that has the project's request handler."""
    server: Server = request.param()
    yield server
    server.stop()


@pytest.fixture
def line(server: Server) -> Iterator[socket.socket]:
    """A connection on which nothing was said."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def answer(line: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """The next response: status, headers, body."""
    response = HTTPResponse(line, method=method)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def ask(line: socket.socket, text: str) -> tuple[int, dict[str, str], bytes]:
    line.sendall(text.encode("latin-1"))
    return answer(line)


def test_a_request_in_single_bytes_is_understood(line: socket.socket) -> None:
    for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
        line.sendall(bytes((byte,)))
    assert answer(line)[0] == 200


def test_a_connection_serves_several_requests(line: socket.socket) -> None:
    for _ in range(3):
        status, headers, _ = ask(line, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status == 200
        assert "date" in headers
    assert ask(line, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")[0] == 200
    assert line.recv(1) == b""


def test_an_empty_line_before_a_request_is_passed_over(line: socket.socket) -> None:
    assert ask(line, "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200


def test_a_query_with_bytes_as_they_are_is_understood_and_refused_where_they_are_no_text(line: socket.socket) -> None:
    assert ask(line, "GET /rooms/a/messages?before=\xd8 HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 422
    status, _, body = ask(line, "GET /events?room=gr\xc3\xbc\xc3\x9fe&after=x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (status, b"not an id" in body) == (422, True)


def test_http_1_0_closes_unless_it_is_asked_to_stay(line: socket.socket) -> None:
    status, headers, _ = ask(line, "GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert (status, headers["connection"]) == (200, "keep-alive")
    status, headers, _ = ask(line, "GET /healthz HTTP/1.0\r\n\r\n")
    assert (status, headers["connection"]) == (200, "close")
    assert line.recv(1) == b""


def test_head_has_headers_and_no_body(line: socket.socket) -> None:
    line.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    status, headers, body = answer(line, "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    assert ask(line, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200


def test_a_body_with_a_length_is_read_and_what_follows_it_is_the_next_request(line: socket.socket) -> None:
    post = f"POST {MESSAGES} HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: {len(BODY)}\r\n\r\n{BODY}"
    line.sendall((post + post).encode())
    # Both were sent at once, so that the first answer must not swallow the second.
    with line.makefile("rb") as stream:
        for _ in range(2):
            assert stream.readline() == b"HTTP/1.1 201 CREATED\r\n"
            head = dict(row.decode().strip().lower().split(": ", 1) for row in iter(stream.readline, b"\r\n"))
            assert json.loads(stream.read(int(head["content-length"])))["id"]


def test_a_body_in_chunks_is_read(line: socket.socket) -> None:
    chunks = f"5\r\n{BODY[:5]}\r\n{len(BODY) - 5:x};x=y\r\n{BODY[5:]}\r\n0\r\n\r\n"
    status, _, body = ask(
        line, f"POST {MESSAGES} HTTP/1.1\r\nHost: a\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunks}"
    )
    assert status == 201
    assert json.loads(body)["id"]
    assert ask(line, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200


@pytest.mark.parametrize("length", ["", "x", "-1", "0x5", "5 5", ";a=b"])
def test_a_chunk_without_a_length_is_the_clients_fault(line: socket.socket, server: Server, length: str) -> None:
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: a\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n"
    assert ask(line, f"{head}{length}\r\n{BODY}\r\n0\r\n\r\n")[0] == 400
    assert "Traceback" not in server.output


def test_who_waits_for_a_word_before_the_body_gets_it(line: socket.socket) -> None:
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: a\r\n{JSON}Expect: 100-Continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
    line.sendall(head.encode())
    word = b""
    while not word.endswith(b"\r\n\r\n"):
        word += line.recv(1)
    assert word.startswith(b"HTTP/1.1 100 ")
    assert ask(line, BODY)[0] == 201


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n" + "a: b\r\n" * 101 + "\r\n", 400),
        (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET {ENGINE} HTTP/1.1\r\n{UPGRADE}Content-Length: 3\r\n\r\nabc", 400),
        (f"GET {ENGINE} HTTP/1.1\r\n{UPGRADE.replace('13', '12')}\r\n", 426),
        (f"GET {ENGINE} HTTP/1.1\r\n{UPGRADE.replace('==', '')}\r\n", 400),
        (f"GET {ENGINE} HTTP/1.1\r\n{UPGRADE}Origin: http://evil.example\r\n\r\n", 403),
        (f"GET {ENGINE.replace('EIO=4', 'EIO=3')} HTTP/1.1\r\n{UPGRADE}\r\n", 400),
        (f"GET {ENGINE}&sid=unknown HTTP/1.1\r\n{UPGRADE}\r\n", 400),
        (f"GET /healthz HTTP/1.1\r\n{UPGRADE}\r\n", 400),
    ],
)
def test_what_is_wrong_is_refused_over_http_and_the_connection_ends(
    line: socket.socket, request_: str, status: int
) -> None:
    assert ask(line, request_)[0] == status
    line.settimeout(10)
    try:
        assert line.recv(1) == b""
    except ConnectionResetError:
        pass  # It ended with some of the request unread.


def test_an_upgrade_that_the_connection_does_not_name_is_passed_over(line: socket.socket) -> None:
    polling = ENGINE.replace("websocket", "polling")
    text = f"GET {polling} HTTP/1.1\r\n{UPGRADE.replace('Connection: Upgrade', 'Connection: keep-alive')}\r\n"
    status, _, body = ask(line, text)
    assert status == 200
    assert body.startswith(b'0{"sid"')


def test_a_handshake_and_what_is_said_right_behind_it_are_answered_in_order(line: socket.socket) -> None:
    connect = b"\x81\x82\x00\x00\x00\x0040"
    join = b'421["join",{"room":"requests"}]'
    line.sendall(
        f"GET {ENGINE} HTTP/1.1\r\n{UPGRADE}\r\n".encode()
        + connect
        + bytes((0x81, 0x80 | len(join), 0, 0, 0, 0))
        + join
    )
    said = b""
    while b'431[{"ok":true' not in said:
        said += line.recv(4096)
    assert said.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    # RFC 6455, 1.3: the answer to the key of its example.
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in said
    assert said.index(b'0{"sid"') < said.index(b'40{"sid"') < said.index(b"431[")
