"""The scenarios: one function each, which does the harm, and beside it what the targets ask.

A scenario may not look at what came: that is the ledger's business.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from . import crowds, failovers, holes, pauses, pollers, returning
from .clients import Client
from .ledger import Figures, gone, judge
from .publishers import logged
from .stage import KINDS, Load, Stage, staged
from .stores import Store

Play = Callable[[Stage], Awaitable[None]]
_CROWD = 50
"""So few clients make no crowd: three of ten meet by chance."""

_DURABLE = {"REALTIME_DURABLE": "1", "REALTIME_HISTORY_LENGTH": "100000"}

AOF = ("--appendonly", "yes", "--appendfsync", "always")


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        title: what the table calls it.
        play: does the harm.
        times: how often, unless the load asks for less.
        recovery: seconds in which everybody (``p99``: 99 of 100) must get new messages again; None for no limit.
        told: every client must be told that something is gone; where false, nobody may be; where None, anybody.
        whole: nothing acknowledged may be gone, told or not; the log has all of it in the end.
        options: of each Redis.
        store: see ``stores.STORES``.
        settings: of the servers.
        kinds, doors: see ``Stage.begin``.
        crowd, rate: times as many clients, and messages a second, as the load says.
    """

    title: str
    play: Play
    times: int = 1
    recovery: float | None = None
    p99: bool = False
    told: bool | None = False
    whole: bool = False
    options: tuple[str, ...] = AOF
    kinds: Sequence[type[Client]] = KINDS
    doors: str = ""
    crowd: float = 1
    rate: float = 1
    store: str = "redis"
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of it: the figures, what was missed (empty when the target is met), and what else was measured."""

    figures: Figures
    missed: list[str]
    measured: dict[str, float] = field(default_factory=dict)


async def redis_killed(stage: Stage) -> None:
    async for _ in stage.turns(10):
        await asyncio.to_thread(stage.redis.kill)
        await asyncio.to_thread(stage.redis.start)
        stage.over()


async def redis_flushed(stage: Stage) -> None:
    async for _ in stage.turns(1):
        await asyncio.to_thread(stage.ask, "FLUSHALL")
        stage.over()


async def redis_empty(stage: Stage) -> None:
    async for _ in stage.turns(1):
        await asyncio.to_thread(stage.redis.kill)
        stage.redis.forget()
        await asyncio.to_thread(stage.redis.start)
        stage.over()


async def redis_full(stage: Stage) -> None:
    async for _ in stage.turns(1):
        await asyncio.to_thread(stage.ask, "CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(min(5.0, stage.load.seconds / 2))
        await asyncio.to_thread(stage.ask, "CONFIG", "SET", "maxmemory", "0")
        stage.over()
    stage.checks.append(("nothing was refused", float(not stage.book.refused), 0.0))


async def clients_killed(stage: Stage) -> None:
    async for _ in stage.turns(50):
        await asyncio.to_thread(stage.ask, "CLIENT", "KILL", "TYPE", "normal")
        stage.over()


async def links_cut(stage: Stage) -> None:
    async for _ in stage.turns(5):
        for client in stage.clients:
            client.reset()
        stage.over()


async def server_killed(stage: Stage) -> None:
    async for number in stage.turns(10):
        at = number % len(stage.servers)
        stage.servers[at].signal(signal.SIGKILL)
        stage.over()
        await asyncio.to_thread(stage.servers[at].popen.wait)
        await stage.restart(at)


async def rolling(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    slowest = crowd = 0.0
    async for number in stage.turns(5):
        at, began, clock = number % len(stage.servers), time.monotonic(), loop.time()
        stage.servers[at].signal(signal.SIGTERM)
        stage.over()
        await asyncio.to_thread(stage.servers[at].popen.wait, 20)
        slowest = max(slowest, time.monotonic() - began)
        await stage.restart(at)
        await stage.recovered()
        back = sorted(time for client in stage.clients for time in client.opened if time > clock)
        together = max((sum(one <= other < one + 0.1 for other in back) for one in back), default=0)
        crowd = max(crowd, together / len(stage.clients))
    stage.checks += [
        ("exit", slowest, 5.0),
        ("share that returns in 100 ms", crowd if len(stage.clients) >= _CROWD else 0.0, 0.2),
    ]


async def publishers_cut(stage: Stage) -> None:
    count, among = min(100, stage.load.faults or 100), len(stage.publishers)
    for number, publisher in enumerate(stage.publishers):
        publisher.cut = count // among + (number < count % among)
    await asyncio.sleep(stage.load.seconds)


SCENARIOS = {
    "links": Scenario("client links reset", links_cut, times=5),
    "black-hole": Scenario("black hole of 10 s", holes.black_hole, times=3, doors="each",
                           settings={"REALTIME_HEARTBEAT": f"{holes.HEARTBEAT:g}"}),
    "redis-killed": Scenario("kill -9 of Redis (AOF)", redis_killed, times=10, recovery=1.0),
    "redis-frozen": Scenario("Redis frozen 5 s", pauses.redis_frozen, times=5),
    "redis-paused": Scenario("CLIENT PAUSE 5 s", pauses.redis_paused, times=5),
    "redis-flushed": Scenario("FLUSHALL", redis_flushed, recovery=2.0, told=True),
    "log-trimmed": Scenario("log trimmed past the cursor", returning.log_trimmed, recovery=2.0, told=True),
    "redis-empty": Scenario("Redis back empty", redis_empty, recovery=2.0, told=True),
    "redis-full": Scenario("Redis out of memory", redis_full, recovery=1.0),
    "client-kill": Scenario("CLIENT KILL", clients_killed, times=50, recovery=0.2),
    "server-killed": Scenario("kill -9 of a server", server_killed, times=10, recovery=3.0, p99=True),
    "proxied": Scenario("the same behind a proxy", server_killed, times=10, recovery=3.0, p99=True, doors="shared"),
    "rolling": Scenario("rolling SIGTERM", rolling, times=5),
    "publishers": Scenario("publishers' answers cut", publishers_cut, times=100),
    "polls": Scenario("polls' answers cut", pollers.polls_cut, times=20, kinds=pollers.EVERY_KIND, doors="each"),
    "switched": Scenario("WebSocket → SSE → WebSocket", returning.switched, times=40, kinds=returning.SWITCHING),
    "return": Scenario("ten times as many return at once", crowds.all_return, recovery=10.0, crowd=10, rate=0.1),
    "visits": Scenario("connects with random cursors", crowds.random_cursors, crowd=0.05, rate=5,
                       settings=crowds.VISITS),
    "sentinel": Scenario("Sentinel failover", failovers.primary_killed, times=5, recovery=0.5, told=None,
                         store="sentinel"),
    "cluster": Scenario("Cluster primary killed", failovers.primary_killed_thrice, times=3, recovery=0.5, told=None,
                        store="cluster"),
    "sentinel-behind": Scenario("failover to a replica that is behind", failovers.replicas_behind, recovery=2.0,
                                told=True, store="sentinel"),
    "cluster-behind": Scenario("the same in a cluster", failovers.replicas_behind, recovery=2.0,
                               told=True, store="cluster"),
    "sentinel-durable": Scenario("Sentinel failover, durable", failovers.primary_killed, times=5, recovery=0.5,
                                 told=None, whole=True, store="sentinel", settings=_DURABLE),
    "cluster-durable": Scenario("Cluster primary killed, durable", failovers.primary_killed_thrice, times=3,
                                recovery=0.5, told=None, whole=True, store="cluster", settings=_DURABLE),
    "behind-durable": Scenario("failover to a replica that is behind, durable", failovers.replicas_behind,
                               recovery=2.0, told=None, whole=True, store="sentinel", settings=_DURABLE),
}  # fmt: skip


async def play(scenario: Scenario, load: Load, *, store: Store | None = None) -> Result:
    """Play one scenario and judge it, on a store of its own unless one is given."""
    options, settings = scenario.options, scenario.settings
    clients = max(len(scenario.kinds), round(load.clients * scenario.crowd))
    load = replace(load, clients=clients, rate=load.rate * scenario.rate)
    async with staged(load, *options, kind=scenario.store, store=store, **settings) as stage:
        await stage.begin(scenario.kinds, doors=scenario.doors)
        await scenario.play(stage)
        await stage.end()
        accounts = stage.accounts
        acknowledged = stage.book.acknowledged
        excused = set[str]().union(*(gone(stage.book, account) for account in accounts))
        log = await logged(stage.backs[0]) if excused or scenario.whole else set()
        figures = judge(stage.book, accounts, still_there={key for key in excused if acknowledged[key] in log})
        missed = [f"{name} {value:.2f} > {most:g}" for name, value, most in stage.checks if value > most]
    counts = {"lost": figures.lost, "doubled": figures.doubled, "disordered": figures.disordered}
    missed += [f"{count} {name}" for name, count in counts.items() if count]
    wanted = figures.clients if scenario.told else 0
    if scenario.told is not None and figures.told != wanted:
        missed.append(f"{figures.told} told, not {wanted}")
    if scenario.whole and figures.gone:
        missed.append(f"{figures.gone} gone, though told")
    if scenario.whole and (left := set(acknowledged.values()) - log):
        # Who was there has read it. Who comes later does not get it any more.
        missed.append(f"{len(left)} not in the log any more")
    if figures.acknowledged != figures.sent or not figures.sent:
        missed.append(f"{figures.sent - figures.acknowledged} never accepted")
    taken = figures.recovery_p99 if scenario.p99 else figures.recovery
    limit = scenario.recovery if scenario.recovery is not None else 30.0
    if taken > limit:
        missed.append(f"back after {taken:.2f} s > {limit:g} s")
    return Result(figures, missed, {name: value for name, value, _ in stage.checks})
