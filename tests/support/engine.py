"""Engine.IO to the letter from the client's side: every request and every frame by hand, nothing answered by itself."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import requests

from .raw import RawRequest

SECONDS = 10
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def url(base: str, **query: Any) -> str:
    """The address of Engine.IO; parameters that are ``None`` are left out."""
    given = {"EIO": 4, "transport": "polling", **query}
    return f"{base}/socket.io/?{urlencode({k: v for k, v in given.items() if v is not None}, doseq=True)}"


def client_frame(
    data: bytes | str,
    opcode: int | None = None,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    size: int | None = None,
) -> bytes:
    """A frame as a client sends it; the arguments let it break the rules."""
    opcode = (TEXT if isinstance(data, str) else BINARY) if opcode is None else opcode
    data = data.encode() if isinstance(data, str) else data
    length, bit = len(data) if size is None else size, 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + data
    mask = os.urandom(4)
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    masked_data = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")
    return head + mask + masked_data


class Closed(AssertionError):
    """The server has closed the WebSocket. Attributes: ``code`` of its close frame, if there was one; ``reason``."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class Frames:
    """A WebSocket whose frames are sent and read one by one.

    Attributes:
        status: of the handshake's answer; anything but 101 leaves it closed.
        body: that answer's body, where there is one.
    """

    def __init__(self, base: str, *, headers: dict[str, str] | None = None, **query: Any) -> None:
        target = url("", **{"transport": "websocket", **query})
        fields = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        }
        self._raw = RawRequest(base, target, headers={**fields, **(headers or {})})
        self._raw.read_head()
        self.status = self._raw.status
        self.body = b""
        if self.status != 101:
            self.body = self._raw.read_rest() if "ontent-" not in self._raw.head else self._rest()
            self._raw.close()

    def _rest(self) -> bytes:
        if "content-length" in self._raw.head.lower():
            return self._raw.read_body()
        return self._raw.read_rest()

    def send(self, *messages: str | bytes) -> None:
        """Send messages, with one write."""
        self.write(b"".join(map(client_frame, messages)))

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._raw.send(data)

    def frame(self) -> tuple[int, bytes]:
        """The next frame: its opcode and payload; the server may not fragment or mask."""
        try:
            first, size = self._raw._exactly(2)
            if size == 126:
                size = int.from_bytes(self._raw._exactly(2), "big")
            elif size == 127:
                size = int.from_bytes(self._raw._exactly(8), "big")
            payload = self._raw._exactly(size)
        except (AssertionError, ConnectionError):
            raise Closed(None) from None
        assert first & 0xF0 == 0x80
        return first & 0x0F, payload

    def receive(self) -> str | bytes:
        """The next message, whatever packet it is.

        Raises:
            Closed: there is none.
        """
        while True:
            opcode, data = self.frame()
            if opcode == CLOSE:
                raise Closed(int.from_bytes(data[:2], "big") if data else None, data[2:].decode())
            if opcode in {TEXT, BINARY}:
                return data.decode() if opcode == TEXT else data

    def next(self) -> str | bytes:
        """The next message that is no PING of Engine.IO; those are answered."""
        while (message := self.receive()) == "2":
            self.send("3")
        return message

    def closed(self) -> Closed:
        """Wait for the end, answer the goodbye if one was said, and see the connection closed. No ping is answered."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            self._at_end()
            return closed

    def _at_end(self) -> None:
        try:
            self.write(client_frame(b"", CLOSE))
            assert self._raw.socket.recv(1) == b""
        except ConnectionError:
            return

    def opening(self) -> dict[str, Any]:
        """Read the OPEN packet."""
        packet = self.receive()
        assert isinstance(packet, str)
        assert packet[0] == "0"
        result: dict[str, Any] = json.loads(packet[1:])
        return result

    def connect(self, auth: str = "") -> None:
        """CONNECT to the default namespace; read on past what the test application greets with."""
        self.send(f"40{auth}")
        answer = self.next()
        assert isinstance(answer, str)
        assert answer.startswith('40{"sid":'), answer
        greeting = self.next()
        assert isinstance(greeting, str)
        assert greeting.startswith('42["auth",'), greeting

    def hang_up(self) -> None:
        """End the connection without a word."""
        self._raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._raw.close()

    def __enter__(self) -> Frames:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._raw.close()


class Polling:
    """A session over long polling; each request is made by the test.

    Attributes:
        opening: what the OPEN packet said.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        answer = self.http.get(url(base), timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        assert answer.text[0] == "0"
        self.opening: dict[str, Any] = json.loads(answer.text[1:])
        self.sid = self.opening["sid"]

    def url(self, **query: Any) -> str:
        """The address of the session."""
        return url(self.base, sid=self.sid, **query)

    def get(self, **query: Any) -> requests.Response:
        """Poll."""
        return requests.get(self.url(**query), timeout=SECONDS)

    def post(self, body: str | bytes, **query: Any) -> requests.Response:
        """Post a payload."""
        data = body.encode() if isinstance(body, str) else body
        return requests.post(self.url(**query), data, timeout=SECONDS)

    def poll(self) -> list[str]:
        """The packets of the next poll that brings any but PING; those are answered."""
        while True:
            answer = self.get()
            assert answer.status_code == 200, answer.text
            packets = answer.text.split("\x1e")
            if "2" in packets:
                assert self.post("3").text == "ok"
            packets = [one for one in packets if one != "2"]
            if packets:
                return packets

    def connect(self) -> None:
        """CONNECT to the default namespace; read on past what the test application greets with."""
        assert self.post("40").text == "ok"
        got: list[str] = []
        while len(got) < 2:
            got += self.poll()
        assert got[0].startswith('40{"sid":'), got
        assert got[1].startswith('42["auth",'), got


class Waiting:
    """A poll that waits."""

    def __init__(self, session: Polling, **query: Any) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._answer: Future[requests.Response] = self._pool.submit(session.get, **query)
        # Nothing tells a client that its poll is being served; a refused one would be back by now.
        time.sleep(0.1)
        assert not self._answer.done()

    def text(self) -> str:
        """What answered it."""
        answer = self._answer.result(SECONDS)
        self._pool.shutdown()
        assert answer.status_code == 200
        return answer.text
