"""The WebSocket handshake (RFC 6455, section 4): whether a request is one, and a WebSocket that is not answered yet.

This file does no I/O: whoever takes the WebSocket makes the handler answer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha1
from typing import Any, Final, Protocol

from .head import options

GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION: Final = "13"


Refusal = tuple[str, list[tuple[str, str]], bytes]


def asks_for_websocket(environ: Mapping[str, Any]) -> bool:
    """Whether the client asks for it. Without ``Connection: upgrade`` it does not (RFC 9110, 7.8)."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in options(environ.get("HTTP_CONNECTION", ""))
    )


def refusal(environ: Mapping[str, Any], http_version: str) -> Refusal | None:
    """Why a request for an upgrade cannot be followed: status, headers and text of the answer; ``None`` when it is one.

    Args:
        environ: the request; it asks to be upgraded to ``websocket``.
        http_version: ``HTTP/1.1``, or what the client speaks.
    """
    if http_version != "HTTP/1.1":
        return _refused("400 Bad Request", "a WebSocket begins with HTTP/1.1")
    if environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ:
        # What follows the head would be a body to a proxy and frames to this server.
        return _refused("400 Bad Request", "a handshake has no body")
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != VERSION:
        status, text, more = "426 Upgrade Required", f"the version of the protocol is {VERSION}", VERSION
        return _refused(status, text, ("Sec-WebSocket-Version", more))
    try:
        nonce = base64.b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip(), validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:  # RFC 6455, 4.1. The library's own check fails with 500.
        return _refused("400 Bad Request", "Sec-WebSocket-Key is not the base64 of 16 bytes")
    return None


def switching(key: str) -> bytes:
    """The head of the answer to a handshake (RFC 6455, 4.2.2).

    Args:
        key: its ``Sec-WebSocket-Key``.
    """
    accept = base64.b64encode(sha1((key.strip() + GUID).encode("latin-1")).digest())  # noqa: S324  RFC 6455 names it
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def _refused(status: str, text: str, *headers: tuple[str, str]) -> Refusal:
    return status, [("Content-Type", "text/plain"), *headers], f"{text}\n".encode()


class Upgrading(Protocol):
    """What is needed of the handler."""

    can_give: bool

    def upgrade(self) -> Any:
        """Answer the handshake; return the library's WebSocket."""

    def take_socket(self) -> Any:
        """Give the socket away, the answer still to be written."""

    def lend_socket(self) -> Any:
        """Lend it for as long as the application is called."""


class LateWebSocket:
    """``wsgi.websocket`` of a request whose handshake was not answered yet.

    Whoever uses it as the library's WebSocket makes it one. Whoever can do better takes the socket. When nobody does
    either, the application's response is sent: a refusal is an HTTP response, not a WebSocket that is closed.
    """

    def __init__(self, handler: Upgrading) -> None:
        self._handler = handler
        self._websocket: Any = None

    @property
    def can_give(self) -> bool:
        """Whether the socket can be taken."""
        return self._websocket is None and self._handler.can_give

    def take_socket(self) -> Any:
        """See ``Handler.take_socket``."""
        return self._handler.take_socket()

    def lend_socket(self) -> Any:
        """See ``Handler.lend_socket``."""
        return self._handler.lend_socket()

    def __getattr__(self, name: str) -> Any:
        if self._websocket is None:
            self._websocket = self._handler.upgrade()
        return getattr(self._websocket, name)
