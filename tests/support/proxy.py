"""A small TCP proxy in front of a server that does to connections what networks do: refuse, swallow, reset, tear.

It passes bytes and looks only into the head of each connection's first request, to tell a WebSocket's opening.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

_STREAMS = (b"GET /events?", b"GET /socket.io/")
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """``with Proxy(server.port) as proxy``: clients use ``proxy.url``.

    Args:
        target: the server's port.
        upgrades: what happens to requests for a WebSocket: ``pass``, ``refuse`` (as a proxy that knows only HTTP does),
            ``swallow`` (nothing is ever answered). May be changed at any time; open connections stay.

    Attributes:
        url: where it listens.
        target: the server's port. May be changed at any time; open connections stay.
        heads: the head of the first request of each connection.
        stopped: how many upgrades were refused or swallowed.
    """

    def __init__(self, target: int, *, upgrades: str = "pass") -> None:
        self.upgrades = upgrades
        self.heads: list[str] = []
        self.stopped = 0
        self.url = ""
        self.target = target
        self._down = False
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def cut(self) -> int:
        """Reset every connection at once: what was under way in either direction is lost. Returns how many."""
        return self._do(self._cut())

    def tear(self) -> int:
        """Let every connection end in the middle of what the server says next on it. Returns how many will."""
        return self._do(self._tear())

    def freeze(self) -> int:
        """Let nothing through any more on the streams and WebSockets there are, and tell nobody. Returns how many.

        New connections work. (A browser's idle ones stay well: which of them it uses next is its own business.)
        """
        return self._do(self._freeze())

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """No network for a while: connections are reset, and new ones too."""
        self._down = True
        self.cut()
        yield
        self._down = False

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the proxy has not ended"

    def _do(self, work: Coroutine[Any, Any, int]) -> int:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _cut(self) -> int:
        for connection in self._open:
            connection.reset()
        return len(self._open)

    async def _tear(self) -> int:
        for connection in self._open:
            connection.torn = True
        return len(self._open)

    async def _freeze(self) -> int:
        streams = [connection for connection in self._open if connection.asked.startswith(_STREAMS)]
        for connection in streams:
            connection.frozen = True
        return len(streams)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._listening.set()
        await self._stop.wait()
        # Closing a server before all whom it accepted are connected leaves their sockets open (CPython's gh-109564),
        # and who was just being accepted comes after the first cut.
        self._loop.remove_reader(server.sockets[0])
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await self._cut()
            await asyncio.wait(others, timeout=0.05)
        server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would be cancelled at the end with complaints.
        task = asyncio.create_task(self._serve(Connection(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Connection) -> None:
        if self._down:
            client.reset()
            return
        self._open.add(client)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await client.reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1"))
            if self.upgrades == "pass" or b"\r\nupgrade: websocket\r\n" not in head.lower():
                server = Connection(*await asyncio.open_connection("127.0.0.1", self.target))
                server.writer.write(head)
                client.asked = head[:40]
                await client.talk_to(server)
            else:
                self.stopped += 1
                if self.upgrades == "refuse":
                    client.writer.write(REFUSAL)
                else:
                    await client.reader.read(-1)
        await client.close()
        self._open.discard(client)


class Connection:
    """One client's connection, and the one to the server that answers it.

    Attributes:
        torn: of what the server says next only half is passed on, and then the connection is closed.
        frozen: what either side says is swallowed.
        asked: how what the client said last begins, where that looks like a request.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.torn = self.frozen = False
        self.asked = b""
        self.server: Connection | None = None

    async def talk_to(self, server: Connection) -> None:
        """Pass on what either side says, until one of them has ended."""
        self.server = server
        up = asyncio.create_task(self._pass(self.reader, server.writer))
        down = asyncio.create_task(self._pass(server.reader, self.writer, down=True))
        _, waiting = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.wait((up, down))
        await server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.frozen:
                    continue
                if not down and data.startswith((b"GET ", b"POST ")):
                    self.asked = data[:40]
                torn = down and self.torn
                writer.write(data[: len(data) // 2] if torn else data)
                await writer.drain()
                if torn:
                    return

    def reset(self) -> None:
        """End it at once, without a goodbye and without what is still to be written."""
        # Without lingering, closing sends a reset instead of the orderly end of what was said.
        with contextlib.suppress(OSError):  # It may have ended just now.
            connection = self.writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        if self.server is not None:
            self.server.reset()

    async def close(self) -> None:
        """End it after what is still to be written."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
