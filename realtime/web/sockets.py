"""The Socket.IO edge: what clients may emit (``join``, ``leave``, ``publish``) and what they are answered.

An application that has handlers of its own for one of these names keeps them. No handler raises: what is wrong is
said in the acknowledgement.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from ..bus.base import Outcome, Published
from ..config import Settings
from ..errors import Forbidden, InvalidValue, RealtimeError, over
from ..hub.hub import Hub
from ..message import UNKNOWN, Message, Position
from ..names import check_room
from ..rules import Origin
from .access import Gate
from .limits import Limits
from .manager import BusManager
from .pipeline import Pipeline
from .refreshing import Refreshing
from .who import Introduction

Answer = dict[str, Any]
T = TypeVar("T")


class SocketHandlers:
    """Handlers of the default namespace.

    Args:
        settings: limits.
        pipeline: where ``publish`` publishes.
        gate: says who may.
        in_request: calls an event's handler as Flask-SocketIO calls the application's: with the client's request and
            session. Called with the client's session id, the event, its arguments, and what to run.
        manager: knows the clients.
        hub: knows how far this process has delivered.
        ready: makes sure that this process follows the bus; called before each use of it.
        limits: how often clients may do what. Events are counted where they come in.
        introduction: takes down what a client says of itself.
    """

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        *,
        settings: Settings,
        pipeline: Pipeline,
        gate: Gate,
        in_request: Callable[[str, str, tuple[Any, ...], Callable[..., Answer]], Answer],
        manager: BusManager,
        hub: Hub,
        ready: Callable[[], None],
        limits: Limits,
        introduction: Introduction,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._gate = gate
        self._in_request = in_request
        self._manager = manager
        self._hub = hub
        self._ready = ready
        self._refresh = Refreshing(gate=gate, manager=manager, hub=hub, admission=limits.admission).refresh
        self._limits = limits
        self._introduction = introduction
        self._log = logging.getLogger(__name__)

    def register(self, server: Any) -> None:
        """Register on a Socket.IO server each handler that the application has not registered itself."""
        taken, methods = server.handlers.get("/", {}), server.namespace_handlers.get("/")
        handlers = {"join": self.join, "leave": self.leave, "publish": self.publish, "refresh": self._refresh}
        for name, handle in handlers.items():
            if name not in taken and not hasattr(methods, f"on_{name}"):
                server.on(name, self._answering(handle))

    def join(self, sid: str, request: dict[str, Any]) -> Answer:
        """``{room, after?, history?, name?}`` → ``{ok, recovered, cursor}``, after what was missed was emitted."""
        room = check_room(request.get("room"))
        after = request.get("after")
        cursor = None if after is None else Position.parse(after)
        latest = _count(request.get("history"), most=self._settings.history_length)
        eio_sid = self._manager.eio_sid_from_sid(sid, "/")
        self._limits.join(eio_sid, self._manager.server.environ.get(eio_sid))
        grant = self._gate.grant("subscribe", room, mark=self._hub.mark)
        if cursor is not None:
            # Nothing of the log for whom may not read it; that something was missed is the truth.
            cursor = cursor if self._gate.allows("history", room) else UNKNOWN
        elif latest:
            self._gate.admit("history", room)
        about = self._introduction.about(request.get("name"), (room,))
        self._ready()
        connection = self._manager.connection(sid)
        most = self._settings.max_rooms_per_connection
        if room not in connection.rooms and len(connection.rooms) >= most:
            raise over("rooms", InvalidValue(f"this connection is in {most} rooms already, which is the most allowed"))
        self._manager.let_in(sid, room, grant)
        if self._introduction.presence is not None:
            self._introduction.presence.joining(connection, room, about)
        try:
            recovered, position = connection.join(room, after=cursor, latest=latest, request=request, grant=grant)
            self._manager.enter_room(sid, "/", room)
            self._hub.check_reading(connection, room, grant)
        except Forbidden:
            self._manager.leave_room(sid, "/", room)
            raise
        self._manager.secure(sid)
        return {"ok": True, "recovered": recovered, "cursor": str(position)}

    def leave(self, sid: str, request: dict[str, Any]) -> Answer:
        """``{room}`` → ``{ok}``. Leaving a room that was not joined is no error."""
        self._manager.leave_room(sid, "/", check_room(request.get("room")))
        self._manager.secure(sid)
        return {"ok": True}

    def publish(self, sid: str, request: dict[str, Any]) -> Answer:
        """``{room, event?, data, key?, transient?}`` → ``{ok, id}``, given only when the message is in the log.

        One that is transient has no id to tell.
        """
        message, origin = self._said(sid, request)
        return _accepted(self._pipeline.put(message, origin=origin), transient=message.transient)

    def publish_soon(self, done: Callable[[Answer], None], sid: str, request: dict[str, Any]) -> None:
        """The same without waiting for it: ``done`` gets the answer."""
        message, _ = self._said(sid, request)

        def accepted(outcome: Outcome) -> None:
            if isinstance(outcome, Published):
                done(_accepted(outcome, transient=message.transient))
            else:
                done({"ok": False, "error": outcome.as_dict()})

        self._pipeline.put_soon(message, done=accepted)

    def _said(self, sid: str, request: dict[str, Any]) -> tuple[Message, Origin]:
        """What a client publishes, with all rules applied, and where it comes from."""
        if "data" not in request:
            raise InvalidValue("publish needs data")
        room = check_room(request.get("room"))
        identity = self._gate.admit("publish", room)
        if identity is None and self._pipeline.calls_application():
            identity = self._gate.identity()
        self._limits.publish(identity)
        origin = Origin("socketio", sid, identity)
        message = self._pipeline.prepare(
            room,
            request["data"],
            event=request.get("event", "message"),
            key=request.get("key"),
            transient=request.get("transient", False),
            origin=origin,
        )
        return message, origin

    def _asks(self, environ: Mapping[str, Any], name: str) -> bool:
        """Whether there is anybody to ask about a client. What it brings to ``refresh`` is looked at in any case."""
        return self._gate.knows(environ) or (name == "refresh" and self._gate.active())

    def _answering(self, handle: Callable[[str, dict[str, Any]], Answer]) -> Callable[..., Answer]:
        name, publishes = handle.__name__, handle == self.publish

        def calls_application(environ: Mapping[str, Any]) -> bool:
            if publishes and (self._limits.publishing or self._pipeline.calls_application()):
                return True
            return name != "leave" and self._asks(environ, name)

        def called(call: Callable[..., T], sid: str, *arguments: Any) -> T:
            if len(arguments) != 1 or not isinstance(arguments[0], dict):
                raise InvalidValue(f"{name} takes one object")
            return call(sid, arguments[0])

        def answer(sid: str, *arguments: Any) -> Answer:
            environ = self._manager.server.environ.get(self._manager.eio_sid_from_sid(sid, "/"), {})
            if calls_application(environ):
                return told(self._in_request, sid, name, arguments, partial(alone, sid))
            return alone(sid, *arguments)

        def alone(sid: str, *arguments: Any) -> Answer:
            return told(called, handle, sid, *arguments)

        def begin(sid: str, *arguments: Any, done: Callable[[Answer], None]) -> None:
            if refused := told(called, partial(self.publish_soon, done), sid, *arguments):
                done(refused)

        def told(call: Callable[..., T], *arguments: Any) -> T | Answer:
            try:
                return call(*arguments)
            except RealtimeError as exc:
                self._hub.counters.told(exc)
                return {"ok": False, "error": exc.as_dict()}
            except Exception:  # noqa: BLE001  whatever fails, the client gets its answer and the log the reason
                self._log.exception("%s failed", name)
                return {"ok": False, "error": {"code": "internal", "message": "the server failed; it was logged"}}

        answer.realtime = True  # type: ignore[attr-defined]  # see engine.register_namespace
        # Nothing to wait for but the bus: done where it was read, so that a client's messages keep their order.
        answer.at_once = publishes  # type: ignore[attr-defined]
        # With code of the application in between it may wait for anything: it needs a greenlet, but not one of its own.
        answer.may_wait = calls_application  # type: ignore[attr-defined]
        # Where it may not wait: the same without asking again.
        answer.alone = alone  # type: ignore[attr-defined]
        if publishes:
            answer.begin = begin  # type: ignore[attr-defined]
        return answer


def _accepted(published: Published, *, transient: bool) -> Answer:
    return {"ok": True} if transient else {"ok": True, "id": str(published.id)}


def _count(value: object, *, most: int) -> int:
    """How many messages of history a client asks for, capped."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValue(f"history is a whole number from 0 to {most}")
    return min(value, most)
