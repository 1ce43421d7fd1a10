"""Clients that poll: Socket.IO over Engine.IO's long polling, and the long poll of plain HTTP.

They repeat a GET whose connection broke before the answer was there, to the letter, as browsers do by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json

from .clients import ROOM, Client, EventSourceClient, SocketIOClient, dial
from .stage import Stage

_TRIP = 0.05
"""Seconds between an answer and the next poll: a network's round trip. Without, half of the work would be polls."""
_WAIT = 20
_SEPARATOR = "\x1e"


class Polls:
    """GETs on one kept connection, and what else has to be asked on another.

    Attributes:
        writer: the connection for polls.
        repeated: how many were repeated.
    """

    def __init__(self, port: int) -> None:
        self.writer: asyncio.StreamWriter | None = None
        self.repeated = 0
        self._port = port
        self._reader = asyncio.StreamReader()

    async def get(self, path: str, *, again: bool = True) -> bytes:
        """A GET's body. Where the connection breaks before it is there, it is asked for once more."""
        try:
            if self.writer is None:
                self._reader, self.writer = await dial(self._port)
            self.writer.write(f"GET {path} HTTP/1.1\r\nHost: drill\r\n\r\n".encode())
            return await answer(self._reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not again:
                raise
        self.repeated += 1
        return await self.get(path, again=False)

    async def post(self, path: str, body: str) -> None:
        """A POST on a connection of its own."""
        reader, writer = await dial(self._port)
        with contextlib.closing(writer):
            head = f"POST {path} HTTP/1.1\r\nHost: drill\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            await answer(reader)

    def close(self) -> None:
        """Close the connection for polls."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of a response that says how long it is. Raises ``ConnectionError`` unless it says 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    body = await reader.readexactly(int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0]))
    if " 200 " not in head.split("\r\n", 1)[0]:
        raise ValueError(f"{head.split(chr(13), 1)[0]}: {body[:100]!r}")
    return body


class PollingClient(SocketIOClient):
    """Socket.IO over long polling (Engine.IO protocol 4, "HTTP long-polling"). It never upgrades."""

    async def _connect(self, port: int) -> None:
        self._failed += 1
        polls, stamps = Polls(port), itertools.count()
        base = "/socket.io/?EIO=4&transport=polling"
        try:
            opening = json.loads((await polls.get(f"{base}&t=open", again=False))[1:])
            base += f"&sid={opening['sid']}"
            await polls.post(base, "40")
            while True:
                self._writer = polls.writer
                payload = await polls.get(f"{base}&t={next(stamps)}")
                self.repeated += polls.repeated
                polls.repeated = 0
                self.heard = asyncio.get_running_loop().time()
                for text in payload.decode().split(_SEPARATOR):
                    if text == "1":
                        return
                    if (said := self._take(text)) is not None:
                        await polls.post(base, said)
                await asyncio.sleep(_TRIP)
        finally:
            polls.close()


class LongPollClient(Client):
    """Asks the room's history for what comes next, and waits for it."""

    async def _connect(self, port: int) -> None:
        polls, first = Polls(port), True
        path = f"/rooms/{ROOM}/messages"
        try:
            while True:
                self._asked = self.cursor
                asked = f"after={self.cursor}&limit=1000&wait={0 if first else _WAIT}" if self.cursor else "limit=0"
                self._writer = polls.writer
                found = json.loads(await polls.get(f"{path}?{asked}"))
                self.repeated += polls.repeated
                polls.repeated = 0
                self.heard = asyncio.get_running_loop().time()
                cursor = str(found["cursor"])
                if first or not found["recovered"]:
                    self._open(recovered=found["recovered"], cursor=cursor)
                first = False
                for one in found["messages"]:
                    self._event(one["event"], one["data"], one["id"])
                self.cursor = cursor
                await asyncio.sleep(_TRIP)
        finally:
            polls.close()

    def _pause(self) -> float:
        return 1.0


EVERY_KIND = (PollingClient, EventSourceClient, LongPollClient, SocketIOClient)
_POLLS = (b"GET /socket.io/?EIO=4&transport=polling", f"GET /rooms/{ROOM}/messages".encode())


async def polls_cut(stage: Stage) -> None:
    """The response to each poll that is open dies on its way."""
    async for _ in stage.turns(20):
        for door in stage.doors:
            for link in door.links:
                link.doomed = link.asked.startswith(_POLLS)
        stage.over()
    stage.checks.append(("no poll was repeated", float(not sum(client.repeated for client in stage.clients)), 0.0))
