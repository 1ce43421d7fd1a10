"""An event stream whose response ends: with its first news, or before it is too large, for clients that need an end.

Old browsers show nothing of a response before it is whole, and some keep all of its text. What such a client misses
between two responses it asks for with the last id, which each response therefore says, also when it had no message.
This file knows the hub and the SSE format, but no framework and no socket.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from ..wire import sse
from .stream import EventStream

_END: Final = b"\n\n"
_CONTROL: Final = b"event: realtime."
_NO_NEWS: Final = (b'event: realtime.ready\ndata: {"recovered":true', b":", b"retry:")
_LAST_ID_BYTES: Final = 64


class EndingStream:
    """The body of one response: a stream's blocks up to an end.

    It is sent by the server like any body, at the price of a thread or greenlet: its socket is not given away.

    Args:
        stream: not started yet. Of one that ends with its news the heartbeat is how long it waits for them.
        most: bytes of body that its client can take: the response ends before them, with one message at least.
        polled: it ends with the first news, or where a heartbeat would come.
        bare: its client understands neither control events nor comments, and takes any block for a message.
    """

    def __init__(
        self, stream: EventStream, *, most: int | None = None, polled: bool = False, bare: bool = False
    ) -> None:
        self._stream = stream
        stream.ends = True
        self._most = most
        self._polled = polled
        self._bare = bare
        self._size = 0
        self._news = 0
        self._full = False

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.closing(iter(self._stream)) as pieces:
            for piece in pieces:
                over = self._polled and piece == sse.HEARTBEAT
                taken = b"".join(self._taken(piece))
                if taken:
                    yield taken
                if over or self._full or (self._polled and self._news):
                    break
        # A message that did not fit was taken from the hub all the same: its id would say that it was sent.
        if self._stream.greeted and not self._full and not self._bare:
            yield sse.last_id(self._stream.cursor)

    def close(self) -> None:
        """The server is done with it, also where it never began (PEP 3333). Harmless when repeated."""
        self._stream.close()

    def _taken(self, piece: bytes) -> Iterator[bytes]:
        for block in piece.split(_END)[:-1]:
            if self._bare and block.startswith((_CONTROL, b":")):
                continue
            size = self._size + len(block) + len(_END)
            if self._most is not None and self._news and size > self._most - _LAST_ID_BYTES:
                self._full = True
                return
            self._size = size
            self._news += not block.startswith(_NO_NEWS)
            yield block + _END
