"""Engine.IO over HTTP: who may come in, long polling, and WebSockets the portable way (Engine.IO protocol 4).

The library answers requests leniently: two polls at once are served, what is no packet is answered with OK, and a
refusal is a bare string. This file may not know rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import engineio
from engineio import packet as eio_packet
from engineio.exceptions import EngineIOError, QueueEmpty

from ..concurrency import Concurrency
from ..errors import TooManyConnections
from ..seldom import Seldom
from ..serve import handshake
from ..wire import websocket
from . import enginerequests as requests
from .admission import Admission
from .delays import Delays
from .enginepolling import EMPTY, Polls, SecondPoll, encoded, is_python, posted
from .enginerequests import EngineRequest, RequestRefused
from .enginesocket import EngineSocket
from .packets import BadPacket, read_payload
from .quota import Slot

Headers = list[tuple[str, str]]


class EngineDoor(engineio.Server):
    """An Engine.IO server that answers as the protocol asks.

    Attributes:
        admission: says who may have one more connection.
        concurrency: for what waits.
        doubts: says why clients were dropped, at most once a second.
        pings, deadlines: the heartbeats of all sessions.
        newcomers: sessions that have yet to connect to a namespace.
        is_member: whether a session is connected to any.
        is_stuck: whether a session announced attachments too long ago.
        max_fragments: the most in which a message may come over WebSocket.
        refuse: counts what a client was refused, by the limit's name.
    """

    admission: Admission
    concurrency: Concurrency
    doubts: Seldom
    pings: Delays
    deadlines: Delays
    newcomers: Delays
    is_member: Callable[[str], bool]
    is_stuck: Callable[[str], bool]
    max_fragments: int
    refuse: Callable[[str], None]

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request; the parameters are WSGI's."""
        try:
            self._check_origin(environ)
            if environ["REQUEST_METHOD"] == "OPTIONS":
                # A page of another origin asks first (CORS); what it will ask for is looked at then.
                return self._answer(environ, start_response, "204 No Content", [], b"")
            request = requests.checked(environ, transports=self.transports)
            if request.transport == "websocket":
                refused = self._refused_handshake(environ)
                if refused is not None:
                    self.refuse("requests")
                    status, headers, body = refused
                    return self._answer(environ, start_response, status, headers, body)
            if request.sid is None:
                return self._begin(environ, start_response, request)
            session = self._session(request)
            if request.transport == "websocket":
                return session.handle_get_request(environ, start_response)
            if request.method == "GET":
                return self._text(environ, start_response, self._polled(session, request))
            self._post(session, environ, request.stamp)
            return self._text(environ, start_response, b"ok")
        except RequestRefused as exc:
            return self._refuse(environ, start_response, exc)

    def opening(self, sid: str, upgrades: str = "[]") -> str:
        """The OPEN packet (Engine.IO protocol, "Handshake"): times in milliseconds, sizes in bytes.

        The library rounds the interval down to whole seconds, so that a client may be told 0.

        Args:
            sid: the session's id.
            upgrades: what it may be upgraded to, as JSON.
        """
        after, gone = self.ping_interval + self.ping_interval_grace_period, self.ping_timeout
        return (
            f'0{{"sid":"{sid}","upgrades":{upgrades},"pingTimeout":{int(gone * 1000)},'
            f'"pingInterval":{int(after * 1000)},"maxPayload":{int(self.max_http_buffer_size)}}}'
        )

    def parser(self) -> websocket.Parser:
        """A parser of what one client sends over WebSocket."""
        return websocket.Parser(max_bytes=self.max_http_buffer_size, max_fragments=self.max_fragments)

    def break_off(self, sid: str, text: str, *, limit: str = "packets") -> None:
        """End a session whose client broke a rule, and only that one."""
        session = self.sockets.get(sid)
        if session is not None:
            session.break_off(text, limit=limit)

    def _refuse(self, environ: dict[str, Any], start_response: Any, refused: RequestRefused) -> list[bytes]:
        if refused.limit is not None:
            self.refuse(refused.limit)
        headers = [("Content-Type", "application/json")]
        if refused.code == "too_large":
            headers.append(("Connection", "close"))  # Nobody reads the body.
        if refused.retry_after is not None:
            headers += [("Retry-After", str(refused.retry_after)), ("Cache-Control", "no-store")]
        return self._answer(environ, start_response, refused.status, headers, refused.body)

    def _slot(self, environ: dict[str, Any]) -> Slot | None:
        """One of the connections that its client may have."""
        try:
            return self.admission.handshake(environ)
        except TooManyConnections as exc:
            raise requests.too_many(exc) from None

    def _check_origin(self, environ: dict[str, Any]) -> None:
        # It counts for WebSockets most: browsers apply CORS to nothing else but HTTP.
        origin = environ.get("HTTP_ORIGIN")
        if origin and self.cors_allowed_origins != []:
            allowed = self._cors_allowed_origins(environ)
            if allowed is not None and origin not in allowed:
                raise requests.forbidden()

    def _refused_handshake(self, environ: dict[str, Any]) -> handshake.Refusal | None:
        """Why there is no WebSocket, said before anything else is (RFC 6455, 4.2.2: an HTTP status)."""
        if environ.get("wsgi.websocket") is not None:
            return None  # The server has looked.
        if self._async["websocket"] is None or self.async_mode == "gevent":
            raise requests.bad("this server takes no WebSockets")
        return handshake.refusal(environ, environ.get("SERVER_PROTOCOL", ""))

    def _begin(self, environ: dict[str, Any], start_response: Any, request: EngineRequest) -> Any:
        """Open a session ("Handshake")."""
        slot, sid = self._slot(environ), self.generate_id()
        session = EngineSocket(self, sid)
        session.slot, self.sockets[sid] = slot, session
        polls = request.transport == "polling"
        upgrades = '["websocket"]' if polls and self._upgrades(sid, request.transport) else "[]"
        session.queue.put(eio_packet.Packet(eio_packet.OPEN, self.opening(sid, upgrades)[1:]))
        refused = self._trigger_event("connect", sid, environ, run_async=False)
        if refused is not None and refused is not True:
            self.sockets.pop(sid, None)
            session.give_back()
            raise RequestRefused(requests.FORBIDDEN, "the application refuses it", code="forbidden", status=403)
        session.schedule_ping()
        self.newcomers.add(session)
        if not polls:
            try:
                return session.handle_get_request(environ, start_response)
            finally:
                # It is over, also where it never began.
                session.close(wait=False, abort=True, reason=self.reason.TRANSPORT_CLOSE)
        session.polls, session.connected = Polls(self.concurrency), True
        session.is_python = is_python(environ)
        headers: Headers = []
        if self.cookie:
            cookie = self.cookie if isinstance(self.cookie, dict) else {"name": self.cookie, "path": "/"}
            headers.append(("Set-Cookie", self._generate_sid_cookie(sid, {"SameSite": "Lax", **cookie})))
        return self._text(environ, start_response, encoded(session.poll()), headers)

    def _session(self, request: EngineRequest) -> Any:
        session = self.sockets.get(request.sid)
        if session is None or session.closed or not session.connected:
            raise requests.unknown_session()
        if request.transport == "polling":
            if session.upgraded:
                raise requests.bad("the session is on a WebSocket now")
        elif session.upgraded or session.upgrading:
            raise requests.bad("the session has its WebSocket already")
        elif request.method != "GET" or not self.allow_upgrades:
            raise requests.bad("sessions of this server are not upgraded")
        return session

    def _polled(self, session: Any, request: EngineRequest) -> bytes:
        try:
            payload: bytes = session.polls.answer(request.stamp, session.next_payload)
        except SecondPoll:
            # The other one is answered with CLOSE ("HTTP long-polling": one GET at a time).
            session.break_off("a second poll", limit="polls")
            raise requests.closed("one poll at a time") from None
        except QueueEmpty:
            if session.upgraded:
                return EMPTY  # Its client is elsewhere now, and well.
            session.close(wait=False, abort=True, reason=self.reason.TRANSPORT_ERROR)
            raise requests.unknown_session() from None
        return payload

    def _post(self, session: Any, environ: dict[str, Any], stamp: str | None) -> None:
        """Handle what a client posts, in order. What is no payload costs it the session, and nothing of it is done."""
        try:
            body = posted(environ, most=self.max_http_buffer_size)
        except BadPacket as exc:
            session.break_off(str(exc), limit=exc.limit)
            raise requests.closed(str(exc)) from None
        if body is None:
            session.break_off("a payload that is too large", limit="message_bytes")
            raise requests.too_large(self.max_http_buffer_size)
        if session.polls.is_repeated(stamp, body):
            return
        if session.polls.posting:
            session.break_off("a second post", limit="polls")
            raise requests.closed("one POST at a time")
        session.polls.posting = True
        try:
            for one in read_payload(body):
                session.receive(one)
                if session.broken:
                    raise BadPacket(session.broken)
                if session.closed:
                    return
        except (BadPacket, EngineIOError) as exc:
            session.break_off(str(exc), limit=getattr(exc, "limit", "packets"))
            raise requests.closed(str(exc)) from None
        finally:
            session.polls.posting = False

    def _text(self, environ: Any, start_response: Any, body: bytes, headers: Headers | None = None) -> list[bytes]:
        headers = [*(headers or ()), ("Content-Type", "text/plain; charset=UTF-8"), ("Cache-Control", "no-store")]
        if self.http_compression and len(body) >= self.compression_threshold:
            accepted = [one.split(";")[0].strip() for one in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]
            method = next((one for one in accepted if one in self.compression_methods), None)
            if method is not None:
                body = getattr(self, f"_{method}")(body)
                headers.append(("Content-Encoding", method))
        return self._answer(environ, start_response, "200 OK", headers, body)

    def _answer(self, environ: Any, start_response: Any, status: str, headers: Headers, body: bytes) -> list[bytes]:
        cors = [] if status.startswith("403") else self._cors_headers(environ)
        length = [] if status.startswith("204") else [("Content-Length", str(len(body)))]
        start_response(status, [*headers, *length, *cors])
        return [body]
