"""The stage of one scenario: a Redis, server processes, readers and publishers, and how long each fault has."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import redis as redis_client

from tests.support.processes import Redis, Server, free_port, start_gevent

from .clients import Client, EventSourceClient, SocketIOClient
from .ledger import Account, Book, gone
from .links import Door
from .publishers import HttpPublisher, Publisher, SocketIOPublisher
from .stores import STORES, Deployment, Store

_SETTLE = 30.0
KINDS: Sequence[type[Client]] = (EventSourceClient, SocketIOClient)


@dataclass(frozen=True)
class Load:
    """How much goes on. The defaults are load L of the targets.

    Attributes:
        clients: half of them read event streams, half are Socket.IO clients over WebSocket.
        rate: messages a second, from all publishers together.
        seconds: how long it takes, roughly; faults are spread over it.
        faults: repeat each fault so often at most; None for as often as the target says.
        app: the program that is served.
        slack: targets that a slow machine misses may be missed by so much.
    """

    clients: int = 100
    rate: float = 100
    publishers: int = 4
    servers: int = 2
    seconds: float = 60
    faults: int | None = None
    app: str = "server"
    settings: dict[str, str] = field(default_factory=dict)
    slack: float = 1


class Stage:
    """What a scenario plays with."""

    def __init__(self, load: Load, store: Store, servers: list[Server]) -> None:
        self.load, self.store, self.servers = load, store, servers
        self.backs = [server.port for server in servers]
        self.ports = self.backs
        self.doors: list[Door] = []
        self.book = Book()
        self.checks: list[tuple[str, float, float]] = []
        self.clients: list[Client] = []
        self.visitors: list[Client] = []
        self.publishers: list[Publisher] = []

    @property
    def redis(self) -> Redis:
        """The one Redis, where there is one."""
        assert isinstance(self.store, Redis)
        return self.store

    @property
    def deployment(self) -> Deployment:
        """Sentinel's or the cluster's nodes, where there are."""
        assert not isinstance(self.store, Redis)
        return self.store

    @property
    def accounts(self) -> list[Account]:
        """Of all clients, and of those that came and went."""
        return [client.account for client in (*self.clients, *self.visitors)]

    async def begin(self, kinds: Sequence[type[Client]] = KINDS, *, doors: str = "") -> None:
        """Once every client reads, begin to publish.

        Args:
            kinds: of clients, in equal numbers.
            doors: proxies to go through: ``each`` is one before each server, ``shared`` is one before all.
        """
        if doors:
            targets = [[port] for port in self.backs] if doors == "each" else [self.backs]
            self.doors = [Door(some) for some in targets]
            for door in self.doors:
                await door.open()
            self.ports = [door.port for door in self.doors]
        count = len(kinds)
        self.clients = [kinds[at % count](self.ports, at // count, self.book) for at in range(self.load.clients)]
        for client in self.clients:
            await asyncio.wait_for(client.ready.wait(), _SETTLE)
        pace = self.load.publishers / self.load.rate
        ways = (HttpPublisher, SocketIOPublisher)
        self.publishers = [ways[at % 2](f"p{at}", self.ports, pace, self.book) for at in range(self.load.publishers)]
        await asyncio.sleep(0.3)

    async def turns(self, wanted: int) -> AsyncIterator[int]:
        """The fault's turns, spread over the time that there is."""
        count = min(wanted, self.load.faults or wanted)
        for number in range(count):
            began = asyncio.get_running_loop().time()
            yield number
            left = self.load.seconds / count - (asyncio.get_running_loop().time() - began)
            await asyncio.sleep(max(0.0, left))
            await self.recovered()

    def over(self) -> None:
        """The fault is over, from now on everybody has to come back."""
        for client in self.clients:
            client.account.fault()

    async def recovered(self) -> None:
        """Wait until everybody gets what is sent now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE):
                while any(client.account.waiting for client in self.clients):
                    await asyncio.sleep(0.02)

    async def published(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.book.acknowledged) + count
        async with asyncio.timeout(_SETTLE):
            while len(self.book.acknowledged) < wanted:
                await asyncio.sleep(0.01)

    def ask(self, *command: str) -> Any:
        """Give Redis a command. It waits for the answer."""
        with redis_client.Redis(port=self.redis.port) as connection:
            return connection.execute_command(*command)

    async def restart(self, number: int) -> None:
        """Start a server again, on its port, after it has ended."""
        server = self.servers[number]
        await asyncio.to_thread(server.stop)
        self.servers[number] = await asyncio.to_thread(start, self.load, self.store.url, server.port)

    async def end(self) -> None:
        """Wait until all is accepted and everybody has all of it, or nothing more comes; then let the clients go."""
        await asyncio.gather(*(publisher.stop(_SETTLE) for publisher in self.publishers))
        quiet, before = 0.0, -1
        while quiet < 3 and any(
            client.account.owed(self.book) - gone(self.book, client.account) for client in self.clients
        ):
            total = sum(len(client.account.got) for client in self.clients)
            quiet, before = (quiet + 0.1 if total == before else 0.0), total
            await asyncio.sleep(0.1)
        await asyncio.gather(*(client.close() for client in self.clients))
        for door in self.doors:
            await door.close()


def start(load: Load, bus: str, port: int) -> Server:
    """One server process."""
    settings = {"REALTIME_BUS_URL": bus, "LOG_LEVEL": "ERROR", **load.settings}
    return start_gevent(load.app, PORT=str(port), **settings)


@contextlib.asynccontextmanager
async def staged(
    load: Load, *options: str, kind: str = "redis", store: Store | None = None, **settings: str
) -> AsyncIterator[Stage]:
    """A stage, taken down at the end whatever happens.

    Args:
        load: how much goes on.
        options: of each Redis.
        kind: of store, see ``stores.STORES``.
        store: one that is there, and stays.
        settings: of the servers.
    """
    load = replace(load, settings={**settings, **load.settings})
    async with contextlib.AsyncExitStack() as stack:
        if store is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            store = await asyncio.to_thread(STORES[kind], Path(folder), *options)
            stack.push_async_callback(asyncio.to_thread, store.stop)
        servers: list[Server] = []
        try:
            while len(servers) < load.servers:
                servers.append(await asyncio.to_thread(start, load, store.url, free_port()))
            yield Stage(load, store, servers)
        finally:
            for server in servers:
                with contextlib.suppress(AssertionError):
                    await asyncio.to_thread(server.stop)
