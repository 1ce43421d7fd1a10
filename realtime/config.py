"""Settings: the ``REALTIME_*`` keys, read once, checked at start.

A value comes from the Flask config, else from the environment variable of the same name, else from the default.
A bad value fails at start with the key's name, what was read, and what is allowed. This file may not open, connect or
start anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .bus import address
from .credentials import ApiKey, JwtKey, read_api_keys, read_jwt_keys
from .errors import ConfigError
from .values import number, read_audience, read_bus_url, read_flag, read_namespace, read_origins, read_prefix


def _setting(default: Any, read: Callable[[Any], Any], *, secret: bool = False) -> Any:
    return field(default=default, metadata={"read": read, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured. Times are seconds, sizes are bytes, unless the name says otherwise."""

    bus_url: str = _setting("memory://", read_bus_url)
    """Where messages meet. Default: ``REDIS_URL`` when that is set, else the embedded ``memory://`` (one process)."""
    namespace: str = _setting("realtime", read_namespace)
    """Prefix of every Redis key: several applications can share one Redis."""
    history_length: int = _setting(1000, number(1, 100_000, int))
    """Messages kept per room (Redis trims in blocks, so that a few more may remain)."""
    history_ttl: float = _setting(86_400, number(1, 31_536_000, float))
    """A room's log is dropped when nothing was published to it for this long."""
    log_length: int = _setting(10_000, number(100, 10_000_000, int))
    """Entries kept in the bus's own log: how far a process may fall behind before it reads from the rooms' logs."""
    key_ttl: float = _setting(600, number(1, 604_800, float))
    """How long an idempotency key is remembered."""
    allowed_origins: frozenset[str] = _setting(frozenset(), read_origins)
    """Other origins whose pages may connect and publish. The application's own origin always may."""
    heartbeat: float = _setting(15, number(0.05, 300, float))
    """Longest silence on an SSE stream, and the ping interval of Engine.IO."""
    retry: float = _setting(1, number(0.05, 300, float))
    """How long an EventSource waits before it reconnects; each stream is told this plus up to half of it."""
    restart_window: float = _setting(2, number(0, 300, float))
    """When this process shuts down, its clients are told to come back after ``REALTIME_RETRY`` seconds, spread over so
    many more.
    """
    max_message_bytes: int = _setting(64 * 1024, number(64, 16 * 1024 * 1024, int))
    """The most bytes that one message's data may take as JSON."""
    max_rooms_per_connection: int = _setting(64, number(1, 10_000, int))
    """Rooms that one stream or one Socket.IO connection may read at once."""
    max_pending_bytes: int = _setting(256 * 1024, number(1024, 64 * 1024 * 1024, int))
    """Output that one slow connection may have waiting; past it only its cursor is kept and it reads on from the
    log.
    """
    max_attachments: int = _setting(10, number(0, 1000, int))
    """Binary attachments that one Socket.IO packet of a client may have."""
    max_fragments: int = _setting(1024, number(1, 10_000, int))
    """Fragments that one WebSocket message of a client may come in."""
    max_json_depth: int = _setting(100, number(4, 200, int))
    """How deep arrays and objects of a client's JSON may be nested, what is around its data counted."""
    head_timeout: float = _setting(10, number(0, 300, float))
    """How long a client may take for the head of a request, before it is answered with 408; 0 is no limit."""
    body_timeout: float = _setting(30, number(0, 3600, float))
    """The same for its body, which gets a second more for each 64 KiB that it declares to have; 0 is no limit."""
    event_rate: float = _setting(1000, number(0, 1_000_000, float))
    """Events a second that a Socket.IO connection may send, the application's own among them; more are refused with
    ``rate_limited``; 0 is no limit.
    """
    event_burst: int = _setting(2000, number(1, 10_000_000, int))
    """So many it may send at once after a silence."""
    join_rate: float = _setting(100, number(0, 1_000_000, float))
    """Rooms a second that it may join, and ``REALTIME_MAX_ROOMS_PER_CONNECTION`` more at once; 0 is no limit."""
    publish_rate: float = _setting(0, number(0, 1_000_000, float))
    """Messages a second that one user, or one address of nobody in particular, may publish, over HTTP and Socket.IO and
    to all processes of a Redis together; 0 is no limit. Addresses behind a proxy need Werkzeug's ``ProxyFix``.
    """
    read_rate: float = _setting(0, number(0, 1_000_000, float))
    """The same for reading what is kept: history, long polls, and streams that ask for history; 0 is no limit."""
    api_rate: float = _setting(0, number(0, 1_000_000, float))
    """The same for what one key or token publishes with ``POST /api/publish``, each message of a batch counted; 0 is no
    limit.
    """
    max_connections_per_user: int = _setting(100, number(0, 1_000_000, int))
    """Event streams, Socket.IO connections and waiting long polls that one user may have open in each process; one more
    is answered with 429 ``too_many_connections``; 0 is no limit. A user is who ``identify`` says, or the session's.
    """
    max_connections_per_address: int = _setting(0, number(0, 1_000_000, int))
    """The same of one address (of IPv6 one network of 64 bits); 0 is no limit, because many people may share an
    address. Behind a proxy this needs Werkzeug's ``ProxyFix``.
    """
    max_polls_per_user: int = _setting(50, number(0, 1_000_000, int))
    """How many of these may be long polls (``GET /rooms/<room>/messages?wait=``) that wait; 0: no limit of its own."""
    max_polls_per_address: int = _setting(0, number(0, 1_000_000, int))
    """The same of one address."""
    abuse_refusals: int = _setting(1000, number(0, 1_000_000, int))
    """A Socket.IO connection of which so many events were refused within ``REALTIME_ABUSE_WINDOW`` seconds is closed;
    0 closes none.
    """
    abuse_window: float = _setting(10, number(0.1, 3600, float))
    """See ``REALTIME_ABUSE_REFUSALS``."""
    connect_timeout: float = _setting(20, number(0.1, 3600, float))
    """A Socket.IO client that has not connected to any namespace by then is dropped."""
    max_wait: float = _setting(30, number(0, 300, float))
    """The longest that ``wait=`` may hold a long poll."""
    publish_timeout: float = _setting(2, number(0.1, 60, float))
    """After this long without an answer from Redis a publish fails."""
    private_prefix: str = _setting("", read_prefix)
    """Rooms whose names begin so, such as ``private:``, are for those only whom ``realtime.grant`` let in."""
    durable: int = _setting(0, number(0, 100, int))
    """Replicas of Redis that must have confirmed a message before it is acknowledged; 0 waits for none."""
    durable_timeout: float = _setting(1, number(0.01, 60, float))
    """How long they have for it, within ``REALTIME_PUBLISH_TIMEOUT``; then publishing answers ``not_durable``."""
    recovery_seconds: float = _setting(120, number(0, 86_400, float))
    """How long after its connection was lost a stock Socket.IO client gets back its session id, its rooms and what it
    missed (connection state recovery); 0 turns that off.
    """
    event_ids: bool = _setting(True, read_flag)
    """Send each message's id as the last argument of its Socket.IO event."""
    presence: bool = _setting(False, read_flag)
    """Keep a roster of who is in which room, and tell it."""
    presence_ttl: float = _setting(15, number(0.5, 300, float))
    """How long after a process has died its clients are still counted as present, at most; by then another process has
    told that they left.
    """
    strict_events: bool = _setting(False, read_flag)
    """Refuse events for which the application declared no schema."""
    api_keys: tuple[ApiKey, ...] = _setting((), read_api_keys, secret=True)
    """Keys of other backends for ``POST /api/publish``, each with its rooms; several while a key is being changed."""
    api_jwt_keys: tuple[JwtKey, ...] = _setting((), read_jwt_keys, secret=True)
    """What other backends' tokens for it are signed with."""
    api_jwt_audience: str = _setting("", read_audience)
    """What the claim ``aud`` of such a token must name; without it tokens have none."""
    api_max_batch: int = _setting(100, number(1, 1000, int))
    """Messages in one request to ``/api/publish``."""
    api_max_bytes: int = _setting(1024 * 1024, number(1024, 64 * 1024 * 1024, int))
    """Bytes of one request to ``/api/publish``; one message of the largest size always fits."""
    api_documents: bool = _setting(True, read_flag)
    """Serve ``/openapi.json`` and ``/asyncapi.json``."""
    lab: bool = _setting(False, read_flag)
    """Give the pages the transport lab, ``/lab``, whose feeder is a small load generator for everybody who opens it."""

    @property
    def api(self) -> bool:
        """Whether other backends may publish."""
        return bool(self.api_keys or self.api_jwt_keys)

    @classmethod
    def load(cls, config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
        """Read the settings: Flask config first, then the environment, then the defaults.

        Raises:
            ConfigError: naming the key, what was read and what is allowed.
        """
        values: dict[str, Any] = {}
        for one in fields(cls):
            key = f"REALTIME_{one.name.upper()}"
            value = config.get(key)
            if value is None:
                value = environ.get(key)
            if value is None and one.name == "bus_url":
                key = "REDIS_URL"
                value = config.get(key) or environ.get(key) or None
            if value is None:
                continue
            read = one.metadata["read"]
            try:
                values[one.name] = read(value)
            except (TypeError, ValueError, OverflowError, AttributeError):
                shown = address.shown(value) if one.name == "bus_url" else repr(value)
                shown = "not shown here" if one.metadata["secret"] else shown
                allowed = " ".join(read.__doc__.split())
                raise ConfigError(f"{key} is {shown}; allowed is {allowed}") from None
        settings = cls(**values)
        if settings.durable and settings.bus_url.startswith("memory:"):
            raise ConfigError(
                f"REALTIME_DURABLE is {settings.durable}, but memory:// has no replicas; allowed is 0, or another "
                "REALTIME_BUS_URL"
            )
        return settings


def no_settings(names: Iterable[str]) -> dict[str, str]:
    """Those of these names that look like settings and are none, each with what was meant or may be."""
    known = [f"REALTIME_{one.name.upper()}" for one in fields(Settings)]
    found = sorted({name for name in names if name.startswith("REALTIME_")} - {*known})
    close = {name: difflib.get_close_matches(name, known, n=1) for name in found}
    said = f"leave it out; settings are {', '.join(known)}"
    return {name: f"did you mean {close[name][0]}?" if close[name] else said for name in found}
