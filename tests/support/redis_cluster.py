"""A Redis Cluster of real processes on free ports, quick to notice a death.

Three primaries share the slots; the one that has the slot of the tests' namespace has replicas. Any node can be killed,
frozen and started again (see ``Redis``); a failover takes about two seconds.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import redis as redis_client
from redis.crc import key_slot

from .processes import Redis, eventually, free_port

_PRIMARIES = 3
_SLOTS = 16_384
_QUICK = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--cluster-node-timeout", "700",
          "--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no")  # fmt: skip


class RedisCluster:
    """Three primaries, and replicas where they matter.

    Args:
        folder: for everything's files.
        options: of each Redis.
        namespace: the ``REALTIME_NAMESPACE`` whose slot's primary has the replicas.
        replicas: how many.

    Attributes:
        nodes: every Redis, whatever it is at the moment.
        slot: of the namespace.
    """

    def __init__(self, folder: Path, *options: str, namespace: str = "realtime", replicas: int = 1) -> None:
        self.slot = key_slot(namespace.encode())
        self.nodes: list[Redis] = []
        self._bus_ports: list[int] = []
        try:
            for number in range(_PRIMARIES + replicas):
                own = folder / str(number)
                own.mkdir()
                bus = free_port()
                cluster = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
                self.nodes.append(Redis(own, *cluster, *_QUICK, *options))
                self._bus_ports.append(bus)
            self._join(replicas)
            self.settle(replicas)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """As ``REALTIME_BUS_URL`` takes it."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def primary(self) -> Redis:
        """The node that has the namespace's slot now, as the others say."""
        ports = [port for node in self.nodes if node.alive for port in [self._owner(node, self.slot)] if port]
        most = max(set(ports), key=ports.count)
        return next(node for node in self.nodes if node.port == most)

    @property
    def replicas(self) -> list[Redis]:
        """The nodes that run and have no slots."""
        owners = {self._owner(self.nodes[0], slot) for slot in range(0, _SLOTS, 1024)} | {self.primary.port}
        return [node for node in self.nodes if node.alive and node.port not in owners]

    def settle(self, replicas: int = 1, *, within: float = 30) -> None:
        """Wait until every node that runs says the cluster is well, and the slot's primary has so many replicas."""

        def settled() -> bool:
            primary = self.primary
            about: Any = ask(primary, "INFO", "replication")
            online = [about.get(f"slave{number}") for number in range(about["connected_slaves"])]
            return sum(one["state"] == "online" for one in online) >= replicas and all(
                _state(node) == "ok" and self._owner(node, self.slot) == primary.port
                for node in self.nodes
                if node.alive
            )

        eventually(lambda: _holds(settled), within=within, every=0.1, what="a cluster in agreement")

    def failed_over(self, before: Redis, *, within: float = 20) -> Redis:
        """Wait until every other node that runs names another primary of the slot than this one; return it."""
        others = [node for node in self.nodes if node is not before and node.alive]
        eventually(
            lambda: _holds(lambda: all(self._owner(node, self.slot) not in (None, before.port) for node in others)),
            within=within,
            every=0.05,
            what="a failover",
        )
        found = self._owner(others[0], self.slot)
        return next(node for node in self.nodes if node.port == found)

    def revive(self, node: Redis) -> None:
        """Start a killed node again. It finds its place by itself."""
        node.start()

    def stop(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.stop()

    def _join(self, replicas: int) -> None:
        ids = [ask(node, "CLUSTER", "MYID").decode() for node in self.nodes]
        share = _SLOTS // _PRIMARIES + 1
        for number in range(_PRIMARIES):
            low, high = number * share, min((number + 1) * share, _SLOTS) - 1
            ask(self.nodes[number], "CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
            ask(self.nodes[number], "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        # Not before: a node that knows others may not choose its epoch.
        first = self.nodes[0]
        for node, bus in zip(self.nodes[1:], self._bus_ports[1:], strict=True):
            ask(first, "CLUSTER", "MEET", "127.0.0.1", str(node.port), str(bus))
        owner = self.slot // share
        for node in self.nodes[_PRIMARIES : _PRIMARIES + replicas]:
            eventually(
                lambda node=node: _holds(lambda: ask(node, "CLUSTER", "REPLICATE", ids[owner])),
                every=0.05,
                what="a replica's acquaintance with its primary",
            )

    @staticmethod
    def _owner(node: Redis, slot: int) -> int | None:
        try:
            ranges = ask(node, "CLUSTER", "SLOTS")
        except redis_client.RedisError:
            return None
        return next((one[2][1] for one in ranges if one[0] <= slot <= one[1]), None)


def ask(node: Redis, *command: str) -> Any:
    """One command to one node, as it is: nothing is looked up and nothing followed."""
    with closing(redis_client.Redis(port=node.port, socket_timeout=2, protocol=2)) as client:
        for name in ("CLUSTER SLOTS", "CLUSTER INFO", "CLUSTER"):
            client.response_callbacks.pop(name, None)
        return client.execute_command(*command)


def _state(node: Redis) -> str:
    about: bytes = ask(node, "CLUSTER", "INFO")
    return dict(line.split(":", 1) for line in about.decode().split())["cluster_state"]


def _holds(condition: Any) -> bool:
    try:
        return bool(condition())
    except redis_client.RedisError:
        return False
