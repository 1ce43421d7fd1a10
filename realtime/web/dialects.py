"""How clients that were not written for this server say things: the polyfills that people have in their pages.

Each query and header is one that such a client sends by itself. This file reads the request and decides nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import request

from .http import number

# What clients send by themselves when they reconnect: Yaffle's polyfill, amvtek's.
_RESUMING: Final = ("lastEventId", "evs_last_event_id")

_MAX_PADDING: Final = 16 * 1024
_DEFAULT_PADDING: Final = 2 * 1024
_MIN_BODY: Final = 16 * 1024
_MAX_BODY: Final = 1024 * 1024
_WAIT: Final = 25.0


class End(NamedTuple):
    """How a response must end that may not stay open.

    Attributes:
        wait: seconds that it may wait for its first news, and no longer; ``None`` for one that goes on after them.
        most: bytes of body that its client can take; ``None`` for any number.
        bare: its client takes every block for a message.
    """

    wait: float | None = None
    most: int | None = None
    bare: bool = False


def resumed_id() -> str | None:
    """The id with which a client comes back by itself. Headers come as Latin-1 (PEP 3333); browsers send UTF-8."""
    header = request.headers.get("Last-Event-ID")
    if header:
        return header.encode("latin-1", "replace").decode("utf-8", "replace")
    return next(filter(None, map(request.args.get, _RESUMING)), None)


def padding() -> int:
    """Bytes of comment that the client wants first: ``padding=true`` (Yaffle), ``padding=N``, ``evs_preamble=N``
    (amvtek).
    """
    if request.args.get("padding") == "true":
        return _DEFAULT_PADDING
    return int(max(number("padding", most=_MAX_PADDING), number("evs_preamble", most=_MAX_PADDING)))


def end(*, most_wait: float) -> End | None:
    """How the response must end, or ``None`` for a stream that stays open.

    ``wait=SECONDS`` says so; amvtek's polyfill by ``evs_buffer_size_limit=BYTES``; EventSource.js (Remy Sharp) and
    jquery.eventsource by ``X-Requested-With``. They show nothing before a response is whole, in the browsers that
    need them, and give one up after 50 seconds. A browser that sends ``Sec-Fetch-Mode`` needs neither: there somebody
    sends that header for another reason, and gets a stream.

    Args:
        most_wait: the setting.

    Raises:
        InvalidValue: a number that is none.
    """
    if "wait" in request.args:
        return End(wait=number("wait", most=most_wait))
    if "evs_buffer_size_limit" in request.args:
        return End(most=max(_MIN_BODY, int(number("evs_buffer_size_limit", most=_MAX_BODY))))
    marked = request.headers.get("X-Requested-With", "").lower() == "xmlhttprequest"
    if marked and "Sec-Fetch-Mode" not in request.headers:
        # jQuery's Accept is */*: it knows nothing of event streams but their data.
        return End(wait=min(_WAIT, most_wait), bare="text/event-stream" not in request.headers.get("Accept", ""))
    return None
