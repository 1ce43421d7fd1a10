"""Whether a request's client has hung up, asked of the socket without waiting and without taking anything from it; and
hanging up on it.

The WSGI specification (PEP 3333) has no word for it: these are the servers' own ways to the socket. This file may not
read or write.
"""

from __future__ import annotations

import _socket
from collections.abc import Callable
from typing import Any, Final

# Of werkzeug's development server, gunicorn's workers, gevent's server (below).
_SOCKETS: Final = ("werkzeug.socket", "gunicorn.socket")

_PEEK: Final = _socket.MSG_PEEK | getattr(_socket, "MSG_DONTWAIT", 0)


def hang_up_of(environ: dict[str, Any]) -> Callable[[], bool]:
    """What tells whether the client of this request is gone. Where there is no way to know it says that it is not."""
    found = _found(environ)
    if found is None or not hasattr(_socket, "MSG_DONTWAIT"):
        return lambda: False

    def gone() -> bool:
        try:
            descriptor = found.fileno()
        except (OSError, ValueError):
            return True
        return descriptor < 0 or has_ended(descriptor)

    return gone


def socket_of(environ: dict[str, Any]) -> int | None:
    """The descriptor of this request's connection, or ``None`` where there is no way to know it."""
    found = _found(environ)
    if found is None:
        return None
    try:
        descriptor: int = found.fileno()
    except (OSError, ValueError):
        return None
    return descriptor if descriptor >= 0 else None


def cut(descriptor: int) -> None:
    """End a connection, both ways. The descriptor stays its owner's, who notices, and closes it.

    Raises:
        OSError: it is over already.
    """
    # The bare type: a patched socket belongs to an event loop.
    knife = _socket.socket(fileno=descriptor)
    try:
        knife.shutdown(_socket.SHUT_RDWR)
    finally:
        knife.detach()


def has_ended(descriptor: int) -> bool:
    """Whether the other end of this connection says nothing more."""
    # The bare type: a patched socket would wait for input, and a duplicate would be one descriptor more to close.
    peeking = _socket.socket(fileno=descriptor)
    try:
        return peeking.recv(1, _PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        peeking.detach()


def _found(environ: dict[str, Any]) -> Any:
    found = next((environ[name] for name in _SOCKETS if name in environ), None)
    if found is None:
        found = getattr(environ.get("wsgi.input"), "rfile", None)
    return found if hasattr(found, "fileno") else None
