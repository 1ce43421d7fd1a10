"""How a server ends: what both servers share besides the handler of requests. This file may not know what is served."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cached_property
from typing import Any

from .mounting import states
from .patience import Patience, Reading
from .poller import GeventPoller


class Draining:
    """Mixed into a server class: when it closes, connections that wait for a request are ended, those that serve one
    finish.

    Without it a browser's idle kept-alive connections hold up every shutdown until its time-out.
    """

    logs_requests = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[Reading] = set()
        self._pollers: dict[float, GeventPoller] = {}

    @cached_property
    def _state(self) -> Any:
        """Of the application, or of the first of several. What comes before a path is known is nobody's else."""
        return next(states(self.application), None)  # type: ignore[attr-defined]  # the server's

    @cached_property
    def patience(self) -> Patience:
        """The deadlines of requests, as the application's settings have them, where it has any."""
        if self._state is None:
            return Patience(head=10.0, body=30.0)
        return Patience(head=self._state.settings.head_timeout, body=self._state.settings.body_timeout)

    def refuse(self, limit: str) -> None:
        """Count a request that is refused before the application sees it, where that counts such things."""
        if self._state is not None:
            self._state.hub.counters.refuse(limit)

    def poller(self, heartbeat: float) -> GeventPoller:
        """The poller of this process for streams of one heartbeat. Made when it is first needed, so after any fork."""
        if heartbeat not in self._pollers:
            state = self._state
            more: Callable[[], bool] = (lambda: False) if state is None else (lambda: state.bus.expects_more)
            self._pollers[heartbeat] = GeventPoller(heartbeat=heartbeat, expects_more=more)
        return self._pollers[heartbeat]

    def close(self) -> None:
        """Accept nothing more and end what is idle."""
        super().close()  # type: ignore[misc]  # the mixed-in server's
        for handler in tuple(self.waiting):
            try:
                handler.socket.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # The client was quicker.

    def stop(self, timeout: float | None = None) -> None:
        """Close, and wait for what is being served. What clients are told last is written first."""
        for poller in self._pollers.values():
            poller.flush()
        super().stop(timeout=timeout)  # type: ignore[misc]  # the mixed-in server's
