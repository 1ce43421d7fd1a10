"""Clients that were away come back to a log that has moved on; and clients that change their transport."""

from __future__ import annotations

import asyncio

from .clients import ROOM, EventSourceClient, SocketIOClient
from .stage import Stage

_KEPT = 3


async def log_trimmed(stage: Stage) -> None:
    """What the clients missed is trimmed away before they are back."""
    async for _ in stage.turns(1):
        for client in stage.clients:
            client.leave()
        await stage.published(4 * _KEPT)
        for key in ("log", f"room:{ROOM}"):
            await asyncio.to_thread(stage.ask, "XTRIM", f"{{realtime}}:{key}", "MAXLEN", str(_KEPT))
        for client in stage.clients:
            client.come_back()
        stage.over()


class SwitchingClient(EventSourceClient, SocketIOClient):
    """One cursor, carried from WebSocket to event stream and back, to the other server each time."""

    _sse = True
    _switching = False

    async def _connect(self, port: int) -> None:
        self._switching = False
        self._sse = not self._sse
        await (EventSourceClient if self._sse else SocketIOClient)._connect(self, port)

    def switch(self) -> None:
        """Go on over the other transport. What was under way on this one is read again."""
        self._switching = True
        self.reset()

    def _pause(self) -> float:
        return 0.0 if self._switching else SocketIOClient._pause(self)


SWITCHING = (SwitchingClient, EventSourceClient, SwitchingClient, SocketIOClient)


async def switched(stage: Stage) -> None:
    """Some change their transport in the middle, and see what everybody sees."""
    async for _ in stage.turns(40):
        for client in stage.clients:
            if isinstance(client, SwitchingClient):
                client.switch()
        stage.over()
