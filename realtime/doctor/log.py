"""The log: reachable, new enough, kept over a restart, not thrown away when memory is short.

It looks and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..bus.base import Bus
from ..errors import BusUnavailable
from .finding import Finding, error, ok, warning

_OLDEST_REDIS: Final = (5, 0)
_SLOW_MS: Final = 20
_FULL: Final = 0.8
_APART: Final = 5.0
_MIB: Final = 1024 * 1024


def examine_log(bus: Bus) -> Iterator[Finding]:
    """Look at all of it."""
    if not bus.shared:
        yield ok("bus", "memory://: one process; what was said is gone when it ends")
        return
    try:
        bus.ping()  # connecting is not what is measured
        began = time.perf_counter()
        bus.ping()
        took = (time.perf_counter() - began) * 1000
    except BusUnavailable as exc:
        yield error("bus", exc.message, "start Redis, or correct REALTIME_BUS_URL (or REDIS_URL)")
        return
    try:
        condition, now = bus.condition(), time.time()
    except BusUnavailable as exc:
        yield warning(
            "bus",
            f"reachable, but it says nothing of itself: {exc.message}",
            "allow its user INFO, or look yourself: version 5.0 or newer, appendonly yes, maxmemory-policy noeviction",
        )
    else:
        yield from check_condition(condition)
        yield from check_clock(condition, now)
    if took > _SLOW_MS:
        yield warning("bus latency", f"{took:.0f} ms for a ping", "put Redis nearer: every publish waits for it")
    else:
        yield ok("bus latency", f"{took:.1f} ms")


def check_condition(said: Mapping[str, Any]) -> Iterator[Finding]:
    """What Redis says of itself (``INFO``)."""
    version = str(said.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < _OLDEST_REDIS:
        yield error("bus", f"Redis {version} has no streams, or not all of them", "use Redis 5.0 or newer")
    elif said.get("role") == "slave":
        yield error("bus", f"Redis {version} is a replica and takes no messages", "name the primary")
    elif said.get("loading"):
        yield warning("bus", f"Redis {version} is still loading its data", "wait")
    else:
        yield ok("bus", f"Redis {version}, reachable")
    yield from _persistence(said)
    yield from _eviction(said)
    yield from _memory(said)


def check_clock(said: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """Whether the clocks of Redis (which says its time from 7.0 on) and of this machine are the same one.

    Args:
        said: what Redis says of itself.
        now: the time here when it said so.
    """
    if "server_time_usec" not in said:
        return
    apart = int(said["server_time_usec"]) / 1e6 - now
    if abs(apart) > _APART:
        yield warning(
            "bus clock",
            f"Redis' clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's: tickets and "
            "grants begin and end by the machines' clocks, messages' ids are of that of Redis",
            "let a time service (NTP) set both clocks",
        )
    else:
        yield ok("bus clock", "as this machine's")


def _persistence(said: Mapping[str, Any]) -> Iterator[Finding]:
    check = "bus persistence"
    if said.get("aof_enabled"):
        if said.get("aof_last_write_status", "ok") != "ok":
            yield error(check, "Redis cannot write its append-only file", "see Redis' log: is the disk full?")
        else:
            yield ok(check, "append-only file")
    elif said.get("rdb_last_bgsave_status", "ok") != "ok":
        yield error(
            check,
            "Redis could not save its last snapshot, and may refuse to write",
            "see Redis' log: is the disk full?",
        )
    else:
        yield warning(
            check,
            "no append-only file: when Redis restarts, what was said since its last snapshot is gone, and clients are "
            "told so",
            "appendonly yes, where that matters",
        )


def _eviction(said: Mapping[str, Any]) -> Iterator[Finding]:
    policy, most = str(said.get("maxmemory_policy", "noeviction")), int(said.get("maxmemory", 0))
    if policy == "noeviction":
        yield ok("bus eviction", "noeviction")
    elif most:
        yield error(
            "bus eviction",
            f"maxmemory-policy {policy}: when its memory is full, Redis throws rooms' messages and the log away",
            "maxmemory-policy noeviction; a publish is refused then, and nothing is lost silently",
        )
    else:
        yield warning(
            "bus eviction",
            f"maxmemory-policy {policy}, which begins to act when somebody sets maxmemory",
            "maxmemory-policy noeviction",
        )


def _memory(said: Mapping[str, Any]) -> Iterator[Finding]:
    used, most = int(said.get("used_memory", 0)), int(said.get("maxmemory", 0))
    shown = f"{used // _MIB} MiB used"
    if not most:
        yield ok("bus memory", f"{shown}, no limit set")
    elif used > most * _FULL:
        yield warning(
            "bus memory",
            f"{shown} of {most // _MIB} MiB",
            "raise maxmemory, or keep less: REALTIME_HISTORY_LENGTH, REALTIME_HISTORY_TTL",
        )
    else:
        yield ok("bus memory", f"{shown} of {most // _MIB} MiB")
