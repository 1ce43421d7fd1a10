"""The client manager that gives a client that comes back what it had: session id, rooms, session, what it missed.

Connection state recovery, as stock Socket.IO clients (4.6 and newer) ask for it: CONNECT is answered with a ``pid``,
and a client that reconnects says ``{pid, offset}``. It gets the same only if nothing is missing; otherwise it connects
like anybody else, with a new session id and pid, and knows by that. This file may not say for how long or where it is
kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from flask import session

from ..errors import BusUnavailable, ConnectionClosed, RealtimeError
from ..hub.connection import Grant
from ..hub.log import just_before
from ..hub.resuming import Join, Stretch, rest
from ..hub.revoking import REVOKED
from ..message import START, Position
from .access import Gate
from .connection import SocketConnection
from .identifying import AUTH, HOLDER, USER
from .keeping import BASE, MOVED, SAVED, STALE, TAKEN, KeepingManager, user_in
from .kept import Kept
from .pids import sid_of
from .recovery import JUST_TAKEN

RECOVERED: Final = "realtime.recovered"
"""This key is true in the environment of a Socket.IO client that came back to what it had."""
_PATIENCE: Final = 2.0
"""Seconds that a client's lost connection gets to be gone."""


class _Return(NamedTuple):
    connection: SocketConnection | None
    stretches: list[Stretch]
    refused: list[str]


