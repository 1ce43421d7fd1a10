"""The seams in python-engineio's server: session ids that are no room names, and a short way for WebSockets.

A client that begins with a WebSocket, as most do that were connected before, is connected without the queue, the
greenlet and the copies that only polling needs. What such a client asks for in a wrong way is refused at the door.
This file may not know rooms.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from engineio.exceptions import SocketIsClosedError

from ..wire import websocket as wire
from .enginedoor import EngineDoor
from .enginerequests import RequestRefused
from .enginesocket import EngineSocket
from .link import Link
from .manager import PRIVATE_MARK
from .quota import Slot

_MEANT: Final = {"transport", "EIO", "sid", "j"}
"""Query parameters that mean something to Engine.IO."""
_NOT_KEPT: Final = ("wsgi.websocket", "gunicorn.sock", "HTTP_SEC_WEBSOCKET_KEY")
_NO_BODY: Final = io.BytesIO()


class EngineServer(EngineDoor):
    """An Engine.IO server whose session ids cannot be room names and whose sessions are ours."""

    at_once: Callable[[Any, str | bytes], bool]

    def generate_id(self) -> str:
        """A session id that no client can name as a room: nobody subscribes to another client's private events."""
        return f"{super().generate_id()}{PRIVATE_MARK}"

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serve a request. A client that begins with a WebSocket is connected without what only polling needs."""
        websocket = environ.get("wsgi.websocket")
        if getattr(websocket, "can_give", False) and self._begins_with_websocket(environ):
            try:
                slot = self._slot(environ)
            except RequestRefused as exc:
                return self._refuse(environ, start_response, exc)
            return self._connect_directly(environ, start_response, websocket, slot)
        return super().handle_request(environ, start_response)

    def _begins_with_websocket(self, environ: dict[str, Any]) -> bool:
        """Whether the request is in order and asks for just that. Whatever is not, the door answers."""
        query = environ["QUERY_STRING"].split("&")
        if "transport=websocket" not in query or "EIO=4" not in query or "websocket" not in self.transports:
            return False
        if len([one for one in query if one.partition("=")[0] in _MEANT]) != 2:
            return False
        origin = environ.get("HTTP_ORIGIN")
        if not origin or self.cors_allowed_origins == []:
            return True
        allowed = self._cors_allowed_origins(environ)
        return allowed is None or origin in allowed

    def _connect_directly(
        self, environ: dict[str, Any], start_response: Any, websocket: Any, slot: Slot | None
    ) -> list[bytes]:
        sid = self.generate_id()
        session = EngineSocket.directly(self, sid)
        session.slot, self.sockets[sid] = slot, session
        refused = self._trigger_event("connect", sid, environ, run_async=False)
        if refused is not None and refused is not True:
            del self.sockets[sid]
            session.give_back()
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"the application refuses it\n"]
        if session.closed:
            # This server is going: it ended all sessions while this one was being made.
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"shutting down\n"]
        fd, head, ahead, poller = websocket.take_socket()
        link = session.link = Link(socket=session, fd=fd, poller=poller, parser=self.parser())
        _trim(environ)
        link.send_joined(head + wire.frame(self.opening(sid).encode()))
        self.pings.add(session)
        self.newcomers.add(session)
        link.open(ahead)
        return []

    def send_packet(self, sid: str, pkt: Any) -> None:
        """Send a packet, if the client is still there: that it goes right now is no reason to forget the others."""
        with suppress(SocketIsClosedError):
            super().send_packet(sid, pkt)


def _trim(environ: dict[str, Any]) -> None:
    """The environment of a request lives as long as the client: what holds buffers goes, common text is kept once."""
    for name in _NOT_KEPT:
        environ.pop(name, None)
    environ["wsgi.input"] = _NO_BODY
    for name, value in environ.items():
        if type(value) is str:
            environ[name] = sys.intern(value)
