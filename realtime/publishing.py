"""Publishing from Python: one message, or several in one call. What a message is and where it goes is decided
elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, overload

from .arguments import several
from .bus.base import Outcome
from .errors import BusUnavailable, ConfigError, InvalidValue, RealtimeError
from .message import Message
from .names import check_room

_KNOWN: Final = frozenset({"room", "data", "event", "key"})

_ITEM: Final = '{"room": "…", "data": …}, with "event" and "key" if you like'

_TOGETHER: Final = 500
"""Messages handed to the bus at once: few enough that the last is not too late for its time-out."""


class Publishing(ABC):
    """What ``Realtime`` and ``Publisher`` say about publishing."""

    @abstractmethod
    def _prepared(
        self, room: str, data: object, *, event: str = "message", key: str | None = None, transient: bool = False
    ) -> Message:
        """The message, which is not published yet. Raises what ``publish`` would, but for what the bus raises."""

    @abstractmethod
    def _publish_all(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Publish messages together."""

    @overload
    def publish(
        self,
        room: str,
        data: object,
        *,
        event: str = "message",
        key: str | None = None,
        transient: Literal[False] = False,
    ) -> str: ...

    @overload
    def publish(
        self, room: str, data: object, *, event: str = "message", key: str | None = None, transient: bool
    ) -> str | None: ...

    def publish(
        self, room: str, data: object, *, event: str = "message", key: str | None = None, transient: bool = False
    ) -> str | None:
        """Publish one message to everybody who reads the room, on any transport, in any process.

        Args:
            room: where to.
            data: anything with a JSON form.
            event: the event's name.
            key: idempotency key: the same key again is the same message, published once.
            transient: for who is connected now, and no longer (somebody types, a cursor moves): in the order of the
                log, but kept nowhere and without an id. It takes no key.

        Returns:
            The message's id. It is in the log. ``None`` for one that is transient.

        Raises:
            InvalidValue, MessageTooLarge, KeyConflict: the message is not acceptable; see its text.
            Refused, HookFailed: a hook of the application refused it, or failed (see ``Realtime.on_publish``).
            BusUnavailable: not accepted; trying again with the same key is safe.
        """
        message = self._prepared(check_room(room), data, event=event, key=key, transient=transient)
        outcome = self._publish_all([message])[0]
        if isinstance(outcome, RealtimeError):
            raise outcome
        return None if transient else str(outcome.id)

    def publish_many(self, items: Iterable[Mapping[str, Any]]) -> list[str | RealtimeError]:
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
            cannot be reached, all that were not accepted have ``BusUnavailable``: those with a key may safely be
            tried again.

        Raises:
            InvalidValue: not a list of messages. Nothing was published.
            ConfigError: there is no application here.
        """
        prepared = [self._prepared_or_refused(item) for item in several("items", items, of=_ITEM)]
        outcomes = self._in_order([one for one in prepared if isinstance(one, Message)])
        return [next(outcomes) if isinstance(one, Message) else one for one in prepared]

    def _prepared_or_refused(self, item: Mapping[str, Any]) -> Message | RealtimeError:
        try:
            _check(item)
            return self._prepared(**item)
        except ConfigError:
            raise
        except RealtimeError as exc:
            return exc

    def _in_order(self, messages: Sequence[Message]) -> Iterator[str | RealtimeError]:
        away: BusUnavailable | None = None
        for start in range(0, len(messages), _TOGETHER):
            for outcome in [] if away is not None else self._publish_all(messages[start : start + _TOGETHER]):
                if isinstance(outcome, BusUnavailable):
                    away = outcome
                yield outcome if isinstance(outcome, RealtimeError) else str(outcome.id)
            if away is not None:
                break
        while away is not None:
            # The rest is not tried: each would wait for its time-out, and a later one may not overtake.
            yield BusUnavailable(away.message, retry_after=away.retry_after)


def _check(item: object) -> None:
    fine = isinstance(item, Mapping) and {"room", "data"} <= item.keys() <= _KNOWN
    if not fine or not isinstance(item, Mapping) or not isinstance(item["room"], str):
        raise InvalidValue(f"an item is {_ITEM}")
