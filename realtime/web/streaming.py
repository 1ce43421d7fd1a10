"""``Realtime.stream``: a response of one request's own events, made by a generator that keeps the request's context.

Nothing here goes through the bus. This file may not know what the events mean.
"""

from __future__ import annotations

import contextvars
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flask import Flask, Response, g, request
from flask.ctx import AppContext
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException

from ..arguments import seconds
from ..concurrency import Concurrency
from ..config import Settings
from ..errors import ConfigError, RealtimeError, TooManyConnections
from ..hub.log import Counters
from ..jitter import retry_ms
from ..wire import sse
from ..wire.yielded import END_ID, encode_event, encode_yielded
from . import origin
from .admission import Admission
from .dialects import padding, resumed_id
from .events import HEADERS
from .hangup import hang_up_of
from .http import error_code, error_response, foreign
from .pump import Pump
from .quota import Slot

_LOOK_SECONDS: Final = 0.5
_FAILED: Final = {"code": "internal", "message": "the server failed; it was logged"}


class Streams:
    """The streams of one application that are open in this process.

    Args:
        app: the application.
        settings: its settings.
        concurrency: for the generators.
        counters: count what is refused.
        admission: counts what is open.
    """

    def __init__(
        self, app: Flask, *, settings: Settings, concurrency: Concurrency, counters: Counters, admission: Admission
    ) -> None:
        self._admission = admission
        self._counters = counters
        self._app = app
        self._settings = settings
        self._concurrency = concurrency
        self._open: set[_Body] = set()
        self._log = logging.getLogger(__name__)

    def respond(self, source: Any, *, heartbeat: float | None = None) -> Response:
        """The response; see ``Realtime.stream``."""
        if inspect.isasyncgen(source) or inspect.isasyncgenfunction(source) or inspect.iscoroutinefunction(source):
            raise ConfigError("realtime.stream wants a plain generator, not an asynchronous one")
        if isinstance(source, str | bytes) or (not callable(source) and not isinstance(source, Iterable)):
            raise ConfigError(f"realtime.stream wants a generator or a function that makes one, not {source!r:.60}")
        if heartbeat is not None:
            seconds("heartbeat", heartbeat, least=0.05, most=300)
        try:
            prelude = sse.prelude(retry_ms=retry_ms(self._settings.retry), padding=padding())
            if not origin.is_allowed(request.environ, self._settings.allowed_origins):
                raise foreign()
        except RealtimeError as exc:
            _close(source)
            self._counters.told(exc)
            return error_response(exc)
        last = resumed_id()
        if last == END_ID:
            # The specification's way to say that there is nothing to come back for: EventSource stops for good.
            _close(source)
            return self._answered(Response(status=204, headers={"Cache-Control": "no-store"}))
        if request.method == "HEAD":
            _close(source)
            return self._answered(Response(status=200, headers=HEADERS))
        try:
            slot = self._admission.response()
        except TooManyConnections as exc:
            _close(source)
            return self._answered(error_response(exc))
        body = _Body(
            prelude,
            concurrency=self._concurrency,
            produce=self._producer(source, last),
            discard=lambda: _close(source),
            environ=request.environ,
            heartbeat=self._settings.heartbeat if heartbeat is None else heartbeat,
            within=self._open,
            slot=slot,
        )
        return self._answered(Response(body, status=200, headers=HEADERS))

    def close(self) -> None:
        """End the responses without saying that they are over: their clients come back elsewhere and go on."""
        for body in tuple(self._open):
            body.stop()

    def _answered(self, response: Response) -> Response:
        sender = request.headers.get("Origin")
        if sender:
            response.vary.add("Origin")
            response.headers["Access-Control-Allow-Origin"] = sender
            response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    def _producer(self, source: Any, last: str | None) -> Callable[[], Iterator[bytes]]:
        """What runs in the background. It takes the request's context along, and gives it back in its own time.

        The context is entered anew, so that what is torn down at a request's end is torn down a second time when the
        generator is over; ``g`` is the request's own.
        """
        context, values = request_ctx.copy(), g._get_current_object()
        surroundings = contextvars.copy_context()

        def produce() -> Iterator[bytes]:
            app_context = AppContext(self._app)
            app_context.g = values
            with app_context, context:
                yield from self._encoded(source, last)

        def within_surroundings() -> Iterator[bytes]:
            # A generator has the context of whoever steps it: each step, and its closing, is run in the request's.
            steps = produce()
            nothing = object()
            try:
                while (item := surroundings.run(next, steps, nothing)) is not nothing:
                    yield item  # type: ignore[misc]  # what is not `nothing` is bytes
            finally:
                surroundings.run(steps.close)  # type: ignore[attr-defined]

        return within_surroundings

    def _encoded(self, source: Any, last: str | None) -> Iterator[bytes]:
        failure: dict[str, Any] | None = None
        items: Any = None
        try:
            items = _called(source, last) if callable(source) else source
            for value in items:
                yield encode_yielded(value)
        except GeneratorExit:
            raise
        except Exception as exc:  # noqa: BLE001  whatever it is, the client is told that it is over
            failure = self._told(exc)
        finally:
            _close(items)
        if failure is not None:
            yield encode_event(failure, event="realtime.error")
        yield encode_event({"failed": failure is not None}, event="realtime.end", id_=END_ID)

    def _told(self, exc: Exception) -> dict[str, Any]:
        """What a client is told of an error: what was meant for it, else nothing of the inside, which is logged."""
        if isinstance(exc, RealtimeError) and exc.status < 500:
            return exc.as_dict()
        if isinstance(exc, HTTPException) and exc.code is not None and 400 <= exc.code <= 499:
            return {"code": error_code(exc), "message": exc.description or exc.name}
        self._log.error("a stream's generator failed; its client was told and the stream ended", exc_info=exc)
        return _FAILED


class _Body:
    """The response's body. The generator begins with the body's first step, after the view's own context is over."""

    def __init__(
        self,
        prelude: bytes,
        *,
        concurrency: Concurrency,
        produce: Callable[[], Iterator[bytes]],
        discard: Callable[[], None],
        environ: dict[str, Any],
        heartbeat: float,
        within: set[_Body],
        slot: Slot | None,
    ) -> None:
        self._slot = slot
        self._gone = hang_up_of(environ)
        self._prelude = prelude
        self._discard = discard
        self._within = within
        self._started = False
        look = min(_LOOK_SECONDS, heartbeat)
        self._pump = Pump(concurrency=concurrency, produce=produce, gone=self._gone, heartbeat=heartbeat, look=look)

    def __iter__(self) -> Iterator[bytes]:
        self._within.add(self)
        if self._slot is not None:
            self._slot.doubt(self._gone, self.close)
        # The headers leave with the first chunk: this one, before anything that could take time.
        yield self._prelude
        self._started = True
        yield from self._pump.run(sse.HEARTBEAT)

    def stop(self) -> None:
        """End the response, and the generator at its next yield."""
        self._pump.stop()

    def close(self) -> None:
        """The server is done with it, or its client is gone (PEP 3333)."""
        self._within.discard(self)
        if self._slot is not None:
            self._slot.free()
        self._pump.stop()
        if not self._started:
            self._discard()


def _called(source: Callable[..., Any], last: str | None) -> Any:
    """Call the application's function: with the last id if it wants one."""
    try:
        inspect.signature(source).bind(last)
    except (TypeError, ValueError):
        return source()
    return source(last)


def _close(source: Any) -> None:
    close = getattr(source, "close", None)
    if close is not None and isinstance(source, Iterator):
        close()
