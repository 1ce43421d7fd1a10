"""Tells an application's signal receivers what happened to connections and to the bus, in the order it happened in.

Those who notice it may not wait and must not run code of the application: the signals are sent by a task that lives
only while there is something to tell. This file may not decide that something happened.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from blinker import NamedSignal
from flask import Flask

from ..concurrency import Concurrency
from ..hub.connection import Connection
from ..signals import bus_down, bus_up, connection_closed, connection_opened

_MAX_WAITING = 100_000
"""A receiver that hangs costs so many of its own signals at most, not the server's memory."""


class Announcer:
    """Sends the signals of one application.

    Args:
        app: the sender, whose context receivers have.
        concurrency: for the task.
    """

    def __init__(self, app: Flask, *, concurrency: Concurrency) -> None:
        self._app = app
        self._concurrency = concurrency
        self._waiting: deque[tuple[NamedSignal, dict[str, Any]]] = deque(maxlen=_MAX_WAITING)
        self._mutex = concurrency.mutex()
        self._running = False
        self._log = logging.getLogger(__name__)

    def connection(self, connection: Connection, opened: bool) -> None:
        """A connection began to read rooms, or is gone. Its rooms are still known."""
        signal = connection_opened if opened else connection_closed
        if signal.receivers:
            about = {"transport": connection.transport, "id": connection.id, "rooms": frozenset(connection.rooms)}
            self._later(signal, about)

    def bus(self, up: bool) -> None:
        """The bus was lost, or found again."""
        signal = bus_up if up else bus_down
        if signal.receivers:
            self._later(signal, {})

    def _later(self, signal: NamedSignal, about: dict[str, Any]) -> None:
        with self._mutex:
            self._waiting.append((signal, about))
            if self._running:
                return
            self._running = True
        self._concurrency.spawn(self._run, name="realtime-signals")

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._waiting:
                    self._running = False
                    return
                signal, about = self._waiting.popleft()
            for receiver in signal.receivers_for(self._app):
                try:
                    with self._app.app_context():
                        receiver(self._app, **about)
                except Exception:  # noqa: BLE001  one receiver's fault is not the next one's
                    self._log.exception("a receiver of %s failed", signal.name)
