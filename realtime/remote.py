"""A running server, asked over its own HTTP doors: what commands use where the log lives inside that server.

Nothing but the standard library, so that it also works where the package's server does not run. It keeps no state but
the place in a stream.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from .errors import RealtimeError
from .wire.sse import Decoder, Event

_ANSWER_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 60.0
"""Longer than any heartbeat that makes sense: a stream that is silent for so long is dead."""
_BLOCK: Final = 65536
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110, 5.6.2."""


class RemoteError(RealtimeError):
    """The server cannot be reached, or it refused.

    Attributes:
        answered: the status of its refusal, or ``None``.
    """

    status = 502
    code = "remote"

    def __init__(self, message: str, *, answered: int | None = None) -> None:
        super().__init__(message)
        self.answered = answered


class RemoteServer:
    """A server's HTTP doors.

    Args:
        url: ``http://…`` or ``https://…``, with the path below which the doors are, if they are not at the root.
        headers: sent with every request, such as ``Authorization``.

    Raises:
        RemoteError: not such a URL, or not such headers.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RemoteError(f"not a server's URL: {url!r}; one looks like http://127.0.0.1:5000")
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, port
        self.netloc = parts.netloc.rpartition("@")[2]
        self.path = parts.path.rstrip("/")
        # As it may be shown: a name and password (RFC 3986, userinfo) travel in a header instead.
        self.url = f"{parts.scheme}://{self.netloc}{self.path}"
        self.headers = dict(headers or {})
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self.headers.setdefault("Authorization", f"Basic {b64encode(login).decode()}")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise RemoteError(f"not a header: {name!r}; one looks like 'Authorization: Bearer …'")

    def publish(self, room: str, data: object, *, event: str = "message", key: str | None = None) -> str:
        """Publish one message; return its id.

        Raises:
            RemoteError: the server refused it, with its reason, or cannot be reached.
        """
        body: dict[str, Any] = {"event": event, "data": data}
        if key is not None:
            body["key"] = key
        return str(self._json("POST", self._messages(room), json.dumps(body).encode(), has="id")["id"])

    def history(self, room: str, *, after: str | None = None, limit: int = 50) -> dict[str, Any]:
        """``{"messages": […], "cursor", "recovered"}``, as the server answers it.

        Raises:
            RemoteError: as ``publish``.
        """
        query = {"limit": str(limit)} | ({"after": after} if after else {})
        answer: dict[str, Any] = self._json("GET", f"{self._messages(room)}?{urlencode(query)}", has="messages")
        return answer

    def follow(
        self, rooms: Sequence[str], *, after: str | None = None, history: int = 0
    ) -> Generator[Event, None, None]:
        """The events of a stream, for ever: where it ends, it is asked for again from the last id on.

        Raises:
            RemoteError: the first attempt failed, or the server refused.
        """
        cursor, decoder, followed = after, Decoder(), False
        while True:
            connection = self.connect(timeout=_SILENCE_SECONDS)
            asked = {"history": str(history)} if history and cursor is None else {}
            try:
                response = self.open_stream(connection, rooms, after=cursor, **asked)
                decoder, followed = Decoder(), True
                while chunk := response.read1(_BLOCK):
                    for event in decoder.feed(chunk):
                        if not _is_json(event.data):
                            raise self._stranger(response.status)
                        # Before the first message it is the opening that says where the stream stands.
                        opened = event.event == "realtime.ready" and not cursor
                        cursor = json.loads(event.data)["cursor"] if opened else event.id or cursor
                        yield event
            except RemoteError as exc:
                if not followed or (exc.answered or 0) < 500:
                    raise
            except (OSError, http.client.HTTPException) as exc:
                if not followed:
                    raise RemoteError(f"{self.url} cannot be reached: {str(exc) or type(exc).__name__}") from exc
            finally:
                connection.close()
            time.sleep((decoder.retry or 2000) / 1000)

    def connect(self, *, timeout: float = _ANSWER_SECONDS) -> http.client.HTTPConnection:
        """A connection, not opened yet; a time-out of so many seconds on each step."""
        if self.secure:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=timeout, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def open_stream(
        self, connection: http.client.HTTPConnection, rooms: Sequence[str], *, after: str | None = None, **query: str
    ) -> http.client.HTTPResponse:
        """Ask for an event stream; return the response, whose body is not read yet.

        Raises:
            RemoteError: the server refused.
            OSError, http.client.HTTPException: it cannot be reached.
        """
        pairs = [("room", room) for room in rooms] + list(query.items())
        headers = self.headers | {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        connection.request("GET", f"{self.path}/events?{urlencode(pairs)}", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise self._refusal(response, response.read())
        if response.headers.get_content_type() != "text/event-stream":
            raise self._stranger(response.status)
        return response

    def _messages(self, room: str) -> str:
        return f"{self.path}/rooms/{quote(room, safe='')}/messages"

    def _json(self, method: str, target: str, body: bytes | None = None, *, has: str) -> Any:
        connection = self.connect()
        headers = self.headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status >= 300:
                raise self._refusal(response, answer)
            value = json.loads(answer) if _is_json(answer) else None
            if not isinstance(value, dict) or has not in value:
                raise self._stranger(response.status)
            return value
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise RemoteError(f"{self.url} cannot be reached: {str(exc) or type(exc).__name__}") from exc
        finally:
            connection.close()

    def _refusal(self, response: http.client.HTTPResponse, body: bytes) -> RemoteError:
        elsewhere = response.getheader("Location")
        if 300 <= response.status < 400 and elsewhere:
            said = f"it sends us to {elsewhere}; name that address, or log in by --header"
        else:
            try:
                said = str(json.loads(body)["error"]["message"])
            except (ValueError, KeyError, TypeError):
                return self._stranger(response.status)
        return RemoteError(f"{self.url} answered {response.status}: {said}", answered=response.status)

    def _stranger(self, status: int) -> RemoteError:
        said = "which is no answer of realtime; is this its address?"
        return RemoteError(f"{self.url} answered {status}: {said}", answered=status)


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
