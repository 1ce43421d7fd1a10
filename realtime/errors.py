"""Errors: whose fault it is, which status says so, and what to do next.

Every refusal in the package is one of these classes, so that the HTTP door, the Socket.IO acknowledgement and
the Python caller all tell the same story in the same words. This file may not import anything of the package.
"""

from __future__ import annotations

from typing import Any


class RealtimeError(Exception):
    """Base of every error that the package raises on purpose.

    Attributes:
        status: the HTTP status that carries this error.
        code: a stable word for programs; the message is for people and may change.
        retry_after: whole seconds after which trying again makes sense, or ``None``.
        limit: the limit that was exceeded, for the metrics, or ``None``.
    """

    status: int = 500
    code: str = "internal"
    limit: str | None = None

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        """The documented shape: ``{"code": …, "message": …}``."""
        return {"code": self.code, "message": self.message}


class MalformedRequest(RealtimeError):
    """The request cannot be read at all (client's fault)."""

    status = 400
    code = "malformed"


class Unauthorized(RealtimeError):
    """Nobody knows who this caller is, and not everybody may do this. Logging in may help."""

    status = 401
    code = "unauthorized"


class Forbidden(RealtimeError):
    """The request is well formed, but this caller may not do this."""

    status = 403
    code = "forbidden"


class KeyConflict(RealtimeError):
    """An idempotency key was used before, for a message with other content."""

    status = 409
    code = "key_conflict"


class MessageTooLarge(RealtimeError):
    """The message or body is over the configured size."""

    status = 413
    code = "too_large"
    limit = "message_bytes"


class UnsupportedMediaType(RealtimeError):
    """The body is not declared as JSON. Requiring it keeps plain HTML forms of other sites out."""

    status = 415
    code = "unsupported_media_type"


class InvalidValue(RealtimeError):
    """A value was understood but is outside what is allowed (client's fault).

    Attributes:
        path: where in the data (a JSONPath such as ``$.user.name``), or ``None`` where it is not about the data.
    """

    status = 422
    code = "invalid_value"

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path

    def as_dict(self) -> dict[str, Any]:
        """The documented shape, with ``path`` where there is one."""
        return super().as_dict() if self.path is None else {**super().as_dict(), "path": self.path}


class RateLimited(RealtimeError):
    """The client asks more often than it may. Nothing was done; trying again after ``retry_after`` seconds is safe."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, retry_after=retry_after)

    def as_dict(self) -> dict[str, Any]:
        """The documented shape, with ``retry_after``: an acknowledgement has no headers."""
        return {**super().as_dict(), "retry_after": self.retry_after}


class TooManyConnections(RateLimited):
    """Somebody has as many connections, or long polls, open as one may. Once one is closed, another one is welcome."""

    code = "too_many_connections"


class Refused(RealtimeError):
    """A hook of the application refuses a publication, in words and with a status of its own.

    Args:
        message: what the publisher is told.
        status: the HTTP status, from 400 to 499.
        code: a stable word for programs.
        retry_after: whole seconds after which trying again makes sense.

    Raises:
        ValueError: not such a status.
    """

    status = 403
    code = "refused"

    def __init__(
        self, message: str, *, status: int = 403, code: str = "refused", retry_after: int | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        # No error of this package: a hook that raises one refuses, and its author's mistake is no refusal.
        if type(status) is not int or not 400 <= status <= 499:
            raise ValueError(f"a refusal has a status from 400 to 499, not {status!r}")
        self.status = status
        self.code = code


class HookFailed(RealtimeError):
    """A hook of the application failed; it was logged, and nothing was published. The cause is chained to it.

    Clients are told that the server failed, and nothing of how.

    Args:
        said: for who runs the server: which hook, and how it failed. It is what ``str`` shows.
    """

    def __init__(self, said: str) -> None:
        super().__init__("the server failed; it was logged")
        self.args = (said,)


class BusUnavailable(RealtimeError):
    """The bus cannot be reached: the message was not accepted. Trying again with the same key is always safe."""

    status = 503
    code = "bus_unavailable"

    def __init__(self, message: str, *, retry_after: int | None = 1) -> None:
        super().__init__(message, retry_after=retry_after)


class NotDurable(BusUnavailable):
    """The message is in the log, but fewer replicas than ``REALTIME_DURABLE`` asks for have confirmed it in time.

    It may have been delivered, and may be lost if Redis fails over now. Trying again with the same key publishes
    nothing twice, and is answered with the id once the replicas have it.

    Attributes:
        id: the message's id.
    """

    code = "not_durable"

    def __init__(self, message: str, *, id: str) -> None:
        super().__init__(message)
        self.id = id

    def as_dict(self) -> dict[str, Any]:
        """The documented shape, with ``id``."""
        return {**super().as_dict(), "id": self.id}


class ConnectionClosed(RealtimeError):
    """The connection was closed by this server while something was still using it."""

    status = 503
    code = "closed"


class ConfigError(RealtimeError):
    """A setting is wrong. Raised at start, never later, with the key, what was read, and what is allowed."""

    code = "config"


def over(limit: str, error: RealtimeError) -> RealtimeError:
    """The error, for something that exceeds this limit."""
    error.limit = limit
    return error
