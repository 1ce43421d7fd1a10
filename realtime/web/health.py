"""``/healthz``, ``/readyz``, ``/metrics``: what the people and machines that operate the server ask.

None of them says anything secret, and none waits longer than the bus's own time-out.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..bus.base import Bus
from ..errors import ConfigError, RealtimeError
from ..hub.hub import Hub
from ..seldom import Seldom


class HubCollector(Collector):
    """Reads the hub's plain counters when Prometheus asks, so that counting costs the hot path nothing else."""

    def __init__(self, hub: Hub, reachable: Callable[[], bool]) -> None:
        self._hub = hub
        self._reachable = reachable

    def collect(self) -> Iterator[Metric]:
        """One snapshot."""
        counts = self._hub.counters
        for name, text, value in (
            ("messages", "Messages delivered to this process", counts.messages),
            ("deliveries", "Messages put out to connections", counts.deliveries),
            ("spills", "Times a slow connection lost its pending output and kept its cursor", counts.spills),
            ("resets", "Times a connection was told that the log no longer reaches back", counts.resets),
            ("gaps", "Times this process could not follow the log and caught up by cursor", counts.gaps),
        ):
            yield CounterMetricFamily(f"realtime_{name}", text, value=value)
        refused = CounterMetricFamily("realtime_refused", "What clients asked over a limit", labels=["limit"])
        for limit, value in counts.refused.items():
            refused.add_metric([limit], value)
        yield refused
        connections = GaugeMetricFamily("realtime_connections", "Open connections", labels=["transport"])
        by_transport = Counter(connection.transport for connection in tuple(self._hub.connections))
        for transport in ("sse", "socketio", "longpoll"):
            connections.add_metric([transport], by_transport[transport])
        yield connections
        yield GaugeMetricFamily("realtime_rooms", "Rooms with a reader in this process", value=self._hub.rooms)
        yield GaugeMetricFamily("realtime_bus_up", "Whether the bus can be reached", value=int(self._reachable()))


def register(blueprint: Blueprint, *, bus: Bus, hub: Hub, ready: Callable[[], None]) -> None:
    """Add the routes to a blueprint."""

    complaints = Seldom(logging.getLogger(__name__))

    def trouble() -> str | None:
        """The code of what keeps this process from serving."""
        try:
            ready()
            bus.ping()
        except RealtimeError as exc:
            if isinstance(exc, ConfigError):
                complaints.warn("not ready: %s", exc.message)
            return exc.code
        return None

    registry = CollectorRegistry(auto_describe=False)
    registry.register(HubCollector(hub, lambda: trouble() is None))

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        if hub.draining:
            return jsonify(status="draining"), 503
        reason = trouble()
        if reason is not None:
            return jsonify(status=reason), 503
        return jsonify(status="ok"), 200

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
