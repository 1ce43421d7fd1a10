"""The client manager that remembers what each client has, so that it can have it again when it comes back.

Its session id, its rooms and how it came into each, what handlers made of its session. Where a client is lost this is
kept for its return; where it takes its leave or is sent away it is not. This file may not give anything back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask, session

from ..concurrency import Concurrency
from ..hub.resuming import Join
from ..hub.revoking import REVOKED
from ..names import is_room_name
from .identifying import AUTH, GONE, HOLDER, USER
from .kept import Kept
from .recovery import Recovery
from .revocation import RevokingManager

TAKEN: Final = "realtime.taken"
"""Under this key of a Socket.IO client's environment is when it came back, in seconds since the epoch."""
STALE: Final = "realtime.stale"
"""Under this key is the offset that it came with when its session was new."""
MOVED: Final = "realtime.moved"
"""This key is there once the client has gone on in another process, which this one did not notice by itself."""
BASE: Final = "realtime.base"
"""Under this key is the session that its cookie brought, before handlers changed it."""
SAVED: Final = "saved_session"
"""Flask-SocketIO's key for the session that handlers see."""
_USERS: Final = ("user", "_user_id")


class KeepingManager(RevokingManager):
    """The client manager, where clients are remembered.

    Attributes:
        app: the application.
        recovery: where they are kept.
    """

    app: Flask
    recovery: Recovery

    def keep(self, *, seconds: float, keys: Callable[[], list[Any]], concurrency: Concurrency) -> None:
        """Remember clients for so many seconds after they are lost; 0 for not at all. ``keys``: as for ``Tickets``."""
        # An offset is the id of an event.
        self._connections.recoverable = seconds > 0 and self._connections.ids
        self.recovery = Recovery(
            seconds=seconds,
            bus=self._bus,
            concurrency=concurrency,
            keys=keys,
            owner=lambda: self._owner,
            snapshot=self.snapshot,
            everyone=lambda: list(self.rooms.get("/", {}).get(None, {})),
        )

    def pid(self, sid: str | None) -> str | None:
        """The client's pid, if it can come back."""
        environ = self.server.environ.get(self.eio_sid_from_sid(sid, "/"))
        if not self._connections.recoverable or environ is None or not environ.get("realtime.ids", True):
            return None
        return self.recovery.pids.of(str(sid))

    def connect(self, sid: str, namespace: str) -> str:
        """The client is connected."""
        sid = super().connect(sid, namespace)
        if namespace == "/" and self._connections.recoverable and self.shared and self.pid(sid) is not None:
            self.recovery.changed(sid)
        return sid

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """A client is going: keep what it had where its connection was lost, and it did not take its leave."""
        if namespace == "/" and self.pid(sid) is not None and not self._is_moved(sid):
            socket = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, "/"))
            kept = self.snapshot(sid, parted=time.time()) if socket is None or socket.closing else None
            if kept is not None:
                self.recovery.part(sid, kept)
            else:
                self.recovery.forget(sid)
        eio_sid: str | None = super().pre_disconnect(sid, namespace)
        return eio_sid

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        super().disconnect(sid, namespace, **kwargs)
        if namespace == "/":
            self.recovery.pids.drop(sid)

    def saved(self, sid: str | None) -> None:
        """A handler may have changed what is to be restored."""
        if sid is not None and self.shared and self.pid(sid) is not None:
            self.recovery.changed(sid)

    def secure(self, sid: str) -> None:
        """Wait until what is to be restored would be, should this process die now."""
        if self.shared and self.pid(sid) is not None:
            self.recovery.secure(sid)

    def snapshot(self, sid: str, *, parted: float | None = None) -> Kept | None:
        """What is to be kept of a client as it is now; ``None`` of one that is gone, or whose access was revoked."""
        eio_sid = self.eio_sid_from_sid(sid, "/") if self.is_connected(sid, "/") else None
        environ = self.server.environ.get(eio_sid)
        if environ is None or GONE in environ or MOVED in environ:
            return None
        connection = self._connections.get(sid)
        known = {} if connection is None else connection.joins or {}
        # Its handlers may be at it meanwhile, in threads of theirs: copied first.
        joins = {room: join for room, join in tuple(known.items()) if connection and room in connection.rooms}
        rooms = [one for one in self.get_rooms(sid, "/")[1:] if isinstance(one, str | int) and one not in joins]
        seen, base = dict(environ.get(SAVED) or {}), self._base(environ)
        socket = self.server.eio.sockets.get(eio_sid)
        data = {} if socket is None else socket.session.get("/")
        return Kept(
            sid=sid,
            by=self._owner,
            parted=parted,
            taken=environ.get(TAKEN, 0.0),
            joins=joins,
            rooms=[one for one in rooms if not is_room_name(one)],
            about={room: one for room, one in ((connection and connection.about) or {}).items() if room in joins},
            at=time.time(),
            user=environ.get(USER) or environ.get(HOLDER) or user_in(seen),
            stale=environ[STALE] if STALE in environ else (environ.get(AUTH) or {}).get("offset"),
            session={key: one for key, one in seen.items() if key not in base or base[key] != one},
            removed=[key for key in base if key not in seen] if SAVED in environ else [],
            data=dict(data) if isinstance(data, dict) else {},
        )

    def take_back(self, sid: str, room: str, event: str = REVOKED) -> None:
        """Take a room from one client, for good."""
        super().take_back(sid, room, event)
        self.saved(sid)

    def _is_moved(self, sid: str) -> bool:
        return MOVED in self.server.environ.get(self.eio_sid_from_sid(sid, "/"), ())

    def _base(self, environ: dict[str, Any]) -> Mapping[str, Any]:
        """The session that its cookie brought, before handlers changed it."""
        if SAVED not in environ or "HTTP_COOKIE" not in environ:
            return {}
        if BASE not in environ:
            with self.app.request_context(environ):
                environ[BASE] = dict(session)
        base: dict[str, Any] = environ[BASE]
        return base

    def _enter(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        connection = self._connections.get(sid)
        new, before = connection is None or room not in connection.rooms, self._hub.position
        super()._enter(sid, namespace, room, eio_sid=eio_sid)
        if namespace == "/" and self._connections.recoverable:
            connection = self._connections.get(sid)
            if new and connection is not None and is_room_name(room):
                connection.came(room, Join(before, before, False))
            self.saved(sid)

    def _leave(self, sid: str, namespace: str, room: Any) -> None:
        super()._leave(sid, namespace, room)
        if namespace == "/":
            self.saved(sid)


def user_in(seen: Mapping[str, Any]) -> str | None:
    """Whose session it is, by the names that applications and Flask-Login use."""
    found = next((seen[name] for name in _USERS if seen.get(name)), None)
    return None if found is None else str(found)
