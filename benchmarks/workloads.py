"""What is measured: workloads, each a list of stages that every peer of it goes through on the same connections."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Final

from .generator import Target
from .peers.base import SOCKETS, SSE


@dataclass(frozen=True)
class Pace:
    """How long stages last: the default run, a quick one, or what the command line says."""

    seconds: float = 1.0
    warm: float = 0.3
    frozen: float = 20
    """Seconds with frozen readers."""

    idle: int = 10_000
    """Connections that mostly wait."""

    def flow(self, settings: str, *, times: float = 1.0) -> str:
        return f"flow:{settings},seconds={self.seconds * times:g},warm={self.warm:g}"


@dataclass(frozen=True)
class Workload:
    """One workload. A stage has a label under which its results are known; an empty label is only preparation."""

    name: str
    title: str
    wire: str
    peers: tuple[str, ...]
    rooms: int = 1
    most_rounds: int = 100

    def meanwhile(self, target: Target) -> None:
        """What is done when the stages reach a ``wait``."""

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:
        """The stages, for a peer that can hold ``most`` connections."""
        raise NotImplementedError


_WARM_UP: Final = ("", "flow:inflight=4,seconds=0.3,warm=0.2")


@dataclass(frozen=True)
class Room(Workload):
    """One room of 500: as fast as it goes, at a steady 50 messages a second, and with larger messages."""

    size: int = 500

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:
        return [
            ("", f"connect:{min(self.size, most)}"),
            ("1 in flight", pace.flow("inflight=1,payload=64")),
            ("4 in flight", pace.flow("inflight=4,payload=64")),
            ("16 in flight", pace.flow("inflight=16,payload=64")),
            ("50/s", pace.flow("rate=50,payload=64", times=2.5)),
            ("1 KiB", pace.flow("inflight=4,payload=1024")),
            ("16 KiB", pace.flow("inflight=4,payload=16384")),
        ]


@dataclass(frozen=True)
class Bus(Workload):
    """One room of 500 again, shorter: what the bus costs."""

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:
        return [
            ("", f"connect:{min(500, most)}"),
            ("4 in flight", pace.flow("inflight=4,payload=64")),
            ("50/s", pace.flow("rate=50,payload=64")),
        ]


@dataclass(frozen=True)
class Idle(Workload):
    """10 000 connections that mostly wait, and a broadcast to all of them now and then."""

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:
        # The first hundred load what a server loads once, so that it is not charged to the others.
        return [
            ("", "connect:100"),
            _WARM_UP,
            ("connect", f"connect:{min(pace.idle, most) - 100}"),
            ("idle", "rest:1"),
            ("broadcast", pace.flow("inflight=1,payload=64", times=2)),
        ]


@dataclass(frozen=True)
class Pairs(Workload):
    """1 000 rooms of 2: in each, one member publishes over its own connection, with one message in flight."""

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:  # noqa: ARG002
        # Slow peers need seconds for one message of each pair: a window of less would show how it was cut.
        warm_up = f"flow:inflight=1,seconds={pace.seconds:g},warm=0"
        return [
            ("", f"connect:{2 * self.rooms}"),
            ("", warm_up),
            ("pairs", pace.flow("inflight=1,payload=64", times=2.5)),
        ]


@dataclass(frozen=True)
class Frozen(Workload):
    """15 000 SSE clients, 20 messages a second; then 1 000 of them stop reading for long, and read again.

    So that a short run has the same trouble as a long one, the frozen ones are in a second room, which is filled with
    more than a server may keep for a client that does not read.
    """

    size: int = 15_000
    share: int = 15
    fill: int = 48

    def stages(self, pace: Pace, most: int) -> list[tuple[str, str]]:
        size = min(self.size, most)
        frozen = size // self.share
        rate = "flow:rate=20,lanes=1,payload=64,warm=1"
        return [
            ("", f"connect:{size - frozen}"),
            ("all reading", f"{rate},seconds={max(pace.frozen / 4, min(pace.frozen, 10)):g}"),
            ("", f"connect:{frozen},frozen=1,path=/events?room=bench&room=fill"),
            ("", "wait"),
            ("frozen", f"{rate},seconds={pace.frozen:g}"),
            ("thaw", "thaw"),
        ]

    def meanwhile(self, target: Target) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", target.servers[0].port, timeout=60)
        for _ in range(self.fill):
            body = json.dumps({"data": "x" * 16_000})
            connection.request("POST", "/rooms/fill/messages", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()


_OURS_AND_SSE: Final = ("ours", "floor", "nchan", "better-sse", "sse-starlette", "flask-sse")
_OURS_AND_SOCKETS: Final = ("ours", "nchan", "node", "flask-socketio")

WORKLOADS: Final[dict[str, Workload]] = {
    workload.name: workload
    for workload in (
        Room("sse-500", "SSE, one room of 500", SSE, _OURS_AND_SSE),
        Room("ws-500", "WebSocket (Socket.IO; nchan: plain), one room of 500", SOCKETS, _OURS_AND_SOCKETS),
        Idle("sse-idle", "SSE, 10 000 idle and a broadcast", SSE, _OURS_AND_SSE[:1] + _OURS_AND_SSE[2:]),
        Idle("ws-idle", "WebSocket, 10 000 idle and a broadcast", SOCKETS, _OURS_AND_SOCKETS),
        Pairs(
            "pairs",
            "1 000 rooms of 2, Socket.IO publish, one in flight each",
            SOCKETS,
            ("ours", "node", "flask-socketio", "ours-redis", "flask-socketio-redis"),
            rooms=1000,
        ),
        Bus("sse-redis", "SSE, one room of 500, two processes on Redis", SSE, ("ours", "ours-redis")),
        Bus(
            "ws-redis",
            "Socket.IO, one room of 500, two processes on Redis",
            SOCKETS,
            ("ours", "ours-redis", "flask-socketio-redis"),
        ),
        Frozen("frozen", "15 000 SSE, 20 messages a second, 1 000 stop reading", SSE, ("ours",), most_rounds=1),
    )
}
