"""What a bus URL says: which kind of bus, which machines to ask, and what the Redis client is told of the rest.

It is read at start, so that what is wrong is said then. This file may not connect, look names up, or import a client.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

SCHEMES: Final = (
    "memory", "redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster",
)  # fmt: skip

_PORTS: Final = {"sentinel": 26_379, "cluster": 6_379}
_SENTINELS_OWN: Final = ("sentinel_username", "sentinel_password")


class Address(NamedTuple):
    """Where a bus is.

    Attributes:
        kind: ``memory``, ``redis`` (one server, whatever its scheme), ``sentinel`` or ``cluster``.
        url: what the Redis client reads; where the server is not known yet, everything but that.
        nodes: host and port of the Sentinels, or of nodes of the cluster.
        service: the name under which Sentinels watch the primary.
        asking: credentials for the Sentinels.
    """

    kind: str
    url: str
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    asking: tuple[tuple[str, str], ...] = ()


def parse(url: str) -> Address:
    """Read a bus URL.

    Raises:
        ValueError: it is not one; the text says what is wrong and holds nothing of the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not url.startswith(f"{parts.scheme}://"):
        raise ValueError("an unknown scheme")
    client, _, kind = parts.scheme.partition("+")
    if not kind:
        if client in {"redis", "rediss"}:
            # What the client would stumble over at its first use is said at start: the port, and the database.
            _ = parts.port
            _database(parts.path.strip("/"))
            _database(dict(parse_qsl(parts.query)).get("db", ""))
        return Address("memory" if client == "memory" else "redis", url)
    login, at, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_node(one, _PORTS[kind]) for one in hosts.split(","))
    service, _, database = parts.path.strip("/").partition("/")
    if kind == "cluster":
        service, database = "", service
    elif not service:
        raise ValueError("no name of the primary")
    if _database(database) and kind == "cluster":
        raise ValueError("a cluster has database 0 only")
    query = parse_qsl(parts.query, keep_blank_values=True)
    told = urlencode([(name, value) for name, value in query if name not in _SENTINELS_OWN], quote_via=quote)
    asking = tuple((name.removeprefix("sentinel_"), value) for name, value in query if name in _SENTINELS_OWN)
    return Address(kind, f"{client}://{login}{at}localhost/{database}?{told}", nodes, service, asking)


def shown(url: object) -> str:
    """A URL as a log may show it: without anything that stands before its last @, and without passwords behind it."""
    text = re.sub(r"^(['\"][^:/@]*:?/*).*@", r"\1***@", repr(url))
    return re.sub(r"(password=)[^&'\"]*", r"\1***", text)


def _node(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.path or parts.query:
        raise ValueError("a host without a name")
    return parts.hostname, parts.port or port


def _database(text: str) -> int:
    number = int(text or 0)
    if number < 0:
        raise ValueError("a database below 0")
    return number
