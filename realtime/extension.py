"""Realtime, the Flask extension: the face that applications use. What is behind it is joined in ``state``.

Importing it patches nothing, opens nothing and starts nothing. This file may not do the work itself.
"""

from __future__ import annotations

import os

from flask import Flask, current_app, has_app_context
from flask_socketio import SocketIO

from .bus.base import Replay
from .config import Settings
from .errors import ConfigError
from .message import Message, Position
from .names import check_room
from .state import State, assemble

EXTENSION = "realtime"


class Realtime:
    """Server push for a Flask application: Socket.IO rooms and an SSE route on one log.

    Args:
        app: the application, or none and ``init_app`` later.
        socketio: an existing ``SocketIO`` of the application, with all its handlers. Default: the one that was
            initialised with the app, else one is made.
    """

    def __init__(self, app: Flask | None = None, *, socketio: SocketIO | None = None) -> None:
        self._socketio = socketio
        self._states: list[State] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set the application up: read its settings, add the routes, put its Socket.IO server on the bus.

        Raises:
            ConfigError: a setting is wrong, or the application was set up before.
        """
        if EXTENSION in app.extensions:
            raise ConfigError(
                f"Realtime was initialised for {app.name!r} already. Make one Realtime() at module level and call "
                "init_app(app) once per application"
            )
        settings = Settings.load(app.config, os.environ)
        state = assemble(app, settings=settings, socketio=self._socketio)
        app.extensions[EXTENSION] = state
        self._states.append(state)

    def publish(self, room: str, data: object, *, event: str = "message", key: str | None = None) -> str:
        """Publish one message to everybody who reads the room, on any transport, in any process.

        Args:
            room: where to.
            data: anything with a JSON form.
            event: the event's name.
            key: idempotency key: the same key again is the same message, published once.

        Returns:
            The message's id. It is in the log.

        Raises:
            InvalidValue, MessageTooLarge, KeyConflict: the message is not acceptable; see its text.
            BusUnavailable: not accepted; trying again with the same key is safe.
        """
        state = self._state()
        message = Message.new(room, data, event=event, key=key, max_bytes=state.settings.max_message_bytes)
        return str(state.manager.publish(message))

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> Replay:
        """Read the room's log.

        Args:
            room: which.
            after: an id; what follows it is returned, oldest first. Without it: the newest messages, oldest first.
            limit: at most so many messages.

        Returns:
            ``messages``, and ``recovered``: whether nothing between ``after`` and now is missing.

        Raises:
            InvalidValue: not a room's name, or not an id.
            BusUnavailable: the log cannot be read.
        """
        state = self._state()
        check_room(room)
        state.ready()
        if after is None:
            return state.bus.latest([room], limit=limit)
        return state.bus.replay([room], Position.parse(after), limit=limit)

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
