"""A TCP proxy between the drill and the servers, that does to links what networks do to them.

It passes bytes on and knows none of them, but for how the client's last words begin. It may not look at what came.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final, cast

from tests.support.processes import free_port
from tests.support.vanishing import Socket, reappear, vanish

_PATIENCE: Final = 2.0
_PAUSE: Final = 0.05


class Door:
    """Listens on one port and passes each connection on to one of several servers: in turn, and where one refuses, to
    the next.

    Args:
        targets: the servers' ports.

    Attributes:
        port: where it listens.
        links: those that are open.
    """

    def __init__(self, targets: list[int]) -> None:
        self.port = free_port()
        self.links: set[Link] = set()
        self._targets, self._turn = targets, 0
        self._server: asyncio.Server | None = None
        self._dialling: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._greet, "127.0.0.1", self.port)

    async def close(self) -> None:
        """End it, and every link."""
        assert self._server is not None
        # Closing a server before all whom it accepted are connected leaves their sockets open (CPython's gh-109564).
        asyncio.get_running_loop().remove_reader(self._server.sockets[0])
        await asyncio.sleep(_PAUSE)
        for task in self._dialling:
            task.cancel()
        for link in tuple(self.links):
            link.break_off()
        self._server.close()
        await self._server.wait_closed()

    def _greet(self) -> _End:
        return Link(self).client

    def dial(self, link: Link) -> None:
        """A client came: find it a server."""
        task = asyncio.create_task(self._dial(link))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while loop.time() < until:
            for _ in self._targets:
                self._turn += 1
                port = self._targets[self._turn % len(self._targets)]
                with contextlib.suppress(OSError):
                    await loop.create_connection(lambda: link.server, "127.0.0.1", port)
                    link.begin()
                    return
            await asyncio.sleep(_PAUSE)
        link.break_off()


class Link:
    """A client's connection, and the one to the server that answers it.

    Attributes:
        asked: how what the client said last begins.
        doomed: what the server says next does not arrive: the client's connection is reset instead.
    """

    def __init__(self, door: Door) -> None:
        self.asked = b""
        self.doomed = False
        self.client, self.server = _End(self), _End(self)
        self._door = door

    @property
    def at_client(self) -> int:
        """The client's port."""
        assert self.client.transport is not None
        return self.client.transport.get_extra_info("peername")[1]

    @property
    def at_server(self) -> tuple[int, int]:
        """The server's port, and the proxy's, of the connection between them."""
        transport = self.server.transport
        assert transport is not None
        return transport.get_extra_info("peername")[1], transport.get_extra_info("sockname")[1]

    def came(self, end: _End) -> None:
        """One end is connected; the client's is the first."""
        if end is self.client and end.transport is not None:
            self._door.links.add(self)
            end.transport.pause_reading()
            self._door.dial(self)

    def begin(self) -> None:
        """Both ends are there."""
        if self.client.transport is not None and not self.client.transport.is_closing():
            self.client.transport.resume_reading()
        else:
            self.break_off()

    def said(self, end: _End, data: bytes) -> None:
        """One end said something."""
        if end is self.client:
            self.asked = data[:40]
        elif self.doomed:
            self.break_off()
            return
        other = self.other(end).transport
        if other is not None and not other.is_closing():
            other.write(data)

    def other(self, end: _End) -> _End:
        """The other end."""
        return self.server if end is self.client else self.client

    def ended(self, end: _End) -> None:
        """One end closed or broke; what it said before is still passed on."""
        self._door.links.discard(self)
        other = self.other(end).transport
        if other is not None:
            other.close()

    def break_off(self) -> None:
        """Reset both ends: what is under way is lost."""
        self._door.links.discard(self)
        for transport in (self.client.transport, self.server.transport):
            if transport is not None:
                linger = struct.pack("ii", 1, 0)
                with contextlib.suppress(OSError):
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                transport.abort()

    def vanish(self) -> None:
        """Let nothing through in either direction, and acknowledge nothing, without a word to either end."""
        self._each(vanish)

    def reappear(self) -> None:
        """Let everything through again."""
        self._each(reappear)

    def _each(self, change: Callable[[Socket], None]) -> None:
        for transport in (self.client.transport, self.server.transport):
            if transport is not None and not transport.is_closing():
                with contextlib.suppress(OSError):
                    change(transport.get_extra_info("socket"))


class _End(asyncio.Protocol):
    """One side of a link. Who sends faster than the other side reads, waits."""

    def __init__(self, link: Link) -> None:
        self.transport: asyncio.Transport | None = None
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._link.came(self)

    def data_received(self, data: bytes) -> None:
        self._link.said(self, data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._link.ended(self)

    def pause_writing(self) -> None:
        self._let_read(reading=False)

    def resume_writing(self) -> None:
        self._let_read(reading=True)

    def _let_read(self, *, reading: bool) -> None:
        other = self._link.other(self).transport
        if other is not None and not other.is_closing():
            (other.resume_reading if reading else other.pause_reading)()
