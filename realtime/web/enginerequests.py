"""Which HTTP requests Engine.IO answers, and how it refuses the others (Engine.IO protocol 4, "HTTP long-polling").

A refusal has a shape for both readers: Engine.IO clients find the reference implementation's ``code`` (a number) and
``message``, everybody else this project's ``error``. This file does no I/O and knows no session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from ..errors import RateLimited
from ..serve.handshake import asks_for_websocket

_MESSAGES: Final = (
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
)
UNKNOWN_TRANSPORT, UNKNOWN_SID, BAD_METHOD, BAD_REQUEST, FORBIDDEN, UNSUPPORTED_VERSION = range(6)
_TOO_LARGE: Final = 413
_STATUS: Final = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    413: "413 Content Too Large",
    429: "429 Too Many Requests",
}


class RequestRefused(Exception):
    """The request is answered with an error.

    Args:
        number: the reference implementation's number for it.
        text: what was wrong and what is allowed, for people.
        code: a stable word for programs.
        status: of HTTP.
        limit: what it counts as; ``None`` for nothing, or where it was counted.
        retry_after: seconds after which it may be asked again.
    """

    def __init__(
        self,
        number: int,
        text: str,
        *,
        code: str = "malformed",
        status: int = 400,
        limit: str | None = "requests",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(text)
        self.limit = limit
        self.retry_after = retry_after
        self.number = number
        self.code = code
        self.status = _STATUS[status]

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        return json.dumps({"code": self.number, "message": _MESSAGES[self.number], "error": error}).encode()


def forbidden() -> RequestRefused:
    """A page of a foreign origin asked."""
    text = "pages of this origin may not use this server; see REALTIME_ALLOWED_ORIGINS"
    return RequestRefused(FORBIDDEN, text, code="forbidden", status=403, limit="origins")


def too_large(most: int) -> RequestRefused:
    """A body over what the OPEN packet announced as ``maxPayload``."""
    text = f"a payload may have {most} bytes"
    return RequestRefused(BAD_REQUEST, text, code="too_large", status=_TOO_LARGE, limit=None)


def too_many(error: RateLimited) -> RequestRefused:
    """The client may not have one more, or not so much of it."""
    return RequestRefused(
        FORBIDDEN, error.message, code=error.code, status=429, limit=None, retry_after=error.retry_after
    )


def unknown_session() -> RequestRefused:
    """It never was, was closed, or its client did not answer pings."""
    text = "there is no such session (any more): begin a new one"
    return RequestRefused(UNKNOWN_SID, text, code="unknown_session", limit=None)


def bad(text: str) -> RequestRefused:
    """Any other fault of a request."""
    return RequestRefused(BAD_REQUEST, text)


def closed(text: str) -> RequestRefused:
    """A fault for which the session was closed, and counted."""
    return RequestRefused(BAD_REQUEST, f"{text}: the session is closed", limit=None)


class EngineRequest(NamedTuple):
    """A request that is in order by itself.

    Attributes:
        method: ``GET`` or ``POST``.
        transport: ``polling`` or ``websocket``.
        sid: the session it belongs to; ``None`` asks for a new one.
        stamp: its ``t``, by which a browser's repetition of the same request is known.
    """

    method: str
    transport: str
    sid: str | None
    stamp: str | None


def checked(environ: Mapping[str, Any], *, transports: list[str]) -> EngineRequest:
    """Read a request. The order of the rules is the reference implementation's.

    Args:
        environ: WSGI's.
        transports: those that the server has.

    Raises:
        RequestRefused: a rule is broken.
    """
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    transport, sid = _only(query, "transport"), _only(query, "sid")
    if transport not in transports:
        raise RequestRefused(UNKNOWN_TRANSPORT, f"transport is {' or '.join(transports)}", code="unknown_transport")
    if _only(query, "EIO") != "4":
        text = "this server speaks Engine.IO protocol 4 only: EIO=4 (socket.io-client 3 or newer)"
        raise RequestRefused(UNSUPPORTED_VERSION, text, code="unsupported_version")
    if "j" in query:
        raise bad("JSONP ended with protocol 3: leave out j")  # A foreign page could read it, cookies and all.
    method, upgrades = environ["REQUEST_METHOD"], asks_for_websocket(environ)
    if sid is None and method != "GET":
        raise RequestRefused(BAD_METHOD, "a session begins with GET", code="bad_method")
    if method not in {"GET", "POST"}:
        raise bad("a session is read with GET and written with POST")
    if (transport == "websocket") != upgrades:
        raise bad("transport=websocket asks for an upgrade to websocket, and transport=polling does not")
    return EngineRequest(method, transport, sid, _only(query, "t"))


def _only(query: Mapping[str, list[str]], name: str) -> str | None:
    values = query.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise bad(f"{name} may come once only")
    return values[0]
