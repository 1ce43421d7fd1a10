"""Short cuts past two libraries' layers for what clients say most besides PONG: CONNECT, ``join``, ``publish``.

What waits for nothing is done and answered where it was read. What waits for the log alone (``publish`` on a shared
bus) is begun there, and answered when the log has it; what else the client says waits behind it. Everything that is not
plainly right is left to the long way, which also refuses it. This file may not decide anything about rooms or messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from json.encoder import encode_basestring
from typing import Any, Final

from ..hub.connection import State
from ..message import encode_json
from ..wire.depth import is_too_deep
from .callerdoor import CallerDoor
from .connections import SocketConnections
from .eventpackets import EventPacket
from .greeter import Greeter

_DECODER: Final = json.JSONDecoder()
_AT_ONCE: Final = re.compile(r'42(\d{0,15})(?=\["(publish|join)",)')


class ShortCuts(CallerDoor):
    """The part of the Socket.IO server that is asked first, for each message of a socket that was handed over."""

    realtime_connections: SocketConnections
    realtime_greeter: Greeter

    def answer_at_once(self, socket: Any, message: str | bytes) -> bool:
        """Do what a client asks for and answer it, if that waits for nothing but the log.

        Returns:
            Whether it was done, or begun. If not, nothing was.
        """
        if not isinstance(message, str) or socket.closing or socket.sid in self._binary_packet:
            return False
        match = _AT_ONCE.match(message)
        if match is not None and match[2] == "publish" and self.manager.shared:
            return self._do_at_once(socket, message, match, self._begin)
        if socket.link.unanswered:
            return False
        if match is not None:
            return not self.manager.shared and self._do_at_once(socket, message, match, self._finish)
        return (message == "40" or message.startswith("40{")) and self._connect_at_once(socket, message[2:])

    def accept_at_once(self, eio_sid: str, namespace: str, accepted: dict[str, Any]) -> bool:
        socket = self.eio.sockets.get(eio_sid)
        if socket is None or socket.link is None or namespace != "/" or not issubclass(self.packet_class, EventPacket):
            return False
        if self.realtime_connections.of_engine(eio_sid) is not None:
            return False  # It is in rooms already: what these have for it is put in order below.
        members = ",".join([f'"{name}":{encode_basestring(value)}' for name, value in accepted.items()])
        socket.link.answer(f"40{{{members}}}")
        return True

    def _connect_at_once(self, socket: Any, data: str) -> bool:
        """CONNECT to the default namespace, where no code of the application has a say in it."""
        if self.asks_on_connect("/"):
            return False
        if self.realtime_greeter.active(self.environ[socket.sid], carrying=bool(data)):
            return False
        if is_too_deep(data, self.max_depth) or self.manager.sid_from_eio_sid(socket.sid, "/") is not None:
            return False  # It is refused below.
        try:
            auth = json.loads(data) if data else None
        except (ValueError, RecursionError):
            return False
        if (isinstance(auth, dict) and "pid" in auth) or self.connects_too_often(socket.sid):
            return False  # It comes back, and where from has to be looked up; or it comes too often.
        self._handle_connect(socket.sid, None, auth)
        return True

    def _do_at_once(self, socket: Any, message: str, match: re.Match[str], do: Callable[..., bool]) -> bool:
        handler = self.handlers.get("/", {}).get(match[2])
        if handler is None or not getattr(handler, "realtime", False):
            return False
        sid = self.manager.connected(socket.sid)
        if sid is None or handler.may_wait(self.environ.get(socket.sid, {})):
            return False
        if is_too_deep(message, self.max_depth):
            return False
        try:
            said, end = _DECODER.raw_decode(message, match.end(1))
        except (ValueError, RecursionError):
            return False  # It is refused below.
        return end == len(message) and do(socket, match, handler, sid, said[1:])

    def _finish(self, socket: Any, match: re.Match[str], handler: Any, sid: str, arguments: list[Any]) -> bool:
        """What waits for nothing at all."""
        number, joins = match[1], match[2] == "join"
        if joins and not self._joins_at_once(sid, arguments):
            return False
        text = _written(self.refused(socket.sid) or handler.alone(sid, *arguments))
        if number:
            socket.link.answer(f"43{number}[{text}]")
        connection = self.realtime_connections.of_engine(socket.sid)
        if joins and connection is not None:
            connection.answered(arguments[0])
        return True

    def _begin(self, socket: Any, match: re.Match[str], handler: Any, sid: str, arguments: list[Any]) -> bool:
        """What waits for a shared log."""
        if not self.manager.settled or not socket.link.begin():
            return False
        done, refused = partial(self._begun, socket.link, match[1]), self.refused(socket.sid)
        handler.begin(sid, *arguments, done=done) if refused is None else done(refused)
        return True

    @staticmethod
    def _begun(link: Any, number: str, answer: dict[str, Any]) -> None:
        if number:
            link.answer(f"43{number}[{_written(answer)}]")
        link.done()

    def _joins_at_once(self, sid: str, arguments: list[Any]) -> bool:
        """Whether a join reads nothing from the log and finds nobody who is just reading it."""
        if len(arguments) != 1 or not isinstance(arguments[0], dict):
            return True  # It is refused, which takes no time.
        connection = self.realtime_connections.get(sid)
        free = connection is None or (connection.state is State.LIVE and not connection.held)
        free = free and self.manager.settled
        return free and arguments[0].get("after") is None and not arguments[0].get("history")


def _written(answer: dict[str, Any]) -> str:
    """An answer as JSON. Nearly all are that a message has its id, in which there is nothing to escape."""
    if len(answer) == 2 and "id" in answer:
        return f'{{"ok":true,"id":"{answer["id"]}"}}'
    return encode_json(answer)
