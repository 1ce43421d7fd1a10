"""Abuse: a connection of which too much is refused, again and again, is closed with a reason.

Counted only where something is refused: who keeps to the rates costs nothing here. This file may not know the rates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from ..errors import RateLimited

_REFUSED: Final = "realtime.refused"
"""Under this key of a Socket.IO client's environment is since when how many of its events were refused."""
_PATIENCE: Final = 0.5
"""Seconds that a client has to fetch its last event by polling."""
_LOOK: Final = 0.02


class Abuse:
    """Closes connections that do not heed what they are told.

    Args:
        most: events that may be refused within the window; 0 closes nothing.
        window: seconds.
        close: closes the connection of an Engine.IO session; the error says why, and for how long its client should
            stay away. It may not block.
        clock: seconds, of any origin, that only go forward.
    """

    def __init__(
        self,
        most: int,
        window: float,
        *,
        close: Callable[[str, RateLimited], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._window, self._close, self._clock = most, window, close, clock

    def refused(self, eio_sid: str, environ: MutableMapping[str, Any]) -> None:
        """One more event of a session was refused; it is counted in its handshake's environment."""
        if not self._most:
            return
        now = self._clock()
        since, count = environ.get(_REFUSED, (now, 0))
        if now - since > self._window:
            since, count = now, 0
        count += 1
        environ[_REFUSED] = since, count
        if count == self._most:
            text = f"{count} events were refused within {self._window:g} seconds"
            self._close(eio_sid, RateLimited(text, retry_after=max(1, round(self._window))))


def expel(server: Any, eio_sid: str, error: RateLimited) -> None:
    """Send a Socket.IO client away: it is told why, and when it may come back, and its connection is closed.

    A WebSocket with 1008 (RFC 6455, 7.4.1), long polling with CLOSE. It may wait for a moment, and run code of the
    application: in a task of its own.

    Args:
        server: the Socket.IO server.
        eio_sid: its Engine.IO session id.
        error: what was too much.
    """
    session = server.eio.sockets.get(eio_sid)
    if session is None:
        return
    if server.manager.sid_from_eio_sid(eio_sid, "/") is not None:
        data = {"retry": 1000 * (error.retry_after or 1), "reason": error.code}
        server._send_packet(eio_sid, server.packet_class(data=["realtime.closing", data], namespace="/"))
        _wait_for_a_poll(server, session)
    session.break_off(error.message, limit="abuse")


def _wait_for_a_poll(server: Any, session: Any) -> None:
    """Until everything was fetched, and by long polling until the next poll waits: it is answered with CLOSE."""
    deadline, seen = time.monotonic() + _PATIENCE, False
    while not session.closed and time.monotonic() < deadline:
        server.sleep(_LOOK)
        polls = session.polls
        ready = not session.queue.qsize() and (polls is None or session.upgraded or polls.waiting)
        if ready and seen:
            return
        seen = ready
