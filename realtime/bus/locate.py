"""Where the primary is now, of a Redis that has Sentinels or is a Cluster; and connections that lead there.

An address is asked for anew with each connection, and a node that does not call itself the primary is not believed.
This file decides nothing about trying again.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError
from redis.retry import Retry

Place = tuple[str, int]

_PATIENCE: Final = 0.3
"""Seconds for one node's answer. Nothing is asked that takes time."""
_GREETING: Final = 1.0
"""Seconds for the first words of a connection."""
_ASIDE: Final = 5.0
"""Seconds for which one that did not answer is not asked again, as long as others do."""
_LOOK: Final = 0.5
"""Seconds after which it is looked whether the primary has moved."""


class Primary(ABC):
    """The primary, wherever it is. May be used from any thread or greenlet.

    Args:
        nodes: whom to ask.
        options: for the connections to them.

    Attributes:
        at: where it was found last; ``None`` when that is not believed any more.
    """

    def __init__(self, nodes: Sequence[Place], options: dict[str, Any]) -> None:
        self.at: Place | None = None
        self._options = options
        self._asked = {node: self._client(node) for node in nodes}
        self._aside: dict[Place, float] = {}
        self._looked = 0.0

    def find(self) -> Place:
        """Ask where the primary is.

        Raises:
            RedisConnectionError: nobody knows.
        """
        self._looked = time.monotonic()
        found = self._best(self._answers())
        if found is None:
            raise RedisConnectionError("nobody who could be asked knows of a primary")
        self.at = found
        return found

    def look(self) -> None:
        """Ask again where it is, now and then; where nobody knows, it stays where it was."""
        if time.monotonic() - self._looked >= _LOOK:
            try:
                self.find()
            except RedisConnectionError:
                return

    def doubt(self) -> None:
        """It is not the primary any more: no connection to it is used again."""
        self.at = None

    def _answers(self) -> Iterator[tuple[Place, Any]]:
        """What each node says; those that lately did not answer last, and only when nobody else did."""
        now, answered = time.monotonic(), False
        asked = self._asked  # Another one that asks meanwhile may learn of other nodes.
        for node in sorted(self._order(asked), key=lambda one: self._aside.get(one, 0) > now):
            if answered and self._aside.get(node, 0) > now:
                return
            try:
                said = self._ask(asked[node])
            except RedisError:
                self._aside[node] = time.monotonic() + _ASIDE
                continue
            self._aside.pop(node, None)
            answered = True
            yield node, said

    def _client(self, node: Place) -> redis.Redis:
        host, port = node
        return redis.Redis(
            host=host,
            port=port,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            **self._options,
        )

    def close(self) -> None:
        """Let go of the connections. The next question opens others."""
        for client in tuple(self._asked.values()):
            client.close()

    def _order(self, asked: Iterable[Place]) -> list[Place]:
        return list(asked)

    @abstractmethod
    def _ask(self, client: redis.Redis) -> Any:
        """One node's answer."""

    @abstractmethod
    def _best(self, answers: Iterator[tuple[Place, Any]]) -> Place | None:
        """Which answer to believe."""


class SentinelPrimary(Primary):
    """The primary that Sentinels watch.

    Args:
        service: the name under which they do.
        nodes, options: as ``Primary``.
    """

    def __init__(self, service: str, nodes: Sequence[Place], options: dict[str, Any]) -> None:
        super().__init__(nodes, options)
        self._service = service

    def _ask(self, client: redis.Redis) -> Any:
        with client.pipeline(transaction=False) as pipe:
            pipe.sentinel_master(self._service)
            # While the other replicas are being told, this names the new primary already.
            pipe.sentinel_get_master_addr_by_name(self._service)
            return pipe.execute()

    def _best(self, answers: Iterator[tuple[Place, Any]]) -> Place | None:
        # All are asked: one that was cut off from the others still names the primary of before, of an earlier epoch.
        found = [
            (int(about["config-epoch"]), place, about["is_sdown"] and place == (about["ip"], about["port"]))
            for _, (about, place) in answers
            if place is not None
        ]
        if not found:
            return None
        _, place, down = max(found)
        # One that does not answer its Sentinels would only keep us waiting.
        return None if down else place


class ClusterPrimary(Primary):
    """The primary of one slot of a Redis Cluster.

    Args:
        tag: the hash tag of the keys.
        nodes: some nodes of the cluster; the others are learned from them.
        options: as ``Primary``.
    """

    def __init__(self, tag: str, nodes: Sequence[Place], options: dict[str, Any]) -> None:
        super().__init__(nodes, options)
        self._seeds = tuple(nodes)
        self._slot = key_slot(tag.encode())
        self._turn = 0

    def _order(self, asked: Iterable[Place]) -> list[Place]:
        # Another one first each time: what one node says may be out of date.
        nodes = super()._order(asked)
        self._turn = (self._turn + 1) % len(nodes)
        return nodes[self._turn :] + nodes[: self._turn]

    def _ask(self, client: redis.Redis) -> Any:
        pool = client.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
            info = connection.read_response()
            # A node that is cut off from most of the others, or that waits for a failover, says so.
            if b"cluster_state:ok" not in info:
                raise RedisConnectionError("the cluster is down")
            connection.send_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
            return connection.read_response()
        finally:
            pool.release(connection)

    def _best(self, answers: Iterator[tuple[Place, Any]]) -> Place | None:
        for (host, _), slots in answers:
            # A node that does not know its own name leaves it out: it is the one that was asked.
            known = [[((node[0] or b"").decode() or host, int(node[1])) for node in one[2:]] for one in slots]
            nodes = {*self._seeds, *(node for one in known for node in one)}
            self._asked = {node: self._asked.get(node) or self._client(node) for node in sorted(nodes)}
            for (low, high, *_), owners in zip(slots, known, strict=True):
                if low <= self._slot <= high:
                    return owners[0]
        return None


class ToPrimary(Connection):
    """A connection to whichever node is the primary when it is opened.

    Args:
        primary: knows where that is.
    """

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        super().__init__(**{**options, "redis_connect_func": _greet})  # type: ignore[no-untyped-call]
        self.primary = primary

    def connect(self) -> None:
        """Connect, unless it is connected to where the primary is now."""
        connected: Any = self._sock
        if connected and self.primary.at != (self.host, self.port):
            self.disconnect()  # type: ignore[no-untyped-call]
            connected = None
        if not connected:
            self.host, self.port = self.primary.find()
        super().connect()  # type: ignore[no-untyped-call]


class ToPrimaryOverTLS(ToPrimary, SSLConnection):
    """The same, over TLS."""


def _greet(connection: Any) -> None:
    """What is said first: the client's own greeting, and the question whether this is the primary."""
    patience = connection._sock.gettimeout()
    # One that is frozen takes connections, too. While it is waited for, another may have taken its place.
    connection._sock.settimeout(min(patience or _GREETING, _GREETING))
    connection.on_connect()
    connection.send_command("ROLE")
    try:
        role = connection.read_response()[0]
    except NoPermissionError:
        role = b"master"  # Whoever may not ask has to believe what was said of it.
    connection._sock.settimeout(patience)
    if role != b"master":
        connection.primary.doubt()
        raise RedisConnectionError("this node is not the primary any more")
