"""Which connections of this process belong to which lane of the transport lab, and the knife that ends them.

A lane's requests carry its name, ``lane=`` and 128 random bits. A stream and a long poll are ended at the socket, as a
network does it; a Socket.IO session is dropped. This file may not end what carries another name, whatever became of a
descriptor's number since.
"""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

from flask import Flask, request

from .hangup import cut, socket_of

_NAME: Final = re.compile(r"[0-9a-f]{32}")
_MOST: Final = 256
"""Lanes that are remembered; the oldest is forgotten, and can only not be cut any more."""
_DOOMED: Final = 2.0
"""Seconds for which a lane that had nothing to cut waits for its cut: between two polls there is nothing."""
_STREAMS: Final = "realtime.events"


class Lanes:
    """The lanes of one application in this process.

    Args:
        socketio: the Socket.IO server (python-socketio's).
    """

    def __init__(self, socketio: Any) -> None:
        self._socketio = socketio
        # lane -> descriptor and inode of the socket: the number may be another's by the time of a cut, the inode not.
        self._sockets: OrderedDict[str, tuple[int, int]] = OrderedDict()
        # lane -> until when its next request is cut.
        self._doomed: OrderedDict[str, float] = OrderedDict()

    def is_name(self, lane: Any) -> bool:
        """Whether this can be a lane's name."""
        return isinstance(lane, str) and _NAME.fullmatch(lane) is not None

    def watch(self, app: Flask) -> None:
        """Take note of the lanes' requests."""
        app.before_request(self._note)
        app.teardown_request(self._forget)

    def cut(self, lane: str) -> int:
        """End the lane's connections, or if this process has none, its next request here within two seconds.

        Returns:
            How many there were.
        """
        ended = self._cut_socket(lane) + self._cut_sessions(lane)
        if not ended:
            self._doomed[lane] = time.monotonic() + _DOOMED
            if len(self._doomed) > _MOST:
                self._doomed.popitem(last=False)
        return ended

    def _note(self) -> None:
        if b"lane=" not in request.query_string:
            return
        lane, descriptor = request.args.get("lane"), socket_of(request.environ)
        if not self.is_name(lane) or descriptor is None:
            return
        with suppress(OSError):
            inode = os.fstat(descriptor).st_ino
            # Anew, so that the oldest stay in front.
            self._sockets.pop(str(lane), None)
            self._sockets[str(lane)] = (descriptor, inode)
            if len(self._sockets) > _MOST:
                self._sockets.popitem(last=False)
        if self._doomed and self._doomed.pop(str(lane), 0.0) > time.monotonic():
            self._cut_socket(str(lane))

    def _forget(self, _error: BaseException | None) -> None:
        # A stream goes on when its request's context is over. Another request's connection may next be anybody's.
        if b"lane=" in request.query_string and request.endpoint != _STREAMS:
            self._sockets.pop(request.args.get("lane", ""), None)

    def _cut_socket(self, lane: str) -> int:
        descriptor, inode = self._sockets.pop(lane, (-1, -1))
        try:
            if descriptor < 0 or os.fstat(descriptor).st_ino != inode:
                return 0
            cut(descriptor)
        except OSError:
            return 0
        return 1

    def _cut_sessions(self, lane: str) -> int:
        found = [
            self._socketio.eio.sockets.get(sid)
            for sid, environ in tuple(self._socketio.environ.items())
            if lane in parse_qs(environ.get("QUERY_STRING", "")).get("lane", ())
        ]
        sessions = [session for session in found if session is not None]
        for session in sessions:
            session.close(wait=False, abort=session.upgraded)
        return len(sessions)
