"""Watches how quickly the servers answer while something else is wrong: other routes must not suffer from it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from .clients import dial

_EVERY = 0.02
_PATHS = ("/healthz", "/")


class Watch:
    """Asks each server for a route that needs no bus, every 20 ms.

    Attributes:
        times: seconds that each answer took. One that did not come in a second counts as one.
    """

    def __init__(self, ports: list[int]) -> None:
        self.times: list[float] = []
        self._over = False
        self._tasks = [asyncio.create_task(self._ask(port, path)) for port in ports for path in _PATHS]

    @property
    def p99(self) -> float:
        """99 of 100 answers took no longer."""
        return sorted(self.times)[int(len(self.times) * 0.99)] if self.times else 0.0

    async def _ask(self, port: int, path: str) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: drill\r\n\r\n".encode()
        reader, writer = await dial(port)
        try:
            while not self._over:
                began = time.monotonic()
                try:
                    writer.write(request)
                    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 1)).decode().lower()
                    await reader.readexactly(int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0]))
                except (OSError, TimeoutError, asyncio.IncompleteReadError, IndexError):
                    self.times.append(1.0)
                    writer.close()
                    reader, writer = await dial(port)
                else:
                    self.times.append(time.monotonic() - began)
                await asyncio.sleep(_EVERY)
        finally:
            writer.close()

    async def stop(self) -> None:
        """Ask no more."""
        self._over = True
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def watched(ports: list[int]) -> AsyncIterator[Watch]:
    """Watch for so long."""
    watch = Watch(ports)
    try:
        yield watch
    finally:
        await watch.stop()
