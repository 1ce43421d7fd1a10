"""The ten attacks. Each is a function that is given a server's address, does its worst, and returns in a few words how
it was ended; it fails when the server let it do what it must not.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

from .lines import BINARY, Ended, Line, answered, connected, frame, head

MEGABYTE = 1024 * 1024
CONNECT_SECONDS = 2.0
HEAD_SECONDS = 2.0
SETTINGS = {"REALTIME_CONNECT_TIMEOUT": str(CONNECT_SECONDS), "REALTIME_HEAD_TIMEOUT": str(HEAD_SECONDS)}
"""With less patience than by default, for tests that want to see its end."""


def poured(line: socket.socket, pieces: Iterator[bytes], *, most: int) -> int:
    """Send until the server will not have any more of it, or so much was sent; how much it was."""
    sent = 0
    with contextlib.suppress(OSError):
        for piece in pieces:
            if sent >= most:
                break
            line.sendall(piece)
            sent += len(piece)
    return sent


def same(piece: bytes) -> Iterator[bytes]:
    """It again and again."""
    while True:
        yield piece


def oversize_frame(base: str) -> str:
    """A frame of 20 MB, with all its bytes."""
    with Line(base) as line:
        line.connect()
        line.socket.sendall(frame(b"", size=20 * MEGABYTE))
        sent = poured(line.socket, same(b"x" * 65536), most=20 * MEGABYTE)
        code = line.outcome(within=5)
    assert code in {1009, None}, code
    return f"closed with {code} after {sent / MEGABYTE:.1f} MB"


def endless_fragments(base: str) -> str:
    """A message that never ends: of empty fragments, of one byte each, and of large ones."""
    told = []
    for piece in (b"", b"x", b"x" * 32768):
        with Line(base) as line:
            line.connect()
            line.socket.sendall(frame(piece, BINARY, fin=False))
            batch = frame(piece, 0, fin=False) * max(65536 // (len(piece) + 6), 1)
            sent = poured(line.socket, same(batch), most=20 * MEGABYTE)
            code = line.outcome(within=5)
        assert code in {1009, 1002, None}, code
        told.append(f"{code} after {sent / MEGABYTE:.1f} MB")
    return "closed with " + ", ".join(told)


def a_million_attachments(base: str) -> str:
    """A packet that announces a million attachments, and as many of them as are taken."""
    with Line(base) as line:
        line.connect()
        line.say('451000000-["x",{"_placeholder":true,"num":999999}]')
        sent = poured(line.socket, same(frame(b"x" * 1000, BINARY) * 60), most=64 * MEGABYTE)
        code = line.outcome(within=5)
    assert code != "open", "it may send attachments for ever"
    return f"closed with {code} after {sent / MEGABYTE:.1f} MB"


def never_connect(base: str) -> str:
    """Two hundred sessions that answer pings and never say CONNECT."""
    began = time.monotonic()
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(base)) for _ in range(200)]
        codes = {line.outcome(within=CONNECT_SECONDS + 3) for line in lines}
    assert "open" not in codes, "a session without CONNECT stays for ever"
    return f"200 closed within {time.monotonic() - began:.1f} s"


MALFORMED = {
    "an unknown Engine.IO type": frame(b"9"),
    "no packet at all": frame(b""),
    "JSON that is none": frame(b'42["x",'),
    "an event that is no list": frame(b'42{"a":1}'),
    "an unknown Socket.IO type": frame(b"48[]"),
    "binary data that nothing announced": frame(b"abc", BINARY),
    "base64 that is none, over WebSocket": frame(b"b!"),
}


def malformed_packets(base: str) -> str:
    """Packets of several wrong kinds from clients that answer pings."""
    open_ = []
    for what, data in MALFORMED.items():
        with Line(base) as line:
            line.connect()
            line.socket.sendall(data)
            if line.outcome(within=1) == "open":
                open_.append(what)
    assert not open_, f"still open after {open_}"
    return f"{len(MALFORMED)} kinds, each closed within 1 s"


def a_hundred_thousand_pongs(base: str) -> str:
    """PONGs that nobody asked for: of Engine.IO, and of WebSocket."""
    told = []
    for batch in (frame(b"3") * 1000, frame(b"", 10) * 1000):
        with Line(base) as line:
            line.connect()
            sent = poured(line.socket, same(batch), most=100 * len(batch))
            code = line.outcome(within=1)
            told.append(f"{sent // len(batch) * 1000} taken, {'no harm' if code == 'open' else f'closed with {code}'}")
    return ", ".join(told)


def a_post_of_200_megabytes(base: str) -> str:
    """Requests that announce 200 MB, with a length and in chunks, to every place that reads bodies."""
    json_ = "Content-Type: application/json"
    with closing(connected(base)) as line:
        line.sendall(head("GET", "/socket.io/?EIO=4&transport=polling"))
        sid = json.loads(_body(line)[1:].split("\x1e")[0])["sid"]
    told = []
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for method, target in (("POST", "/rooms/a/messages"), ("POST", f"/socket.io/?EIO=4&transport=polling&sid={sid}")):
        for length, piece in (("Content-Length: 209715200", b"x" * 65536), ("Transfer-Encoding: chunked", chunk)):
            with closing(connected(base)) as line:
                line.sendall(head(method, target, json_, length))
                # What is refused may be refused while it is still sent: the answer is looked for first.
                time.sleep(0.05)
                sent = poured(line, same(piece), most=200 * MEGABYTE)
                status = answered(line)
                assert status in {0, 400, 413}, status
                told.append(f"{status or 'cut'} after {sent / MEGABYTE:.1f} MB")
    return ", ".join(told)


def half_sent_heads(base: str) -> str:
    """Three hundred connections that never finish their request, and go on to send a little of it."""
    began = time.monotonic()
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(connected(base))) for _ in range(300)]
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        left = list(lines)
        while left and time.monotonic() - began < HEAD_SECONDS + 3:
            time.sleep(0.2)
            for line in tuple(left):
                try:
                    line.setblocking(False)
                    line.send(b"x")
                    if not line.recv(4096):
                        left.remove(line)
                except BlockingIOError:
                    continue
                except OSError:
                    left.remove(line)
        assert not left, f"{len(left)} may send their head for ever"
    return f"300 ended within {time.monotonic() - began:.1f} s"


def deep_json(base: str) -> str:
    """JSON in thirty thousand brackets, wherever JSON is read."""
    deep = "[" * 30_000 + "]" * 30_000
    objects = '{"a":' * 10_000 + "1" + "}" * 10_000
    told = []
    for text in (deep, objects, "[" * 60_000):
        body = f'{{"data":{text}}}'.encode()
        with closing(connected(base)) as line:
            fields = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
            line.sendall(head("POST", "/rooms/a/messages", *fields) + body)
            status = answered(line)
            assert 400 <= status < 500, status
        for said in (f'420["publish",{{"room":"a","data":{text}}}]', f'420["x",{text}]', f"40{text}"):
            with Line(base) as line:
                line.connect()
                line.say(said)
                told.append(line.outcome(within=0.5))
    ended = sum(code != "open" for code in told)
    return f"refused with 4xx; {ended} of {len(told)} WebSockets closed, no other noticed"


def foreign_origins(base: str) -> str:
    """Pages of other sites, some of them with a name that looks like ours, at every door."""
    parts = urlsplit(base)
    host, port = parts.hostname, parts.port
    origins = (
        "http://evil.example",
        f"http://{host}:{port}.evil.example",
        f"http://{host}.evil.example:{port}",
        f"http://evil.example/{host}:{port}",
        f"http://{host}:{port}@evil.example",
        f"http://evil.example#{host}:{port}",
        f"http://{host}:{(port or 0) + 1}",
        f"https://{host}:{port}",
        f"http://x{host}:{port}",
        "null",
        "file://",
        f"http://{host}:{port}, http://evil.example",
    )
    body = b'{"data":1}'
    posted = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    plain = ("Content-Type: text/plain", f"Content-Length: {len(body)}")
    doors: tuple[Callable[[str], int], ...] = (
        lambda origin: _asked(base, head("GET", "/events?room=a", f"Origin: {origin}")),
        lambda origin: _asked(base, head("POST", "/rooms/a/messages", f"Origin: {origin}", *posted) + body),
        lambda origin: _asked(base, head("POST", "/rooms/a/messages", *plain) + body),
        lambda origin: _asked(base, head("GET", "/rooms/a/messages", f"Origin: {origin}")),
        lambda origin: _asked(base, head("GET", "/socket.io/?EIO=4&transport=polling", f"Origin: {origin}")),
        lambda origin: _upgraded(base, origin),
    )
    statuses = set()
    for origin in origins:
        for number, door in enumerate(doors):
            status = door(origin)
            assert 400 <= status < 500, f"{origin} got {status} at door {number}"
            statuses.add(status)
    return f"{len(origins)} origins at {len(doors)} doors refused ({', '.join(map(str, sorted(statuses)))})"


def _upgraded(base: str, origin: str) -> int:
    try:
        with Line(base, f"Origin: {origin}") as line:
            return line.status
    except Ended:
        return 0


def _asked(base: str, request: bytes) -> int:
    with closing(connected(base)) as line:
        host = urlsplit(base).netloc.encode()
        line.sendall(request.replace(b"Host: a\r\n", b"Host: " + host + b"\r\nConnection: close\r\n"))
        return answered(line)


def _body(line: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
        data += line.recv(65536)
    return data.partition(b"\r\n\r\n")[2].decode()


ATTACKS: dict[str, Callable[[str], str]] = {
    "oversize frame, 20 MB": oversize_frame,
    "endless fragments": endless_fragments,
    "a million declared attachments": a_million_attachments,
    "never CONNECT": never_connect,
    "malformed packets that answer pings": malformed_packets,
    "100 000 PONGs": a_hundred_thousand_pongs,
    "a POST that declares 200 MB": a_post_of_200_megabytes,
    "300 half-sent heads": half_sent_heads,
    "deep JSON": deep_json,
    "foreign and look-alike origins": foreign_origins,
}
