"""The way of a client to the server and back, proxies included: is an event stream held back, does a WebSocket open?

It does what any client may do, publishes nothing, and needs a little longer than one heartbeat.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

from ..errors import MessageTooLarge
from ..remote import RemoteError, RemoteServer
from ..wire.sse import Decoder, Event
from .finding import Finding, error, ok, warning

_ROOM: Final = "realtime-doctor"
_PROMPT: Final = 2.0
"""The first event is sent at once; later than this something holds it."""
_NGINX: Final = (
    "nginx: leave `proxy_buffering` to the answer's X-Accel-Buffering header, and `gzip off` (deploy/nginx.conf)"
)


def examine_way(server: RemoteServer, *, heartbeat: float) -> Iterator[Finding]:
    """Look at all of it.

    Args:
        server: the address as clients use it.
        heartbeat: the longest silence on a stream, as the server is configured.
    """
    yield from check_stream(server, heartbeat=heartbeat)
    yield from check_websocket(server)
    yield from check_path(server)


def check_stream(server: RemoteServer, *, heartbeat: float) -> Iterator[Finding]:
    """Open an event stream: the first event and then a heartbeat must come when they are sent."""
    check = "event stream"
    connection = server.connect(timeout=_patience(heartbeat))
    began = time.monotonic()
    try:
        response = server.open_stream(connection, [_ROOM])
        if coding := response.headers.get("Content-Encoding"):
            yield error(check, f"the proxy compresses it ({coding}), which holds events back", _NGINX)
        decoder, events = Decoder(), list[Event]()
        while not events:
            piece = response.read1(65536)
            if not piece:
                yield error(check, "the stream ended before its first event", "is the server shutting down?")
                return
            events = decoder.feed(piece)
        waited = time.monotonic() - began
        if waited > _PROMPT:
            yield error(check, f"the first event came after {waited:.1f} s: a proxy holds it back", _NGINX)
        else:
            yield ok(check, f"the first event came after {waited * 1000:.0f} ms")
        yield from _heartbeat(response, heartbeat=heartbeat)
    except TimeoutError:
        yield error(check, "nothing came, though it was sent: a proxy holds it back", _NGINX)
    except RemoteError as exc:
        yield error(check, exc.message, "is the address right? --header 'Authorization: …' if it asks who you are")
    except (OSError, http.client.HTTPException, MessageTooLarge) as exc:
        yield error(check, f"{server.url} cannot be reached: {exc}", "is it running, and is this its address?")
    finally:
        connection.close()


def _patience(heartbeat: float) -> float:
    """How long to wait for a heartbeat: what it takes, and what a slow way adds."""
    return heartbeat * 1.2 + 3


def _heartbeat(response: http.client.HTTPResponse, *, heartbeat: float) -> Iterator[Finding]:
    check, began = "heartbeat", time.monotonic()
    try:
        piece = response.read1(65536)
    except TimeoutError:
        yield error(
            check,
            f"none came within {_patience(heartbeat):.0f} s: a proxy holds small pieces back, or the server's "
            "REALTIME_HEARTBEAT is not this configuration's",
            _NGINX,
        )
        return
    if piece:
        yield ok(check, f"came after {time.monotonic() - began:.1f} s")
    else:
        yield error(
            check,
            f"the stream was ended after {time.monotonic() - began:.1f} s of silence",
            f"let the proxy wait longer than the heartbeat of {heartbeat:g} s (nginx: proxy_read_timeout 5m)",
        )


def check_websocket(server: RemoteServer) -> Iterator[Finding]:
    """Open a WebSocket as a page of this address would."""
    check = "websocket"
    connection = server.connect()
    origin = f"{'https' if server.secure else 'http'}://{server.netloc}"
    headers = server.headers | {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
        "Origin": origin,
    }
    try:
        connection.request("GET", f"{server.path}/socket.io/?EIO=4&transport=websocket", headers=headers)
        response = connection.getresponse()
        if response.status == 101:
            yield ok(check, "opens")
        elif response.status in {400, 403} and b"origin" in response.read().lower():
            yield error(
                check,
                f"a page of {origin} is taken for a stranger's: the proxy changes the Host header",
                "nginx: proxy_set_header Host $http_host; and X-Forwarded-Proto $scheme",
            )
        else:
            yield warning(
                check,
                f"the upgrade was answered with {response.status}: pages fall back to event streams",
                "nginx: proxy_http_version 1.1, Upgrade and Connection headers below /socket.io/ (deploy/nginx.conf)",
            )
    except (OSError, http.client.HTTPException) as exc:
        yield warning(
            check,
            f"it does not open: {str(exc) or type(exc).__name__}; pages fall back to event streams",
            "let the proxy pass Upgrade on below /socket.io/ (deploy/nginx.conf)",
        )
    finally:
        connection.close()


def check_path(server: RemoteServer) -> Iterator[Finding]:
    """Whether the application knows below which path it is: its pages send browsers there. Who does not tell is not
    asked about it.
    """
    check, connection = "path", server.connect()
    try:
        connection.request("GET", f"{server.path}/openapi.json", headers=server.headers)
        known = str(json.loads(connection.getresponse().read())["servers"][0]["url"]).rstrip("/")
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return
    finally:
        connection.close()
    if known == server.path:
        yield ok(check, f"below {known}" if known else "the root")
        return
    if server.path:
        mend = (
            f"nginx: proxy_set_header X-Forwarded-Prefix {server.path}; and app.wsgi_app = ProxyFix(app.wsgi_app, "
            f"x_prefix=1); or let it pass the whole address on, and start with SCRIPT_NAME={server.path} "
            "(docs/guides/deployment.md)"
        )
    else:
        mend = 'let the proxy set that header itself, here to nothing (nginx: proxy_set_header X-Forwarded-Prefix "";)'
    yield error(check, f"it is at {server.path or '/'}, and sends browsers to {known or '/'}", mend)
