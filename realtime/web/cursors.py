"""Where a page stands in the log: a cursor from before anything of the page was read from a database.

What is published after it reaches the page's subscription, so that nothing is missing between the state that was
rendered and the first event. This file may not know rooms' contents.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from flask import Flask, g, has_app_context, request

from ..bus.base import Bus
from ..errors import RealtimeError
from ..hub.hub import Hub
from ..message import UNKNOWN, Position
from ..names import check_room

_NOTED: Final = "_realtime_cursor"


class Cursors:
    """Gives each request one cursor.

    At a request's start it is noted how far this process has followed the log. That costs nothing, and is never after
    what the page is going to read. A process that does not follow yet begins at its first request.

    Args:
        app: the application.
        bus: whose log it is.
        hub: knows how far this process is.
        ready: makes sure that this process follows the bus.
        passing: names of blueprints that render no pages.
    """

    def __init__(self, app: Flask, *, bus: Bus, hub: Hub, ready: Callable[[], None], passing: frozenset[str]) -> None:
        self._bus = bus
        self._hub = hub
        self._ready = ready
        self._passing = passing
        self._tried_in = self._followed_in = 0
        app.before_request(self._note)
        app.jinja_env.globals["realtime_cursor"] = self.of

    def of(self, *rooms: str) -> str:
        """The cursor of this request, for these rooms or any others: ids of all rooms are in one order."""
        for room in rooms:
            check_room(room)
        noted: Position | None = g.get(_NOTED) if has_app_context() else None
        if noted is UNKNOWN:
            self._follow()
        return str(self.take() if noted is None else noted)

    def take(self) -> Position:
        """The log's newest position, asked for now; from here on it is this context's cursor."""
        self._follow()
        # Asked of the log itself: this process may be a moment behind what another has published.
        position = self._bus.latest((), limit=0).cursor
        if has_app_context():
            setattr(g, _NOTED, position)
        return position

    def _follow(self) -> None:
        self._ready()
        self._followed_in = os.getpid()

    def _note(self) -> None:
        if request.blueprint in self._passing or request.endpoint == "static":
            return
        pid = os.getpid()
        if self._followed_in != pid:
            # Should the log be back when the page is rendered, nobody could say what the page has missed.
            setattr(g, _NOTED, UNKNOWN)
            if self._tried_in == pid:
                return
            # Once: pages are not to wait for a log that is away.
            self._tried_in = pid
            try:
                self._follow()
            except RealtimeError:
                return
        setattr(g, _NOTED, self._hub.position)
