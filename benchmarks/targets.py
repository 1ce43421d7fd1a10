"""The figures to reach, and whether this run reached them. It judges, and measures nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .figures import Outcome, figure, ratio


@dataclass(frozen=True)
class Target:
    """One figure of one peer of ours, alone or divided by another's, that may be at most ``most``."""

    what: str
    most: float
    metric: str
    place: tuple[str, str, str]
    """Workload, peer, stage."""

    over: tuple[str, str, str] | None = None
    unit: str = ""

    def measured(self, outcome: Outcome) -> float | None:
        if self.over is None:
            return figure(outcome, *self.place, self.metric)
        return ratio(outcome, self.metric, self.place, self.over)


def _cpu(what: str, most: float, workload: str, label: str, peer: str, than: str) -> Target:
    return Target(what, most, "server_cpu_each", (workload, peer, label), (workload, than, label))


TARGETS: Final = (
    _cpu("SSE, 500, 4 in flight: CPU per delivery ÷ nchan", 0.40, "sse-500", "4 in flight", "ours", "nchan"),
    _cpu("SSE, 500, 4 in flight: CPU per delivery ÷ C floor", 0.75, "sse-500", "4 in flight", "ours", "floor"),
    _cpu("Socket.IO, 500, 4 in flight: CPU per delivery ÷ Node", 0.25, "ws-500", "4 in flight", "ours", "node"),
    _cpu("Socket.IO, 500, 4 in flight: CPU per delivery ÷ nchan", 0.50, "ws-500", "4 in flight", "ours", "nchan"),
    _cpu("SSE, 500, 50/s: CPU per delivery ÷ nchan", 1.0, "sse-500", "50/s", "ours", "nchan"),
    Target("SSE, 500, 50/s: p99 ÷ nchan", 1.2, "p99_us", ("sse-500", "ours", "50/s"), ("sse-500", "nchan", "50/s")),
    _cpu("Socket.IO, 500, 50/s: CPU per delivery ÷ nchan", 1.0, "ws-500", "50/s", "ours", "nchan"),
    Target("Socket.IO, 500, 50/s: p99 ÷ nchan", 1.2, "p99_us", ("ws-500", "ours", "50/s"), ("ws-500", "nchan", "50/s")),
    Target("SSE: memory per idle connection", 2.0, "kib_each", ("sse-idle", "ours", "idle"), unit="KiB"),
    Target("Socket.IO: memory per idle connection", 10.0, "kib_each", ("ws-idle", "ours", "idle"), unit="KiB"),
    Target("SSE: CPU per connect", 350.0, "server_cpu_each", ("sse-idle", "ours", "connect"), unit="µs"),
    _cpu("Socket.IO: CPU per connect ÷ Node", 0.7, "ws-idle", "connect", "ours", "node"),
    _cpu("1 000 pairs: CPU per delivery ÷ Node", 1.0, "pairs", "pairs", "ours", "node"),
    _cpu("1 000 pairs: CPU per delivery ÷ Flask-SocketIO", 0.2, "pairs", "pairs", "ours", "flask-socketio"),
    _cpu(
        "1 000 pairs, Redis: CPU per delivery ÷ Flask-SocketIO's queue",
        0.1,
        "pairs",
        "pairs",
        "ours-redis",
        "flask-socketio-redis",
    ),
    _cpu(
        "SSE, Redis, 2 processes: CPU per delivery ÷ memory bus", 1.2, "sse-redis", "4 in flight", "ours-redis", "ours"
    ),
    _cpu(
        "Socket.IO, Redis, 2 processes: CPU per delivery ÷ memory bus",
        1.2,
        "ws-redis",
        "4 in flight",
        "ours-redis",
        "ours",
    ),
    Target("15 000 SSE, 1 000 frozen: lost or doubled", 0, "wrong", ("frozen", "ours", "frozen")),
    Target(
        "15 000 SSE, 1 000 frozen: memory growth after the first minute",
        2.0,
        "growth",
        ("frozen", "ours", "frozen"),
        unit="%",
    ),
    Target(
        "15 000 SSE, 1 000 frozen: p99 of the others ÷ without frozen ones",
        2.0,
        "p99_us",
        ("frozen", "ours", "frozen"),
        ("frozen", "ours", "all reading"),
    ),
)


def verdicts(outcome: Outcome) -> list[tuple[Target, float, bool]]:
    """Every target that this run can speak of: what was measured, and whether that is within."""
    found = ((target, target.measured(outcome)) for target in TARGETS)
    return [(target, value, value <= target.most) for target, value in found if value is not None]
