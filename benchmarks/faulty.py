"""A tiny server that does one thing wrong, on purpose: what the load generator must notice.

``python -m benchmarks.faulty FAULT WIRE``. It writes its streams in crumbs, so that every parser meets every split. It
is for ``prove.py`` only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
import time
from typing import Final

FAULTS: Final = ("none", "drop", "double", "swap", "damage", "truncate", "stray", "refuse", "close", "delay", "burn")
FROZEN_FAULTS: Final = ("none", "drop", "double", "told")
"""What can happen to a reader that was frozen; ``told``: messages are dropped, and it is told so."""

WIRES: Final = ("sse", "chunked", "ws", "sio")
DELAY: Final = 0.02
BURN: Final = 0.01
_AT: Final = 7
"""The message with which it goes wrong, for one subscriber only: the newest, whose reading may be frozen."""


class Faulty:
    """The server's state: who listens, how many messages there were, and what is held back."""

    def __init__(self, fault: str, wire: str) -> None:
        self.fault = fault
        self.wire = wire
        self.subscribers: list[asyncio.StreamWriter] = []
        self.count = 0
        self.held: str | None = None
        self.turn = asyncio.Lock()
        self.seventh = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                if head.startswith("POST"):
                    length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
                    body = (await reader.readexactly(length)).decode()
                    await self.publish(body)
                    refused = self.fault == "refuse" and body == self.seventh
                    status = "500 No" if refused else "201 Created"
                    writer.write(
                        f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n".encode()
                    )
                elif "sec-websocket-key" in head.lower():
                    await self.upgrade(head, reader, writer)
                else:
                    chunked = "Transfer-Encoding: chunked\r\n" if self.wire == "chunked" else ""
                    await crumbs(writer, f"HTTP/1.1 200 OK\r\n{chunked}\r\n".encode())
                    self.subscribers.append(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def upgrade(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = next(
            line.split(":")[1].strip() for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        lines = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}"
        await crumbs(writer, f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n\r\n".encode())
        if self.wire == "ws":
            self.subscribers.append(writer)
            return
        await crumbs(writer, frame('0{"sid":"~x~","pingInterval":25000}') + frame("2"))
        while True:
            text = await read_frame(reader)
            if text == "40":
                await crumbs(writer, frame('40{"sid":"~y~"}'))
            elif text.startswith('420["join"'):
                self.subscribers.append(writer)
                await crumbs(writer, frame('430[{"ok":true}]'))
            elif text.startswith("42"):
                number, _, rest = text[2:].partition("[")
                body = json.loads(f"[{rest}")[1]["data"]
                await self.publish(body)
                ok = "false" if self.fault == "refuse" and body == self.seventh else "true"
                await crumbs(writer, frame(f'43{number}[{{"ok":{ok}}}]'))

    async def publish(self, body: str) -> None:
        async with self.turn:
            await self.publish_one(body)

    async def publish_one(self, body: str) -> None:
        self.count += 1
        if self.count == _AT:
            self.seventh = body
        if self.fault == "delay":
            await asyncio.sleep(DELAY)
        if self.fault == "burn":
            until = time.process_time() + BURN
            while time.process_time() < until:
                pass
        for writer in self.subscribers:
            for one in self.wrong(body) if writer is self.subscribers[-1] else [body]:
                await crumbs(writer, self.encoded(one))

    def wrong(self, body: str) -> list[str]:
        """What that one subscriber is sent instead of a message."""
        if self.held is not None:
            # The same order for this one, had the two not changed places.
            held, self.held = self.held, None
            return [body, held]
        if self.count == _AT:
            if self.fault == "swap":
                self.held = body
            if self.fault == "close":
                self.subscribers[-1].close()
            other_room = f"~00001{body[6:]}"
            return {
                "drop": [],
                "told": [],
                "double": [body, body],
                "swap": [],
                "damage": [body[:40] + "?" + body[41:]],
                "truncate": [body[:-9]],
                "stray": [other_room, body],
                "close": [],
            }.get(self.fault, [body])
        return [body]

    def encoded(self, body: str) -> bytes:
        if self.wire == "ws":
            return frame(body)
        if self.wire == "sio":
            return frame(f'42["message","{body}","1-0"]')
        reset = "event: realtime.reset\ndata: {}\n\n" if self.fault == "told" and self.count == _AT + 1 else ""
        event = f'{reset}: a comment\nid: 1-0\ndata: "{body}"\n\n'.encode()
        if self.wire == "sse":
            return event
        middle = len(event) // 2
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (event[:middle], event[middle:]))


def frame(text: str) -> bytes:
    """A text frame as servers send it."""
    data = text.encode()
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2)
    return b"\x81" + size + data


async def read_frame(reader: asyncio.StreamReader) -> str:
    """A masked frame of a client."""
    size = (await reader.readexactly(2))[1] & 127
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    mask = await reader.readexactly(4)
    return bytes(byte ^ mask[at & 3] for at, byte in enumerate(await reader.readexactly(size))).decode()


async def crumbs(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write in small pieces of changing size; the other side has time to read each."""
    at, size = 0, 1
    while at < len(data):
        if writer.is_closing():
            return
        writer.write(data[at : at + size])
        at, size = at + size, size % 11 + 1
        await asyncio.sleep(0)


async def main() -> None:
    faulty = Faulty(sys.argv[1], sys.argv[2])
    server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0)
    print(f"Listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
