"""An application below a path, ``SCRIPT_NAME``, and the applications of ours inside of whatever is served.

The path is the word of who starts the server. What a request says of it (``X-Forwarded-Prefix``) is believed by nobody
here: that is for ``ProxyFix``, which an application may be wrapped in. This file may not know what is served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ..errors import ConfigError

VARIABLE: Final = "SCRIPT_NAME"
_PATH: Final = re.compile(r"(/[^/?#\\\s\x00-\x1f\x7f]+)+")
_INNER: Final = ("app", "wsgi_app", "flask_app", "application", "__self__")
"""Under which names Werkzeug's middleware, Flask, Flask-SocketIO, others, and bound methods have what is inside."""
_MOST: Final = 100


def mount_point(environ: Mapping[str, str]) -> str:
    """Below which path the application is served, ``""`` for the root.

    Raises:
        ConfigError: what is set is no path.
    """
    given = environ.get(VARIABLE, "")
    path = given.rstrip("/")
    if path and _PATH.fullmatch(path) is None:
        raise ConfigError(f"{VARIABLE} is {given!r}; allowed is a path such as /shop, or nothing for the root")
    return path


def mounted(app: Any, path: str) -> Any:
    """The application as a server calls it: below the path, and 404 beside it. Nothing is around it at the root."""
    # A server has the bytes of a path as characters of Latin-1 (PEP 3333).
    return DispatcherMiddleware(NotFound(), {path.encode().decode("latin-1"): app}) if path else app


def states(served: Any) -> Iterator[Any]:
    """What ``Realtime`` keeps for each application in what is served, also where that is a wrapper of several."""
    waiting, seen = [served], dict[int, object]()
    while waiting and len(seen) < _MOST:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen[id(one)] = one
        extensions = _attribute(one, "extensions")
        state = extensions.get("realtime") if isinstance(extensions, dict) else None
        if state is not None:
            yield state
        mounts = _attribute(one, "mounts")
        waiting += [_attribute(one, name) for name in _INNER]
        waiting += mounts.values() if isinstance(mounts, dict) else ()


def _attribute(one: Any, name: str) -> Any:
    try:
        return getattr(one, name, None)
    except Exception:  # noqa: BLE001  a stand-in for something that is not there yet (Flask's current_app) has its own
        return None
