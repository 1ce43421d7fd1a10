"""A black hole: some links let nothing through in either direction, and neither end is told.

Both ends have to notice by themselves: the client by the server's silence, the server by that of the client's machine.
What the server has noticed is seen from outside, by the descriptor that it has let go of.
"""

from __future__ import annotations

import asyncio
import time

from tests.support.vanishing import held

from .clients import Client
from .links import Link
from .stage import Stage

HEARTBEAT = 2.0
_HOLE = 10.0
_STEP = 0.1
_FREED = 30.0


async def black_hole(stage: Stage) -> None:
    """Half of all links vanish, those of publishers too, and are back after a while."""
    for client in stage.clients:
        client.patience = 2 * HEARTBEAT
    slowest = {"clients": 0.0, "servers": 0.0}
    async for number in stage.turns(3):
        mine = {client.local_port: client for client in stage.clients}
        links = [link for door in stage.doors for link in door.links]
        links = sorted(links, key=lambda link: mine.get(link.at_client) is None)[number % 2 :: 2]
        gone = [client for link in links if (client := mine.get(link.at_client)) is not None]
        for link in links:
            link.vanish()
        began = time.monotonic()
        stage.over()
        # A kept-alive connection between two requests has no heartbeat.
        noticed = asyncio.create_task(_noticed([link for link in links if not link.asked.startswith(b"POST ")]))
        slow = await _given_up(stage.clients, gone, until=began + min(_HOLE, max(2.5 * HEARTBEAT, stage.load.seconds)))
        for link in links:
            link.reappear()
        slowest = {"clients": max(slowest["clients"], slow), "servers": max(slowest["servers"], await noticed)}
    for who, seconds in slowest.items():
        stage.checks.append((f"noticed by {who}", seconds, (2 * HEARTBEAT + 2 * _STEP) * stage.load.slack))
    stage.checks.append(("descriptors freed", slowest["servers"], _FREED))


async def _given_up(clients: list[Client], gone: list[Client], *, until: float) -> float:
    """Let clients give up a server that is silent; after how many seconds the slowest of some did."""
    began, slowest, waiting = time.monotonic(), 0.0, set(gone)
    while (now := time.monotonic()) < until:
        for client in clients:
            if client.silent:
                client.reset()
                if client in waiting:
                    waiting.discard(client)
                    slowest = max(slowest, now - began)
        await asyncio.sleep(_STEP)
    return float("inf") if waiting else slowest


async def _noticed(links: list[Link]) -> float:
    """After how many seconds the servers have let go of all these links; infinite when they do not."""
    began, pairs = time.monotonic(), {link.at_server for link in links}
    while pairs & held():
        if time.monotonic() - began > _FREED:
            return float("inf")
        await asyncio.sleep(_STEP)
    return time.monotonic() - began