class RecoveringManager(KeepingManager):
    """The client manager, where clients come back.

    Attributes:
        gate: says who may read what.
        in_request: calls something with a client's request and session, as in ``SocketHandlers``.
    """

    gate: Gate
    in_request: Callable[[str, str, tuple[Any, ...], Callable[..., Any]], Any]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._returning: dict[str, _Return] = {}

    def pre_connect(self, eio_sid: str, namespace: str) -> Any:
        """Register a client: under the session id that it had, if it comes back and can have what it had."""
        environ = self.server.environ.get(eio_sid) if namespace == "/" else None
        if environ is not None and self.sid_from_eio_sid(eio_sid, "/") is None:
            for key in (RECOVERED, TAKEN, STALE):
                environ.pop(key, None)
            auth = environ[AUTH]
            if "pid" in auth and self._connections.recoverable:
                try:
                    sid = self._come_back(eio_sid, auth["pid"], auth.get("offset"))
                except BusUnavailable:
                    # Nobody knows what is kept of it. As a newcomer it would lose that: let it come again instead.
                    self._close(eio_sid)
                    return None
                if sid is not None:
                    return sid
        return super().pre_connect(eio_sid, namespace)

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        if namespace == "/" and self._returning.pop(sid, None) is not None:
            # The application has refused it, which is for good.
            self.recovery.forget(sid)
        super().disconnect(sid, namespace, **kwargs)

    def resume(self, sid: str | None) -> None:
        """Its CONNECT is answered: send a client that came back what it missed, and what is live from now on."""
        found = self._returning.pop(sid, None) if sid is not None else None
        if found is None or sid is None:
            return
        for room in found.refused:
            self._emit_here(REVOKED, {"room": room}, "/", sid, [], None)
        if found.connection is not None:
            with suppress(ConnectionClosed):
                found.connection.resume(found.stretches)

    def relayed(self, payload: dict[str, Any]) -> None:
        """Do what a process asked of all."""
        if payload.get("method") != "took over":
            super().relayed(payload)
            return
        sid = str(payload.get("sid"))
        if not self._connections.recoverable or not self.is_sid_room("/", sid):
            return
        if payload.get("by") == self._owner:
            # Whatever the process before has still written meanwhile, this is how it stands.
            self.recovery.changed(sid)
        else:
            self.server.environ.get(self.eio_sid_from_sid(sid, "/"), {})[MOVED] = True
            self.server.start_background_task(self._lose, sid)

    def _come_back(self, eio_sid: str, pid: object, offset: object) -> str | None:
        sid = sid_of(pid)
        if sid is None or not isinstance(pid, str) or not self._is_free(sid, pid):
            return None
        self.ready()
        kept = self.recovery.claim(pid)
        if kept is None or self.is_sid_room("/", sid):
            return None
        try:
            stretches = self._missed(kept, offset)
            found = None if stretches is None else self._entered_again(kept, pid, eio_sid, stretches)
        except BusUnavailable:
            self._undo(sid)
            self.recovery.give_back(pid, kept)
            raise
        except RealtimeError:
            found = None
        if found is None:
            self._undo(sid)
            return None
        self._returning[sid] = found
        if kept.parted is None:
            # The process that it was connected to may not have noticed.
            with suppress(BusUnavailable):
                self._relay({"method": "took over", "sid": sid, "by": self._owner})
        return sid

    def _is_free(self, sid: str, pid: str) -> bool:
        """Whether nobody is here under this session id; a connection that its own client has left is ended."""
        eio_sid = self.eio_sid_from_sid(sid, "/") if self.is_sid_room("/", sid) else None
        if eio_sid is None:
            return True
        environ = self.server.environ.get(eio_sid) or {}
        if not self.recovery.pids.is_of(sid, pid) or time.time() - environ.get(TAKEN, 0.0) < JUST_TAKEN:
            return False
        self._lose(sid)
        deadline = time.monotonic() + _PATIENCE
        while self.is_sid_room("/", sid):
            # The application's disconnect handler may still be at it.
            if time.monotonic() > deadline:
                return False
            self.server.sleep(0.02)
        return True

    def _lose(self, sid: str) -> None:
        """End a connection that its client has left already, as far as this process could not notice."""
        self._close(self.eio_sid_from_sid(sid, "/"))

    def _close(self, eio_sid: str | None) -> None:
        socket = self.server.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)

    def _missed(self, kept: Kept, offset: object) -> list[Stretch] | None:
        """What the client missed, if the log knows where it stood and has all of it."""
        log = self._hub.log
        if offset is None or offset == kept.stale:
            at = None
            if any(one.upto == START for one in kept.joins.values()):
                return None
        else:
            at = Position.parse(offset)
            if not log.replay((), at, limit=1).recovered:
                return None

        def holds(room: str, one: Position) -> bool:
            return bool(log.replay([room], just_before(one), upto=one, limit=1).messages)

        stretches = rest(kept.joins, at, holds=holds)
        for stretch in stretches:
            if not log.replay(stretch.rooms, stretch.after, upto=stretch.upto, limit=1).recovered:
                return None
        return stretches

    def _entered_again(self, kept: Kept, pid: str, eio_sid: str, stretches: list[Stretch]) -> _Return | None:
        sid = kept.sid
        self.basic_enter_room(sid, "/", None, eio_sid=eio_sid)
        self.basic_enter_room(sid, "/", sid, eio_sid=eio_sid)
        self.pending_connect.setdefault("/", []).append(sid)
        admitted = self.in_request(sid, "recover", (), partial(self._admitted, kept))
        if admitted is None:
            return None
        joins = {room: join for room, (join, _) in admitted.items()}
        grants = {room: grant for room, (_, grant) in admitted.items() if grant is not None}
        socket = self.server.eio.sockets.get(eio_sid)
        if socket is not None and kept.data:
            socket.session["/"] = dict(kept.data)
        connection = None
        if joins:
            after = stretches[-1].after
            connection = self._connections.resumed(sid, eio_sid, joins, after=after, about=kept.about)
            connection.resumed = {room: one.after for one in reversed(stretches) for room in one.rooms}
        for room, given in grants.items():
            self.let_in(sid, room, given)
            if self._hub.was_revoked(given, (room,)):
                self.take_back(sid, room)
        self.recovery.pids.keep(sid, pid)
        self.server.environ[eio_sid].update({RECOVERED: True, TAKEN: time.time(), STALE: kept.stale})
        for room in [*joins, *kept.rooms]:
            self.enter_quietly(sid, "/", room, eio_sid)
        return _Return(connection, stretches[:-1], [room for room in kept.joins if room not in joins])

    def _admitted(self, kept: Kept) -> dict[str, tuple[Join, Grant | None]] | None:
        """The rooms that it may still read, after its session was restored. Called in the client's request."""
        environ = self.server.environ[self.eio_sid_from_sid(kept.sid, "/")]
        environ[BASE] = dict(session)
        if SAVED in environ:
            session.update(kept.session)
            for key in kept.removed:
                session.pop(key, None)
        if self.gate.active():
            self.gate.greet()
        user = environ.get(USER) or environ.get(HOLDER) or user_in(session)
        if kept.user is not None and kept.user != user:
            return None
        taken = set() if kept.user is None else set(self.ledger.taken(kept.user, kept.joins, since=kept.at))
        if None in taken:
            return None
        found: dict[str, tuple[Join, Grant | None]] = {}
        for room, join in kept.joins.items():
            if not join.asked:
                if room not in taken:
                    found[room] = (join, None)
                continue
            mark = self._hub.mark
            if self.gate.allows("subscribe", room):
                if not self.gate.allows("history", room):
                    return None
                found[room] = (join, self.gate.grant("subscribe", room, mark=mark))
        return found

    def _undo(self, sid: str) -> None:
        if self.is_sid_room("/", sid):
            self._connections.forget(sid)
            self.basic_disconnect(sid, "/")
