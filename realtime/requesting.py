"""The part of the extension's face that belongs to one request: its own event stream, and where its page stands.

Thin: the work is done in ``web.streaming`` and ``web.cursors``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from flask import Response, has_request_context, request

from .state import State
from .web.recovering import RECOVERED


class Requesting(ABC):
    """What ``Realtime`` says within a request."""

    @abstractmethod
    def _state(self) -> State: ...

    def cursor(self, *rooms: str) -> str:
        """Where the log stood before this request read anything: what its page subscribes from, so that it misses
        nothing.

        ::

            @app.get("/orders")
            def orders():
                return render_template("orders.html", orders=db.session.scalars(select(Order)).all())

            # and in the template's script:
            new EventSource("/events?room=orders&after={{ realtime_cursor("orders") }}")

        ``realtime_cursor`` in a template is this function. It is fixed at the start of the request, so that it may be
        called at any time in it: what is published from then on reaches the page, and what the page shows of it
        already reaches it again (apply changes by their row, not blindly). Elsewhere in an application context the
        first call fixes it, and without a context it is the newest position: call it before the database is read.
        A stream from it says ``recovered: true``; where the log was away when the request began, it says ``false``.

        Args:
            rooms: what the page will subscribe to; the cursor is good for every room.

        Raises:
            InvalidValue: not a room's name.
            BusUnavailable: the log cannot be asked, and this process did not follow it before.
        """
        return self._state().cursors.of(*rooms)

    def take_cursor(self) -> None:
        """Fix this request's cursor now, at the log's newest position: after own publications, before the database is
        read. It asks the log, once, where ``cursor`` alone costs nothing.

        ::

            orders.before_request(realtime.take_cursor)  # for all views of a Blueprint

        Raises:
            BusUnavailable: the log cannot be asked.
        """
        self._state().cursors.take()

    def recovered(self) -> bool:
        """Whether the Socket.IO client whose handler runs has come back to what it had, in its ``connect`` handler and
        later: the same ``request.sid``, its rooms, its session, and what it missed follows.

        ::

            @socketio.on("connect")
            def connected(auth):
                if not realtime.recovered():
                    join_room("news")

        False everywhere else.
        """
        return has_request_context() and bool(request.environ.get(RECOVERED, False))

    def stream(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]] | Callable[[str | None], Iterable[Any]],
        *,
        heartbeat: float | None = None,
    ) -> Response:
        """Answer this request with an event stream of its own: the progress of a long job, the words of a model.

        ::

            @app.get("/count")
            def count():
                def numbers(last_event_id):
                    for number in range(int(last_event_id or 0) + 1, 11):
                        yield StreamEvent(data={"number": number}, id=number)

                return realtime.stream(numbers)

        Inside, ``request``, ``session``, ``g`` and ``current_app`` are the view's for the generator's whole life (the
        session can be read; its cookie has left already). Teardown functions run once more when it is over. It runs
        beside the response, at most 16 items ahead of the client, so that a heartbeat is sent while it is silent.

        It yields text, which is sent as it is, a ``StreamEvent``, anything else with a JSON form, or ``None``, which
        sends nothing but lets it end where the client is gone: then it is closed (``GeneratorExit``) at its next
        yield. The client's leaving is noticed within half a second, or a heartbeat or two on servers that hide it.

        At its end the client gets ``realtime.end`` with ``{"failed": false}``; an error is logged, and told before that
        as ``realtime.error`` with ``{"code", "message"}``: ``internal`` and nothing more, unless it is one of this
        package or of ``flask.abort`` that is meant for the client. An EventSource that does not close itself at
        ``realtime.end`` comes back once, is answered 204, and stops. A stream that breaks without it, or whose server
        shuts down, is asked for again by the client with the last id.

        Args:
            source: a generator, or a function that makes one; it gets the client's last event id (``None`` at first)
                if it takes an argument.
            heartbeat: longest silence in seconds, from 0.05 to 300. Default: ``REALTIME_HEARTBEAT``.

        Raises:
            ConfigError: not a generator, or an asynchronous one.
            InvalidValue: not such a heartbeat.
            RuntimeError: there is no request.
        """
        return self._state().streams.respond(source, heartbeat=heartbeat)
