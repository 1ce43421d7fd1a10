"""A primary, its replicas and the Sentinels that watch them: real processes on free ports, quick to notice a death.

Any of the nodes can be killed, frozen and started again (see ``Redis``). A failover takes about three seconds.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import redis as redis_client

from .processes import Process, Redis, eventually, free_port, program

_QUICK = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--repl-timeout", "5")
# A Sentinel pings a primary that it has just learned of a second later, and counts from before: with a second or less
# it takes each new one for dead, and moves on to the next while the first is being written to.
_DOWN_AFTER_MS = 1500


class _Sentinel:
    """One Sentinel. It rewrites its own configuration file."""

    def __init__(self, folder: Path, *, name: str, primary: int, quorum: int) -> None:
        self.port = free_port()
        self._file = folder / f"sentinel-{self.port}.conf"
        self._file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {name} 127.0.0.1 {primary} {quorum}\n"
            f"sentinel down-after-milliseconds {name} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {name} 3000\nsentinel parallel-syncs {name} 5\n"
        )
        self.start()

    def start(self) -> None:
        self.process = Process([program("redis-server"), str(self._file), "--sentinel"], env=dict(os.environ))
        self.process.until(r"\+monitor|Sentinel ID is")

    def kill(self) -> None:
        self.process.signal(signal.SIGKILL)
        self.process.popen.wait()
        self.process.stop()


class RedisSentinels:
    """A deployment of Redis as people run it who want no single point of failure.

    Args:
        folder: for everything's files.
        replicas: how many.
        sentinels: how many; more than half of them have to agree.
        options: of each Redis.

    Attributes:
        nodes: every Redis, whatever it is at the moment.
        sentinels: every Sentinel.
    """

    name = "mymaster"

    def __init__(self, folder: Path, *options: str, replicas: int = 2, sentinels: int = 3) -> None:
        self.sentinels: list[_Sentinel] = []
        self.nodes: list[Redis] = []
        try:
            for number in range(1 + replicas):
                own = folder / str(number)
                own.mkdir()
                follow = ("--replicaof", "127.0.0.1", str(self.nodes[0].port)) if number else ()
                # What a node follows is said when it starts: a killed one comes back as whatever it is then.
                node = Redis(own, *_QUICK, *options)
                self.nodes.append(node)
                if follow:
                    with self._admin(node.port) as admin:
                        admin.execute_command("REPLICAOF", "127.0.0.1", str(self.nodes[0].port))
            self.sentinels = [
                _Sentinel(folder, name=self.name, primary=self.nodes[0].port, quorum=sentinels // 2 + 1)
                for _ in range(sentinels)
            ]
            self.settle(replicas)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """As ``REALTIME_BUS_URL`` takes it."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.name}"

    @property
    def primary(self) -> Redis:
        """The node that most Sentinels call the primary now."""
        ports = [port for port in self._addresses() if port is not None]
        most = max(set(ports), key=ports.count)
        return next(node for node in self.nodes if node.port == most)

    @property
    def replicas(self) -> list[Redis]:
        """The other nodes that run."""
        primary = self.primary
        return [node for node in self.nodes if node is not primary and node.alive]

    def settle(self, replicas: int = 1, *, within: float = 20) -> None:
        """Wait until all agree: every Sentinel knows the others and so many replicas, which are in sync."""

        def settled() -> bool:
            primary = self.primary
            with self._admin(primary.port) as admin:
                about: Any = admin.info("replication")
            online = [about.get(f"slave{number}") for number in range(about["connected_slaves"])]
            if about["role"] != "master" or sum(one["state"] == "online" for one in online) < replicas:
                return False
            others = len(self.sentinels) - 1
            states: list[Any] = list(self._asked("SENTINEL", "MASTER", self.name))
            return all(
                int(one[b"num-slaves"]) >= replicas and int(one[b"num-other-sentinels"]) == others
                for one in (dict(zip(state[::2], state[1::2], strict=True)) for state in states)
            )

        eventually(lambda: _holds(settled), within=within, every=0.1, what="Sentinels and replicas in agreement")

    def failed_over(self, before: Redis, *, within: float = 15) -> Redis:
        """Wait until every Sentinel that runs names another primary than this one; return it."""
        eventually(
            lambda: all(port not in (None, before.port) for port in self._addresses()),
            within=within,
            every=0.05,
            what="a failover",
        )
        return self.primary

    def fail_over(self) -> Redis:
        """Let the Sentinels move the primary though it is well; wait for it, and return the new one."""
        before = self.primary

        def asked() -> bool:
            with self._admin(self.sentinels[0].port) as admin:
                return bool(admin.execute_command("SENTINEL", "FAILOVER", self.name))

        eventually(lambda: _holds(asked), every=0.2, what="a Sentinel that may begin a failover")
        return self.failed_over(before)

    def revive(self, node: Redis) -> None:
        """Start a killed node again, at once as a replica of the current primary."""
        node.start("--replicaof", "127.0.0.1", str(self.primary.port))

    def stop(self) -> None:
        """End everything."""
        for sentinel in self.sentinels:
            sentinel.process.stop()
        for node in self.nodes:
            node.stop()

    def _addresses(self) -> list[int | None]:
        found = self._asked("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        return [None if address is None else int(address[1]) for address in found]

    def _asked(self, *command: str) -> Iterator[Any]:
        for sentinel in self.sentinels:
            if sentinel.process.popen.poll() is None:
                with self._admin(sentinel.port) as admin:
                    yield admin.connection.send_command(*command) or admin.connection.read_response()

    @staticmethod
    def _admin(port: int) -> Any:
        client = redis_client.Redis(port=port, socket_timeout=2, single_connection_client=True, protocol=2)
        return closing(client)


def _holds(condition: Any) -> bool:
    try:
        return bool(condition())
    except redis_client.RedisError:
        return False
