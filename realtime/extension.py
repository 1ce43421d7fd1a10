"""Realtime, the Flask extension: the face that applications use. What is behind it is joined in ``state``.

Importing it patches nothing, opens nothing and starts nothing. This file may not do the work itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from flask import Flask, current_app, has_app_context
from flask_socketio import SocketIO

from . import cli, show
from .arguments import MOST_MESSAGES, whole
from .bus.base import Outcome
from .bus.replay import Replay
from .config import Settings, no_settings
from .errors import ConfigError
from .guarding import Guarding
from .message import Message, Position
from .names import check_room, shortened
from .presence import View
from .publishing import Publishing
from .requesting import Requesting
from .rules import Hook, Rules
from .state import State, assemble

EXTENSION = "realtime"

H = TypeVar("H", bound=Hook)
K = TypeVar("K")


class Realtime(Guarding, Requesting, Publishing):
    """Server push for a Flask application: Socket.IO rooms and an SSE route on one log.

    Args:
        app: the application, or none and ``init_app`` later.
        socketio: an existing ``SocketIO`` of the application, with all its handlers. Default: the one that was
            initialised with the app, else one is made.
    """

    def __init__(self, app: Flask | None = None, *, socketio: SocketIO | None = None) -> None:
        super().__init__()
        self._socketio = socketio
        self._states: list[State] = []
        self._rules = Rules()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set the application up: read its settings, add the routes, put its Socket.IO server on the bus.

        A key that looks like a setting and is none is told in the log.

        Raises:
            ConfigError: a setting is wrong, this is no application, or it was set up before.
        """
        with show.bad_settings():
            if not isinstance(app, Flask):
                raise ConfigError(f"Realtime is for a Flask application, not for {shortened(app)}")
            if EXTENSION in app.extensions:
                raise ConfigError(
                    f"Realtime was initialised for {app.name!r} already. Make one Realtime() at module level and call "
                    "init_app(app) once per application"
                )
            settings = Settings.load(app.config, os.environ)
            for name, mend in no_settings([*app.config, *os.environ]).items():
                logging.getLogger(__name__).warning("%s is no setting and has no effect; %s", name, mend)
            state = assemble(app, settings=settings, socketio=self._socketio, rules=self._rules, access=self._access)
        app.extensions[EXTENSION] = state
        self._states.append(state)
        cli.register(app)

    def _prepared(
        self, room: str, data: object, *, event: str = "message", key: str | None = None, transient: bool = False
    ) -> Message:
        return self._state().pipeline.prepare(room, data, event=event, key=key, transient=transient)

    def _publish_all(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        return self._state().manager.publish_all(messages)

    @overload
    def on_publish(self, hook: H, /) -> H: ...

    @overload
    def on_publish(self, /, *, room: str | None = None, event: str | None = None) -> Callable[[H], H]: ...

    def on_publish(self, hook: Any = None, /, *, room: str | None = None, event: str | None = None) -> Any:
        """Call a function for everything that this process publishes, before it is published (a decorator).

        HTTP posts, Socket.IO clients' ``publish``, ``Realtime.publish`` and ``emit`` to rooms all come through it, in
        the order in which hooks were declared, each with what the one before it made. A ``Publisher`` in another
        process does not, nor what is no message of a room (broadcasts, binary data, other namespaces).

        The function gets a ``Publication`` and returns ``None`` (publish it; what was changed inside its data counts),
        other data, or ``publication.replace(data=…, event=…, rooms=…)``. It refuses by raising ``Refused`` or another
        error of this package, or by ``flask.abort``. Any other exception is logged, publishes nothing and tells the
        publisher ``internal`` (500). It has an application context, and for HTTP and Socket.IO also the client's
        request and session. One that waits holds up what the same client says next, whose order is kept, and nobody
        else. It may be called again for a key that is repeated: side effects belong into the signal
        ``realtime.signals.message_published``. Keys are about what the publisher said, not what a hook made of it.

        Args:
            hook: the function, where it is decorated without parentheses.
            room: only for publications to this room; ``*`` in it stands for any characters.
            event: only for this event.

        Raises:
            ConfigError: not a plain function.
            InvalidValue: no such room or event can exist.
        """

        def add(given: H) -> H:
            self._rules.add_hook(given, room=room, event=event)
            return given

        return add if hook is None else add(hook)

    @overload
    def schema(self, event: str, kind: K, /, *, room: str | None = None) -> K: ...

    @overload
    def schema(self, event: str, /, *, room: str | None = None) -> Callable[[K], K]: ...

    def schema(self, event: str, kind: Any = None, /, *, room: str | None = None) -> Any:
        """Declare what an event carries; also as a decorator of the class.

        What is published of this event in this process must be of the type, else it is refused (422) with the path of
        what is wrong. It is checked as it was said, before hooks, and published as it was said: no defaults are filled
        in. Instances of the type may be published as they are. The type also describes the event in
        ``/asyncapi.json``.

        Args:
            event: the event's name.
            kind: a msgspec Struct, a dataclass, a TypedDict, a type of ``typing``, or a pydantic model.
            room: only in this room; ``*`` in it stands for any characters.

        Returns:
            The type.

        Raises:
            ConfigError: not such a type, its library is not installed, or the event has one for this room already.
            InvalidValue: no such room or event can exist.
        """

        def add(given: Any) -> Any:
            self._rules.add_schema(event, given, room=room)
            return given

        return add if kind is None else add(kind)

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> Replay:
        """Read the room's log.

        Args:
            room: which.
            after: an id; what follows it is returned, oldest first. Without it: the newest messages, oldest first.
            limit: at most so many messages, up to a million.

        Returns:
            ``messages``, and ``recovered``: whether nothing between ``after`` and now is missing.

        Raises:
            InvalidValue: not a room's name, not an id, or not such a limit.
            BusUnavailable: the log cannot be read.
        """
        state = self._state()
        check_room(room)
        position = None if after is None else Position.parse(after)
        whole("limit", limit, most=MOST_MESSAGES)
        state.ready()
        if position is None:
            return state.bus.latest([room], limit=limit)
        return state.bus.replay([room], position, limit=limit)

    def presence(self, room: str) -> View:
        """Who follows the room now, in all processes; your own code is not asked whether it may know.

        Returns:
            ``members``, by ``Who`` (``user`` and ``name``), each with its ``connections`` and ``transports``;
            ``viewers``; ``total``.

        Raises:
            ConfigError: ``REALTIME_PRESENCE`` is off.
            InvalidValue: not a room's name.
            BusUnavailable: the bus is away, and nobody in this process follows the room.
        """
        state = self._state()
        if state.presence is None:
            raise ConfigError("nobody keeps count of who is where: set REALTIME_PRESENCE")
        check_room(room)
        state.ready()
        return state.presence.view(room)

    @property
    def socketio(self) -> SocketIO:
        """The application's ``SocketIO``, for handlers and ``emit``."""
        return self._state().socketio

    def _state(self) -> State:
        if has_app_context() and EXTENSION in current_app.extensions:
            state: State = current_app.extensions[EXTENSION]
            return state
        if len(self._states) != 1:
            raise ConfigError(
                "there is no application here: call init_app(app) first, and with several applications work inside "
                "`with app.app_context():`"
            )
        return self._states[0]
