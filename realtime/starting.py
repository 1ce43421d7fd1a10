"""Starting: from the first use on, each process follows the bus by itself, or is told why it may not.

This file may not know what the bus carries.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from flask import has_request_context, request

from .adopted import check_patched
from .bus.base import Bus
from .concurrency import Concurrency
from .errors import BusUnavailable, ConfigError
from .hub.hub import Hub
from .seldom import Seldom
from .web.presence import Presence
from .web.servers import check_alone


class Starting:
    """Whether this process follows the bus.

    Args:
        bus: which.
        hub: is given what it brings.
        concurrency: for its lock, and how this application runs several things at once.
        engine: the Engine.IO server, with the sessions of this process.
        presence: told of a fork, where there is any.

    Attributes:
        check: raises where the application was changed since in a way that would part it from the log.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        hub: Hub,
        concurrency: Concurrency,
        engine: Any,
        presence: Presence | None,
    ) -> None:
        self.check: Callable[[], None] = lambda: None
        self._bus = bus
        self._hub = hub
        self._mode = concurrency.mode
        self._engine = engine
        self._presence = presence
        self._lock = concurrency.lock()
        self._sure_in = self._started_in = 0
        self._failed_at = 0.0
        self._parted: ConfigError | None = None
        self._doubts = Seldom(logging.getLogger(__name__))

    def ready(self) -> None:
        """Follow the bus in this process, from now on. Late, so that it works after a fork and under the reloader.

        Raises:
            BusUnavailable: it cannot be reached; the next call tries again.
            ConfigError: a SocketIO was initialised for the application after Realtime; or it uses gevent and Redis in a
                process that is not patched; or this is a fork of a process that serves memory://, or one of several
                that do.
        """
        if self._sure_in == os.getpid():
            return
        served = has_request_context()
        self._check_alone(served=served)
        if self._started_in != os.getpid():
            self._start()
        if served or self._bus.shared:
            self._sure_in = os.getpid()

    def _check_alone(self, *, served: bool) -> None:
        """The first request says what server this is. From then on also who publishes outside of any is told."""
        if served and self._parted is None and not self._bus.shared:
            try:
                check_alone(request.environ)
            except ConfigError as exc:
                self._parted = exc
        if self._parted is not None:
            raise ConfigError(self._parted.message)

    def _start(self) -> None:
        self.check()
        check_patched(self._mode, shared=self._bus.shared)
        asked = time.monotonic()
        with self._lock:
            if self._started_in == os.getpid():
                return
            if self._failed_at > asked:
                # Somebody tried while this caller waited. Trying in turn, the last of many would wait for minutes.
                raise BusUnavailable("the bus cannot be reached")
            if self._started_in:
                self._forked()
            try:
                self._bus.start(self._hub)
            except BusUnavailable as exc:
                self._failed_at = time.monotonic()
                self._doubts.warn("whatever needs the bus is refused with 503: %s", exc.message)
                raise
            self._started_in = os.getpid()

    def _forked(self) -> None:
        """This process was forked from one that followed the bus. That one's clients are its own business."""
        inherited = tuple(self._hub.connections)
        if inherited and not self._bus.shared:
            raise ConfigError(
                "this process was forked from the one that serves memory://, and what it publishes would reach nobody; "
                "publish from the server's process, or set REALTIME_BUS_URL=redis://…"
            )
        # They are not gone, so that nobody is told they were; and whatever is closed here must not close them.
        tell, self._hub.on_connection = self._hub.on_connection, lambda _connection, _opened: None
        for connection in inherited:
            self._hub.detach(connection)
        self._hub.on_connection = tell
        sockets = self._engine.sockets
        for socket in tuple(sockets.values()):
            socket.give_back()
        sockets.clear()
        if self._presence is not None:
            self._presence.forked()
