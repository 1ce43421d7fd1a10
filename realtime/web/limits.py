"""The rates of one application: what each user, address, connection and backend may do in a second, and who counts it.

Each is off where its setting is 0, and costs one comparison then. What is refused is counted by the limit's name. All
of it needs the client's request context, but for what is told whose it is. This file may not do what it limits.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import partial
from typing import Any

from flask import request

from ..bus.base import Bus
from ..concurrency import Concurrency
from ..config import Settings
from ..errors import RateLimited
from ..hub.log import Counters
from .abuse import Abuse
from .access import Gate
from .admission import Admission
from .allowance import Allowance
from .insistence import Insistence
from .rates import ConnectionRate, asker


class Limits:
    """Counts for one application.

    Args:
        settings: the rates.
        bus: where processes share them.
        gate: says who a client is.
        concurrency: for locks.
        counters: count what is refused.

    Attributes:
        abuse: closes connections that do not heed their rates.
        admission: what each may have open.
        counters: the same.
        publishing: whether messages are counted for who publishes them.
    """

    abuse: Abuse
    admission: Admission

    def __init__(
        self, settings: Settings, *, bus: Bus, gate: Gate, concurrency: Concurrency, counters: Counters
    ) -> None:
        self._gate = gate
        self.counters = counters
        self._insistence = Insistence(concurrency=concurrency)
        allowance = partial(Allowance, budgets=bus.budgets, concurrency=concurrency)
        rate = settings.publish_rate
        self._publishes = allowance("publishes", rate, text=f"you may publish {rate:g} messages a second")
        rate = settings.read_rate
        self._reads = allowance("reads", rate, text=f"you may read {rate:g} times a second")
        rate = settings.api_rate
        text = f"with this key or token you may publish {rate:g} messages a second"
        self._backends = allowance("backends", rate, text=text, size=settings.api_max_batch)
        self.publishing = bool(self._publishes.rate)
        rate = settings.event_rate
        text = f"a connection may send {rate:g} events a second"
        self._events = ConnectionRate("events", rate, settings.event_burst, text=text)
        rate = settings.join_rate
        # Whoever comes back joins all its rooms at once.
        burst, text = rate + settings.max_rooms_per_connection, f"a connection may join {rate:g} rooms a second"
        self._joins = ConnectionRate("joins", rate, burst, text=text)

    def event(self, eio_sid: str, environ: MutableMapping[str, Any] | None) -> None:
        """An Engine.IO session sends an event; its handshake's environment is ``None`` when it is over. Raises
        ``RateLimited``.
        """
        self._count(self._events, eio_sid, environ)

    def join(self, eio_sid: str, environ: MutableMapping[str, Any] | None) -> None:
        """It joins a room or connects to a namespace. Raises ``RateLimited``."""
        self._count(self._joins, eio_sid, environ)

    def publish(self, identity: Any) -> None:
        """A client publishes a message.

        Args:
            identity: who it is, where that was asked.

        Raises:
            RateLimited: it is one too many.
        """
        if self.publishing:
            self._take(self._publishes, self._asker(identity))

    def read(self) -> None:
        """A client reads what is kept. Raises ``RateLimited``."""
        if self._reads.rate:
            self._take(self._reads, self._asker(None))

    def backend(self, name: str, count: int) -> None:
        """Another backend publishes so many messages; its name is known. Raises ``RateLimited``."""
        if self._backends.rate:
            self._take(self._backends, name, count)

    def _count(self, rate: ConnectionRate, eio_sid: str, environ: MutableMapping[str, Any] | None) -> None:
        if rate.rate and environ is not None:
            try:
                rate.take(environ)
            except RateLimited:
                self.counters.refuse(rate.name)
                self.abuse.refused(eio_sid, environ)
                raise

    def _asker(self, identity: Any) -> str:
        return asker(self._gate.identity() if identity is None else identity, request.remote_addr)

    def _take(self, allowance: Allowance, who: str, count: int = 1) -> None:
        try:
            allowance.take(who, count)
        except RateLimited as exc:
            self.counters.refuse(allowance.name)
            exc.retry_after = self._insistence.wait(f"{allowance.name} {who}", exc.retry_after or 1)
            raise
