"""The drill's proxy does to links what it says, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from drill.clients import dial
from drill.links import Door
from tests.support.processes import free_port


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it hears."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


Story = Callable[[Door, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_door(story: Story, *, refusing: int = 0) -> None:
    """Play a story before a server that echoes, and some ports at which nobody listens."""

    async def play() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        door = Door([*(free_port() for _ in range(refusing)), server.sockets[0].getsockname()[1]])
        await door.open()
        reader, writer = await dial(door.port)
        try:
            await story(door, reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await door.close()
            server.close()
            await server.wait_closed()

    asyncio.run(play())


def test_a_link_goes_to_the_next_server_where_one_refuses() -> None:
    async def story(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        for _ in range(2):
            more, another = await dial(door.port)
            another.write(b"hello")
            assert await more.readexactly(5) == b"hello"
            another.close()

    with_door(story, refusing=1)


def test_all_of_much_goes_through() -> None:
    async def story(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        much = b"x" * 5_000_000
        writer.write(much)
        assert await reader.readexactly(len(much)) == much

    with_door(story)


def test_a_doomed_link_swallows_the_answer_and_is_reset() -> None:
    async def story(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        await reader.readexactly(3)
        (link,) = door.links
        assert link.asked == b"one"
        link.doomed = True
        writer.write(b"two")
        with pytest.raises(ConnectionResetError):
            await reader.read(3)
        assert not door.links

    with_door(story)


def test_a_link_that_vanished_acknowledges_nothing_and_goes_on_when_it_is_back() -> None:
    async def story(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        await reader.readexactly(3)
        (link,) = door.links
        link.vanish()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(3), 0.3)
        info = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        assert int.from_bytes(info[24:28], "little") == 1, "a segment is not acknowledged (tcpi_unacked)"
        link.reappear()
        assert await asyncio.wait_for(reader.readexactly(3), 5) == b"two"

    with_door(story)
