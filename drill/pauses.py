"""Redis is there and does not answer: frozen, or paused by a command. Other routes are to answer as ever meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .stage import Stage
from .watching import watched

_P99 = 0.1


async def redis_frozen(stage: Stage) -> None:
    async def freeze(seconds: float) -> None:
        stage.redis.freeze()
        await asyncio.sleep(seconds)
        stage.redis.thaw()

    await _five_times(stage, freeze)


async def redis_paused(stage: Stage) -> None:
    async def pause(seconds: float) -> None:
        await asyncio.to_thread(stage.ask, "CLIENT", "PAUSE", str(round(seconds * 1000)), "ALL")
        await asyncio.sleep(seconds)

    await _five_times(stage, pause)


async def _five_times(stage: Stage, hold: Callable[[float], Awaitable[None]]) -> None:
    times: list[float] = []
    async for _ in stage.turns(5):
        async with watched(stage.backs) as watch:
            await hold(min(5.0, stage.load.seconds / 3))
            times.append(watch.p99)
        stage.over()
    stage.checks.append(("p99 of other routes", max(times), _P99 * stage.load.slack))
