"""Clients that read and come back with their cursor: an EventSource, and a Socket.IO client over WebSocket.

Written here from the specifications, cheaply, so that a hundred fit beside the servers on two cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from .ledger import Account, Book, parse_id

ROOM = "drill"


async def dial(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a server on this machine."""
    return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)


class Client(ABC):
    """One reader. It goes to the servers in turn when it has to come back.

    Args:
        ports: of the servers.
        first: the one it goes to first.
        book: what was published.

    Attributes:
        account: what it got.
        ready: it reads.
        cursor: id of the last message, or what the server named in its stead.
        opened: when it was told that it reads, each time (by the loop's clock).
        heard: when it got anything at all (likewise).
        repeated: requests that it sent again because their connection broke.
        patience: seconds of silence after which a link counts as broken.
    """

    def __init__(self, ports: list[int], first: int, book: Book) -> None:
        self.account = Account()
        self.ready = asyncio.Event()
        self.cursor = ""
        self.heard = 0.0
        self.repeated = 0
        self.patience = float("inf")
        self.opened: list[float] = []
        self._ports, self._turn, self._book = ports, first, book
        self._asked = ""
        self._here = asyncio.Event()
        self._here.set()
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ConnectionError, ValueError):
                await self._connect(self._ports[self._turn % len(self._ports)])
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._turn += 1
            if self._here.is_set():
                await asyncio.sleep(self._pause())
            await self._here.wait()

    @abstractmethod
    async def _connect(self, port: int) -> None:
        """Connect and read until it is over."""

    @abstractmethod
    def _pause(self) -> float:
        """Seconds until it comes back."""

    def _open(self, *, recovered: bool, cursor: str) -> None:
        if not recovered:
            self.account.reset(parse_id(cursor), since=parse_id(self._asked) if self._asked else None)
        if not self.cursor or not recovered:
            self.cursor = cursor
        self.opened.append(asyncio.get_running_loop().time())
        self.ready.set()

    def _event(self, event: str, data: dict[str, object], id_: str) -> None:
        if event == "message":
            self.cursor = id_
            self.account.message(self._book, str(data["k"]), parse_id(id_))
        elif event == "realtime.reset":
            self.cursor = str(data["cursor"])
            self.account.reset(parse_id(self.cursor))

    @property
    def local_port(self) -> int:
        """Its own port of the connection that it has; 0 where there is none."""
        return self._writer.get_extra_info("sockname")[1] if self._writer is not None else 0

    @property
    def silent(self) -> bool:
        """It is connected, and has heard nothing for too long."""
        return self._writer is not None and asyncio.get_running_loop().time() - self.heard > self.patience

    def leave(self) -> None:
        """Break the connection, and stay away until it is called back."""
        self._here.clear()
        self.reset()

    def come_back(self) -> None:
        """Connect again, at once."""
        self._here.set()

    def reset(self) -> None:
        """Break the connection: what is under way is lost."""
        if self._writer is not None:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
            self._writer = None

    async def close(self) -> None:
        """Stop reading for good."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._writer is not None:
            self._writer.close()


class EventSourceClient(Client):
    """Reads the event stream; waits as long as the server asked before it comes back (WHATWG HTML, 9.2)."""

    _retry = 2.0

    async def _connect(self, port: int) -> None:
        reader, self._writer = await dial(port)
        self.heard = asyncio.get_running_loop().time()
        self._asked = self.cursor
        resume = f"Last-Event-ID: {self.cursor}\r\n" if self.cursor else ""
        # HTTP/1.0: the body ends with the connection, and has no chunks.
        self._writer.write(f"GET /events?room={ROOM} HTTP/1.0\r\nHost: drill\r\n{resume}\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            return
        rest = b""
        while data := await reader.read(65536):
            self.heard = asyncio.get_running_loop().time()
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                self._block(block.decode())

    def _block(self, block: str) -> None:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "retry" in fields:
            self._retry = int(fields["retry"]) / 1000
        if "data" not in fields:
            return
        data, event = json.loads(fields["data"]), fields["event"]
        if event == "realtime.ready":
            self._open(recovered=data["recovered"], cursor=data["cursor"])
        else:
            self._event(event, data, fields.get("id", ""))

    def _pause(self) -> float:
        return self._retry


class SocketIOClient(Client):
    """Joins the room over WebSocket; waits as the stock client does: 1 s at first, doubled, ± half, at most 5 s."""

    _failed = 0

    async def _connect(self, port: int) -> None:
        self._failed += 1
        reader, writer = await open_websocket(port)
        self._writer = writer
        self.heard = asyncio.get_running_loop().time()
        writer.write(masked("40"))
        async for text in frames(reader):
            self.heard = asyncio.get_running_loop().time()
            if (said := self._take(text)) is not None:
                writer.write(masked(said))

    def _take(self, text: str) -> str | None:
        """One packet of the server's; what is to be said to it.

        Raises:
            ConnectionError: it refused.
        """
        if text == "2":
            return "3"
        if text.startswith("40"):
            self._asked = self.cursor
            after = {"after": self.cursor} if self.cursor else {}
            return f"420{json.dumps(['join', {'room': ROOM, **after}])}"
        if text.startswith("430"):
            (answer,) = json.loads(text[3:])
            if not answer["ok"]:
                raise ConnectionError("it may not join now")
            self._failed = 0
            self._open(recovered=answer["recovered"], cursor=answer["cursor"])
        elif text.startswith("42"):
            event, data, *more = json.loads(text[2:])
            self._event(event, data, more[0] if more else "")
        return None

    def _pause(self) -> float:
        return min(5.0, 2 ** max(0, self._failed - 1) * random.uniform(0.5, 1.5))


async def open_websocket(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin an Engine.IO session on a WebSocket (RFC 6455, 4.1)."""
    reader, writer = await dial(port)
    writer.write(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: drill\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    if not head.startswith(b"HTTP/1.1 101"):
        writer.close()
        raise ConnectionError("no WebSocket")
    return reader, writer


def masked(text: str) -> bytes:
    """A client's frame (RFC 6455, 5.3)."""
    data, mask = text.encode(), os.urandom(4)
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """The texts of a server's frames, until it closes."""
    while True:
        opcode, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        data = await reader.readexactly(size)
        if opcode & 15 == 8:
            return
        if opcode & 15 == 1:
            yield data.decode()
