"""Harm to a Redis of several nodes, whose Sentinels or whose cluster make a replica the primary.

Its own outage is over when every Sentinel, or every other node of the cluster, names the new primary; in durable mode
when that has a replica again which confirms a write. Both are asked of Redis itself. This file looks at no message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import redis as redis_client

from tests.support.processes import Redis, eventually

from .stage import Stage

_BEHIND = 1.0
"""Seconds for which nothing reaches the replicas."""


async def primary_killed(stage: Stage) -> None:
    await _killed(stage, 5, behind=False)


async def primary_killed_thrice(stage: Stage) -> None:
    await _killed(stage, 3, behind=False)


async def replicas_behind(stage: Stage) -> None:
    await _killed(stage, 1, behind=True)


async def _killed(stage: Stage, times: int, *, behind: bool) -> None:
    durable = int(stage.load.settings.get("REALTIME_DURABLE", "0"))
    deployment = stage.deployment
    async for _ in stage.turns(times):
        before = await asyncio.to_thread(lambda: deployment.primary)
        replicas = await asyncio.to_thread(lambda: deployment.replicas)
        if behind:
            await asyncio.to_thread(_cut_off, replicas)
            await asyncio.sleep(_BEHIND)
        await asyncio.to_thread(before.kill)
        after = await asyncio.to_thread(deployment.failed_over, before)
        if behind:
            await asyncio.to_thread(_let_follow, replicas)
        if durable:
            await asyncio.to_thread(_confirmed, after, durable)
        stage.over()
        await stage.recovered()
        await asyncio.to_thread(deployment.revive, before)
        await asyncio.to_thread(deployment.settle, len(replicas))


def _cut_off(replicas: list[Redis]) -> None:
    """Nothing reaches them any more: what is acknowledged from here on is lost, should one of them take over."""
    for replica in replicas:
        with _asking(replica) as ask:
            ask.config_set("masterauth", "wrong")
            ask.config_set("masteruser", "nobody")
            ask.client_kill_filter(_type="master")


def _let_follow(replicas: list[Redis]) -> None:
    for replica in replicas:
        with _asking(replica) as ask:
            ask.config_set("masteruser", "")
            ask.config_set("masterauth", "")


def _confirmed(primary: Redis, replicas: int) -> None:
    """Wait until so many replicas confirm a write."""

    def asked() -> bool:
        with _asking(primary) as ask:
            ask.set("{realtime}:drill", time.time())
            return int(ask.execute_command("WAIT", replicas, 50)) >= replicas

    eventually(asked, within=30, what="a replica of the new primary")


@contextmanager
def _asking(node: Redis) -> Iterator[Any]:
    with closing(redis_client.Redis(port=node.port, socket_timeout=2, single_connection_client=True)) as client:
        yield client
