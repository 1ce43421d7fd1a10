"""Many clients at once: a thousand that come back together, and a thousand that come to a log that moves on quickly."""

from __future__ import annotations

import asyncio
import contextlib
import random
from itertools import islice

from .clients import Client
from .ledger import Id
from .stage import KINDS, Stage

_BEHIND = 100
_READS = 0.5
"""Times that a room's log may be read for each client that comes back, on average."""

_MORE = 50
"""Live messages that a visitor stays for."""
_PATIENCE = 20.0
VISITS = {"REALTIME_HISTORY_LENGTH": "10000", "REALTIME_LOG_LENGTH": "20000"}


async def all_return(stage: Stage) -> None:
    """All clients miss the same hundred messages, and come back in the same moment."""
    async for _ in stage.turns(1):
        for client in stage.clients:
            client.leave()
        slow = [publisher.pace for publisher in stage.publishers]
        for publisher in stage.publishers:
            publisher.pace = 0.01
        await stage.published(_BEHIND)
        for publisher, pace in zip(stage.publishers, slow, strict=True):
            publisher.pace = pace
        before = await asyncio.to_thread(_reads, stage)
        for client in stage.clients:
            client.come_back()
        stage.over()
        await stage.recovered()
        reads = (await asyncio.to_thread(_reads, stage) - before) / len(stage.clients)
    stage.checks.append(("reads per client", reads, _READS * stage.load.slack))


def _reads(stage: Stage) -> int:
    """How often streams were read so far. One look at one room is three of them: its log and the ends of the whole."""
    counts = stage.ask("INFO", "commandstats")
    return sum(counts.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("xrange", "xrevrange")) // 3


async def random_cursors(stage: Stage) -> None:
    """Clients come with some cursor of the last while, read until they are live and a little longer, and go."""
    count = 40 * stage.load.faults if stage.load.faults else round(2 * stage.load.rate)
    await stage.published(2 * _MORE)
    visits: set[asyncio.Task[float]] = set()
    for number in range(count):
        recent = sorted(islice(reversed(stage.book.acknowledged.values()), 1000))
        visits.add(asyncio.create_task(_visit(stage, number, random.choice(recent), recent[-1])))
        await asyncio.sleep(stage.load.seconds / count)
    failed = sum(await asyncio.gather(*visits))
    stage.checks.append((f"of {count} visits that failed", failed, 0.0))


async def _visit(stage: Stage, number: int, start: Id, newest: Id) -> float:
    """One visit; 1 when the client did not get as far as it should, else 0."""
    visitor: Client = KINDS[number % len(KINDS)](stage.ports, number // len(KINDS), stage.book)
    visitor.cursor = f"{start[0]}-{start[1]}"
    account = visitor.account
    account.start = account.last = start
    stage.visitors.append(visitor)
    beyond = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while beyond < _MORE:
                await asyncio.sleep(0.02)
                beyond = sum(id_ > newest for _, id_ in account.got[-_MORE:])
    await visitor.close()
    account.until = max(account.last, newest)
    return float(beyond < _MORE)
