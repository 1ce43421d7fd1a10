"""What whoever looks after a Redis wants to know of it: which rooms it holds, and how it is set up.

For commands, not for serving: it walks through the keys in steps, so that nobody else waits. It decides nothing.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..message import Position

_STEP: Final = 500
_MOST: Final = 100_000
"""Rooms looked at. Beyond that a list helps nobody."""


class RoomInfo(NamedTuple):
    """A room as a list of them shows it: its name, its newest message's id, and how many messages its log holds."""

    name: str
    newest: Position
    messages: int


def rooms(client: Any, prefix: str, *, limit: int) -> list[RoomInfo]:
    """The rooms whose logs hold messages, the one with the newest message first.

    Args:
        client: a Redis client that answers in bytes.
        prefix: what the keys of the rooms' logs begin with.
        limit: at most so many.
    """
    names: set[bytes] = set()
    for key in client.scan_iter(match=f"{prefix}*", count=_STEP):
        names.add(key)
        if len(names) == _MOST:
            break
    ordered, found = sorted(names), []
    for start in range(0, len(ordered), _STEP):
        asked = ordered[start : start + _STEP]
        pipe = client.pipeline(transaction=False)
        for key in asked:
            pipe.xlen(key)
            pipe.xrevrange(key, count=1)
        answers = pipe.execute(raise_on_error=False)
        for key, length, newest in zip(asked, answers[::2], answers[1::2], strict=True):
            # Gone since, empty, or somebody else's key that is no stream.
            if isinstance(newest, list) and newest:
                name = key.decode("utf-8", "replace").removeprefix(prefix)
                found.append(RoomInfo(name, Position.parse(newest[0][0].decode()), length))
    found.sort(key=lambda room: room.newest, reverse=True)
    return found[:limit]


def condition(client: Any) -> dict[str, Any]:
    """What Redis says of itself (``INFO``)."""
    return dict(client.info())
