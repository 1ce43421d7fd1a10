"""Which pages may talk to this server: its own, and those of the origins that were named.

Cookies travel with WebSocket handshakes, event streams and forms of foreign pages too; the browser's word about where a
request comes from (``Origin``, and ``Sec-Fetch-Site`` where there is none) is what keeps those pages out. This file
decides on a WSGI environment alone and knows no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..values import normal_origin

_OTHERS: Final = frozenset({"cross-site", "same-site"})


def own_origins(environ: Mapping[str, Any]) -> set[str]:
    """The origins under which this request may have reached the server, proxies' ``X-Forwarded-*`` headers included.

    A foreign page cannot set those headers without asking first (CORS preflight), so that trusting them opens
    nothing to it.
    """
    host, forwarded_host = environ.get("HTTP_HOST", ""), _first(environ, "HTTP_X_FORWARDED_HOST")
    scheme, forwarded_scheme = environ.get("wsgi.url_scheme", "http"), _first(environ, "HTTP_X_FORWARDED_PROTO")
    found = set()
    for one_scheme in filter(None, (scheme, forwarded_scheme)):
        for one_host in filter(None, (host, forwarded_host)):
            try:
                # A WebSocket handshake has its own scheme words; the page's origin has http's.
                found.add(normal_origin(f"{one_scheme.replace('ws', 'http', 1)}://{one_host}"))
            except ValueError:
                continue
    return found


def is_allowed(environ: Mapping[str, Any], others: frozenset[str]) -> bool:
    """Whether the page that sent this request may talk to the server.

    Args:
        environ: the request.
        others: allowed origins beside the server's own, in normal form.
    """
    origin = environ.get("HTTP_ORIGIN")
    if not origin:
        # Not a browser, or a same-origin GET. Browsers name the origin wherever a foreign page could read or change.
        return environ.get("HTTP_SEC_FETCH_SITE") not in _OTHERS or _is_visit(environ)
    if environ.get("HTTP_SEC_FETCH_SITE") == "same-origin":
        # The browser itself says so, and no page can forge it; true also behind a proxy that rewrites Host.
        return True
    try:
        origin = normal_origin(origin)
    except ValueError:
        return False  # "null" and nonsense
    return origin in others or origin in own_origins(environ)


def _is_visit(environ: Mapping[str, Any]) -> bool:
    """Whether somebody follows a link: the page that has it learns nothing (Fetch Metadata, W3C)."""
    return environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and environ.get("REQUEST_METHOD") in {"GET", "HEAD"}


def _first(environ: Mapping[str, Any], header: str) -> str:
    return str(environ.get(header, "")).split(",")[0].strip()
