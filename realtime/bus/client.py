"""The Redis client as the bus uses it: where to, how long, and what to do with an answer that is none.

It never retries by itself but where a connection says nothing of Redis; when and how often to try again is its
users' decision. This file knows no message.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection, parse_url
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ..concurrency import Readable
from ..errors import BusUnavailable, ConfigError
from ..jitter import Backoff
from .address import Address, parse, shown
from .base import BusSilent
from .channel import Channel
from .locate import ClusterPrimary, Primary, SentinelPrimary, ToPrimary, ToPrimaryOverTLS

_POOL_SIZE: Final = 32
_NOT_HERE: Final = (ReadOnlyError, MovedError, AskError, ClusterDownError, TryAgainError)


class Client:
    """Connections to the Redis that a URL names, or to the primary of several.

    Args:
        url: see ``address``.
        tag: the hash tag of all keys.
        timeout: seconds to wait for an answer.
        sleep: lets others run for so many seconds.
        away: whether Redis is known to be away, so that asking makes no sense.

    Raises:
        ConfigError: the URL has options that the client does not know.
    """

    def __init__(
        self, url: str, *, tag: str, timeout: float, sleep: Callable[[float], None], away: Callable[[], bool]
    ) -> None:
        self._timeout = timeout
        self._sleep = sleep
        self._away = away
        try:
            options, self._primary = _options(parse(url), tag=tag, timeout=timeout)
            options.get("connection_class", redis.Connection)(
                **{name: value for name, value in options.items() if name != "connection_class"}
            )
            pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
                max_connections=_POOL_SIZE, timeout=timeout, **options
            )
        except (TypeError, ValueError, RedisError) as exc:
            # It is not connected by that: only its options are looked at.
            raise ConfigError(f"REALTIME_BUS_URL is {shown(url)}, which the Redis client refuses: {exc}") from None
        self.redis = redis.Redis(connection_pool=pool)

    def channel(self, readable: Callable[[int], Readable | None]) -> Channel:
        """A connection that is not one of the pool's; see ``Channel``. Raises ``RedisError``, ``OSError``."""
        return Channel(self.redis.connection_pool, readable=readable)

    def ask(self, ask: Callable[[], Any], *, again: bool = False) -> Any:
        """Ask; any failure of Redis is a ``BusUnavailable``.

        Args:
            ask: does it.
            again: asking twice is as good as once, so that a connection that broke may be replaced.
        """
        self._check_away()
        for last in (not again, True):
            try:
                return self._asked(ask)
            except (RedisTimeoutError, TimeoutError) as exc:
                self._doubt()
                raise BusSilent(f"Redis cannot be asked: {exc}") from exc
            except (RedisError, OSError) as exc:
                if last or not isinstance(exc, RedisConnectionError):
                    raise BusUnavailable(f"Redis cannot be asked: {exc}") from exc
        raise AssertionError("unreachable")

    def ask_patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask again while the connection fails, until the time is over. For what may be done twice."""
        deadline = time.monotonic() + self._timeout
        backoff = Backoff(cap=0.2)
        while True:
            self._check_away()
            try:
                return self._asked(ask)
            except (RedisConnectionError, RedisTimeoutError, OSError, *_NOT_HERE) as exc:
                pause = backoff.next()
                if time.monotonic() + pause >= deadline:
                    raise BusUnavailable(f"Redis cannot be reached: {exc}") from exc
                self._sleep(pause)
            except RedisError as exc:
                raise BusUnavailable(f"Redis refused: {exc}") from exc

    def close(self) -> None:
        """Close every connection."""
        self.redis.close()
        self.redis.connection_pool.disconnect()
        if self._primary is not None:
            self._primary.close()

    def _check_away(self) -> None:
        if self._away():
            raise BusUnavailable("Redis cannot be reached: its log cannot be followed")

    def _doubt(self) -> None:
        if self._primary is not None:
            self._primary.doubt()
        else:
            self.redis.connection_pool.disconnect(inuse_connections=False)

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except _NOT_HERE as exc:
            # Somebody else is the primary now, or has the slot. Where that is, is found with the next connection.
            self._doubt()
            raise RedisConnectionError(f"not the primary: {exc}") from exc


def _options(address: Address, *, tag: str, timeout: float) -> tuple[dict[str, Any], Primary | None]:
    """The connections' options, and whoever knows where they lead where that changes."""
    told: dict[str, Any] = parse_url(address.url)  # type: ignore[no-untyped-call]
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, 2),
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        **told,
    }
    if address.kind == "redis":
        return options, None
    secure = options.get("connection_class") is SSLConnection
    own = {name: value for name, value in options.items() if name.startswith("ssl_")}
    own["ssl"] = secure
    primary: Primary
    if address.kind == "sentinel":
        primary = SentinelPrimary(address.service, address.nodes, {**own, **dict(address.asking)})
    else:
        own.update((name, options[name]) for name in ("username", "password") if name in options)
        primary = ClusterPrimary(tag, address.nodes, own)
    return {**options, "connection_class": ToPrimaryOverTLS if secure else ToPrimary, "primary": primary}, primary
