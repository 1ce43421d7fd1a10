"""The one way on which everything is published in this process: types, hooks, the bus, and then the signal.

HTTP, Socket.IO, ``Realtime.publish`` and ``emit`` all come through here, so that a rule holds for all of them. What no
rule and no receiver is interested in goes straight to the bus. This file may not know transports.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from flask import Flask, current_app, has_app_context

from ..bus.base import Bus, Outcome, Published
from ..errors import BusUnavailable, InvalidValue
from ..message import Message
from ..rules import SERVER, Hook, Origin, Publication, Rules
from ..signals import message_published
from .hooks import failure, judged, named

_KIND: Final = "on_publish"
_OUTCOME: Final = "nothing was published"
_JSON = (dict, list, str, int, float, type(None))


class Pipeline:
    """Publishes for one application.

    Args:
        app: whose context hooks and receivers run in, and the signals' sender.
        bus: where messages go in the end.
        rules: the application's hooks and schemas; it may get more at any time.
        max_message_bytes: the most that the data may take as JSON, before hooks and after.
        strict: refuse events that no schema is declared for.

    Attributes:
        ready: makes sure that this process follows the bus; called before each use of it.
    """

    def __init__(self, app: Flask, *, bus: Bus, rules: Rules, max_message_bytes: int, strict: bool = False) -> None:
        self._app = app
        self._bus = bus
        self._rules = rules
        self._max_bytes = max_message_bytes
        self._strict = strict
        self._log = logging.getLogger(__name__)
        self.ready: Callable[[], None] = lambda: None

    def calls_application(self) -> bool:
        """Whether a publish calls code of the application: such may wait, and wants a request context."""
        return bool(self._rules.hooks or message_published.receivers)

    def publish(
        self,
        room: str | Iterable[str],
        data: object,
        *,
        event: str = "message",
        key: str | None = None,
        skip: Iterable[str] = (),
        spread: bool = False,
        transient: bool = False,
        origin: Origin = SERVER,
    ) -> Published:
        """Publish one message; the arguments are those of ``Message.new``.

        Raises:
            InvalidValue, MessageTooLarge, KeyConflict: the message is not acceptable.
            Refused, or any other error of the package: a hook refused it.
            HookFailed: a hook failed.
            BusUnavailable: not accepted.
        """
        message = self.prepare(
            room, data, event=event, key=key, skip=skip, spread=spread, transient=transient, origin=origin
        )
        return self.put(message, origin=origin)

    def put(self, message: Message, *, origin: Origin = SERVER) -> Published:
        """Publish a message that was prepared.

        Raises:
            KeyConflict: the message is not acceptable.
            BusUnavailable: not accepted.
        """
        self.ready()
        published = self._bus.publish(message)
        if message_published.receivers:
            self.announce(message, published, origin)
        return published

    def put_soon(self, message: Message, *, done: Callable[[Outcome], None]) -> None:
        """The same without waiting for the bus, for where no code of the application is called.

        Args:
            done: gets the outcome; see ``Bus.publish_soon``.

        Raises:
            BusUnavailable: not accepted; ``done`` is not called.
        """
        self.ready()
        self._bus.publish_soon(message, done)

    def prepare(
        self,
        room: str | Iterable[str],
        data: object,
        *,
        event: str = "message",
        key: str | None = None,
        skip: Iterable[str] = (),
        spread: bool = False,
        transient: bool = False,
        origin: Origin = SERVER,
    ) -> Message:
        """The message that the bus is to be given, with all rules applied; nothing is published yet.

        For who publishes several at once: ``ready`` and the bus's own call come next, then ``announce`` for each.

        Raises:
            As ``publish``, but for what the bus raises.
        """
        rules = self._rules
        if rules.schemas:
            data = self._plain(data)
        said = Message.new(
            room,
            data,
            event=event,
            key=key,
            max_bytes=self._max_bytes,
            skip=skip,
            spread=spread,
            transient=transient,
        )
        if rules.schemas or self._strict:
            self._check(said)
        return self._hooked(said, origin) if rules.hooks else said

    def publish_all(self, messages: Sequence[Message], *, origin: Origin = SERVER) -> Sequence[Outcome]:
        """Publish messages that were prepared, together; for each its answer or its error. Nothing is raised."""
        try:
            self.ready()
        except BusUnavailable as exc:
            return [exc] * len(messages)
        outcomes = self._bus.publish_many(messages)
        if message_published.receivers:
            for message, outcome in zip(messages, outcomes, strict=True):
                if isinstance(outcome, Published):
                    self.announce(message, outcome, origin)
        return outcomes

    def announce(self, message: Message, published: Published, origin: Origin = SERVER) -> None:
        """Tell receivers that a message was accepted; not of one that was there already, or that nobody keeps. Nothing
        it does can fail.
        """
        if published.duplicate or message.transient or not message_published.receivers:
            return
        told = {"message": message.accepted(published.id), **origin._asdict()}
        with self._context():
            for receiver in message_published.receivers_for(self._app):
                try:
                    receiver(self._app, **told)
                except Exception:  # noqa: BLE001  the message is published: its publisher is told so
                    self._log.exception("a receiver of message_published failed")

    def _plain(self, data: object) -> object:
        """Instances of declared types as what JSON knows."""
        if isinstance(data, _JSON):
            return data
        for schema in self._rules.schemas:
            data = schema.checker.plain(data)
        return data

    def _check(self, message: Message) -> None:
        fitting = [one for one in self._rules.schemas if one.filter.fits(message.rooms, message.event)]
        if self._strict:
            for room in message.rooms:
                if not any(one.filter.fits((room,), message.event) for one in fitting):
                    declared = ", ".join(sorted({repr(one.event) for one in self._rules.schemas})) or "none"
                    raise InvalidValue(
                        f"the event {message.event!r} is not declared for {room!r}; declared events: {declared}"
                    )
        for schema in fitting:
            schema.checker.check(message.shown)

    def _hooked(self, said: Message, origin: Origin) -> Message:
        if not any(where.fits(said.rooms, said.event) for where, _ in self._rules.hooks):
            return said
        publication = _shown(said, origin)
        with self._context():
            for where, hook in self._rules.hooks:
                if where.fits(publication.rooms, publication.event):
                    publication = self._called(hook, publication)
        try:
            message = Message.new(
                publication.rooms,
                publication.data,
                event=publication.event,
                key=said.key,
                max_bytes=self._max_bytes,
                skip=said.skip,
                spread=said.spread and isinstance(publication.data, list),
                transient=said.transient,
            )
        except InvalidValue as exc:
            # The publisher's own words were checked: this is no fault of theirs.
            makers = ", ".join(named(hook) for where, hook in self._rules.hooks if where.fits(said.rooms, said.event))
            raise failure(self._log, f"what {makers} of {_KIND} made", exc, outcome=_OUTCOME) from exc
        return message if said.key is None else message.standing_for(said)

    def _called(self, hook: Hook, publication: Publication) -> Publication:
        with judged(self._log, _KIND, hook, outcome=_OUTCOME):
            result = hook(publication)
        if result is None:
            return publication
        return result if isinstance(result, Publication) else publication.replace(data=result)

    def _context(self) -> AbstractContextManager[Any]:
        if has_app_context() and current_app._get_current_object() is self._app:  # type: ignore[attr-defined]
            return nullcontext()
        return self._app.app_context()


def _shown(said: Message, origin: Origin) -> Publication:
    """A message as hooks see it, with data of its own."""
    return Publication(
        rooms=said.rooms,
        event=said.event,
        data=said.data,
        key=said.key,
        spread=said.spread,
        transient=said.transient,
        **origin._asdict(),
    )
