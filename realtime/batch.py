"""Publishing several messages in one call. What a message is and where it goes is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from .errors import BusUnavailable, ConfigError, InvalidValue, RealtimeError

_KNOWN: Final = frozenset({"room", "data", "event", "key"})


class _Publishes(Protocol):
    def publish(self, room: str, data: object, *, event: str = "message", key: str | None = None) -> str:
        """Publish one message."""


class Batching:
    """What ``Realtime`` and ``Publisher`` say about batches."""

    def publish_many(self: _Publishes, items: Iterable[Mapping[str, Any]]) -> list[str | RealtimeError]:
        """Publish several messages, in their order; each is accepted or refused on its own.

        ::

            for outcome in realtime.publish_many(
                [{"room": "orders", "data": {"order": n}, "event": "shipped", "key": f"shipped-{n}"} for n in numbers]
            ):
                if isinstance(outcome, RealtimeError):
                    print("not published:", outcome)

        Args:
            items: for each message ``room`` and ``data``, and, if you like, ``event`` and ``key``, as in ``publish``.

        Returns:
            For each item, in the same place, its id, or the error that ``publish`` would have raised. When the bus
            cannot be reached, this and all following items have ``BusUnavailable``: those with a key may safely be
            tried again.

        Raises:
            ConfigError: there is no application here.
        """
        outcomes: list[str | RealtimeError] = []
        away: BusUnavailable | None = None
        for item in items:
            if away is not None:
                # Each would wait for its time-out. In order, too: a later one may not overtake.
                outcomes.append(BusUnavailable(away.message, retry_after=away.retry_after))
                continue
            try:
                _check(item)
                outcomes.append(self.publish(**item))
            except ConfigError:
                raise
            except BusUnavailable as exc:
                away = exc
                outcomes.append(exc)
            except RealtimeError as exc:
                outcomes.append(exc)
        return outcomes


def _check(item: object) -> None:
    fine = isinstance(item, Mapping) and {"room", "data"} <= item.keys() <= _KNOWN
    if not fine or not isinstance(item, Mapping) or not isinstance(item["room"], str):
        raise InvalidValue('an item is {"room": "…", "data": …}, with "event" and "key" if you like')
