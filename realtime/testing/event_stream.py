"""An EventSource without a network: the application's own response, read chunk by chunk in the background.

What is parsed is the bytes that a browser would get. This file may not judge them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from werkzeug.test import TestResponse

from ..state import State
from ..wire.sse import Decoder, Event
from .reader import PATIENCE, Reader
from .wsgi import Wsgi, refusal


class EventStreamReader(Reader):
    """A subscriber of ``GET /events``.

    Args:
        state: the application's Realtime.
        wsgi: asks it.
        rooms: what to subscribe to.
        after: a cursor.
        history: without a cursor, how many of the newest messages come first.

    Raises:
        AccessRefused: it was not let in.
    """

    transport = "sse"

    def __init__(self, state: State, wsgi: Wsgi, rooms: Sequence[str], *, after: str | None, history: int) -> None:
        super().__init__(rooms, bus=state.bus, concurrency=state.concurrency)
        self._hub = state.hub
        before = set(self._hub.connections)
        query = [("room", room) for room in rooms]
        query += [("after", after)] if after is not None else []
        query += [("history", str(history))] if history else []
        response = wsgi.open("GET", "/events", query=query)
        if response.status_code != 200:
            raise refusal(response)
        self._opened, self._last = False, ""
        self._start(partial(self._read, response))
        if not self._wait(lambda: self._opened or self._ended is not None, PATIENCE) or not self._opened:
            raise AssertionError(f"the event stream did not open: {self._ended or 'nothing came'}")
        # The server's end of the stream, to end it from there: this end waits inside of it.
        self._connections = [one for one in self._hub.connections if one not in before and one.transport == "sse"]

    def close(self) -> None:
        self._end("closed by the test")
        for connection in self._connections:
            self._hub.detach(connection)
            connection.wake()
        self._join()

    def _read(self, response: TestResponse) -> None:
        decoder = Decoder()
        try:
            for chunk in response.iter_encoded():
                for event in decoder.feed(chunk):
                    self._take(event)
            self._end("the server ended the stream")
        except Exception as exc:  # noqa: BLE001  whatever it is, the test is told
            self._end(f"the stream failed: {exc!r}")
        finally:
            response.close()

    def _take(self, event: Event) -> None:
        data = json.loads(event.data)
        if event.event == "realtime.ready":
            self.recovered, self.cursor = data["recovered"], data["cursor"]
            self._opened = True
            self._something.set()
        elif event.event == "realtime.reset":
            self._reset()
        else:
            # An event without an id of its own, which is transient, bears the last one's.
            self._receive("" if event.id == self._last else event.id, event.event, data)
            self._last = event.id
