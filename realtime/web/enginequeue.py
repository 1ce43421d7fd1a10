"""What a session that polls is written to: Engine.IO's queue, telling when its writer comes back; or none at all.

This file may not know rooms.
"""

from __future__ import annotations

from typing import Any, Final

from .connection import SocketConnection


def feeding(kind: type) -> type:
    """A subclass of Engine.IO's queue class that tells the hub's connection when its writer comes back for more."""

    class FeedingQueue(kind):
        owner: SocketConnection | None = None

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            # Engine.IO's writer blocks here exactly when it has written everything that it took before.
            if block and self.owner is not None:
                self.owner.written()
            return super().get(block, timeout)

    return FeedingQueue


class NoQueue:
    """In place of the queue of a session that writes directly: nobody waits for what is put in."""

    def put(self, _pkt: Any) -> None:
        """A session that ends puts ``None`` for its writer."""

    def join(self) -> None:
        """Everything is written."""

    def qsize(self) -> int:
        """Nothing waits here."""
        return 0


NO_QUEUE: Final = NoQueue()
