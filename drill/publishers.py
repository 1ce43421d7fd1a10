"""Publishers: each sends numbered messages at a steady pace, and repeats one with its key until it is accepted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod

from .clients import ROOM, dial, frames, masked, open_websocket
from .ledger import Book, Id, parse_id

_PATIENCE = 5.0
_PAUSE = 0.05


class Publisher(ABC):
    """One publisher.

    Args:
        name: the first part of its keys.
        ports: of the servers, taken in turn after a failure.
        pace: seconds from one message to the next.
        book: where it writes down what it did.

    Attributes:
        cut: so many connections are broken right after a message was written, before the answer is read.
        keys: send a key along. Without, a repeated message is another one.
    """

    def __init__(self, name: str, ports: list[int], pace: float, book: Book) -> None:
        self.cut = 0
        self.pace = pace
        self._name, self._ports, self._book = name, ports, book
        self._turn = sum(map(ord, name))
        self._stopping = False
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._stopping:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += self.pace
            number += 1
            await self._publish(f"{self._name}-{number}")
        self._drop()

    async def _publish(self, key: str) -> None:
        while True:
            self._book.sent[key] = time.monotonic()
            try:
                id_ = await asyncio.wait_for(self._attempt(key), _PATIENCE)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, StopAsyncIteration, ValueError):
                id_ = None
                self._drop()
                self._turn += 1
            if id_ is not None:
                self._book.acknowledged[key] = parse_id(id_)
                return
            await asyncio.sleep(_PAUSE)

    async def _attempt(self, key: str) -> str | None:
        if self._link is None:
            self._link = await self._dial(self._ports[self._turn % len(self._ports)])
        reader, writer = self._link
        self._write(writer, {"data": {"k": key}, "key": key})
        if self.cut:
            self.cut -= 1
            await asyncio.sleep(0.02)
            raise ConnectionResetError("cut on purpose")
        id_ = await self._answer(reader)
        self._book.refused += id_ is None
        return id_

    def _drop(self) -> None:
        if self._link is not None:
            self._link[1].close()
            self._link = None

    @abstractmethod
    async def _dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]: ...

    @abstractmethod
    def _write(self, writer: asyncio.StreamWriter, message: dict[str, object]) -> None: ...

    @abstractmethod
    async def _answer(self, reader: asyncio.StreamReader) -> str | None:
        """The id, or None when the server refused."""

    async def stop(self, within: float) -> None:
        """Send nothing new, and wait until the last is accepted."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._task, within)
        self._drop()


class HttpPublisher(Publisher):
    """By POST on one kept connection."""

    async def _dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await dial(port)

    def _write(self, writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
        body = json.dumps(message).encode()
        head = f"POST /rooms/{ROOM}/messages HTTP/1.1\r\nHost: drill\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def _answer(self, reader: asyncio.StreamReader) -> str | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0])
        answer = json.loads(await reader.readexactly(size))
        if "connection: close" in head:
            self._drop()
        return answer.get("id")


class SocketIOPublisher(Publisher):
    """By Socket.IO over one WebSocket."""

    async def _dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await open_websocket(port)
        self._frames, self._writer, self._number = frames(reader), writer, 0
        writer.write(masked("40"))
        await self._until("40")
        return reader, writer

    def _write(self, writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
        self._number += 1
        writer.write(masked(f"42{self._number}{json.dumps(['publish', {'room': ROOM, **message}])}"))

    async def _answer(self, reader: asyncio.StreamReader) -> str | None:  # noqa: ARG002  it has frames
        (answer,) = json.loads(await self._until(f"43{self._number}"))
        return answer.get("id")

    async def _until(self, start: str) -> str:
        while True:
            text = await anext(self._frames)
            if text == "2":
                self._writer.write(masked("3"))
            if text.startswith(start):
                return text.removeprefix(start)


async def logged(port: int) -> set[Id]:
    """The ids of what a server's history has."""
    reader, writer = await dial(port)
    writer.write(f"GET /rooms/{ROOM}/messages?limit=1000000 HTTP/1.0\r\nHost: drill\r\n\r\n".encode())
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return {parse_id(one["id"]) for one in json.loads(body)["messages"]}
