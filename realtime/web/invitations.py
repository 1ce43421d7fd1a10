"""Private rooms by invitation: ``POST /invitations`` makes a link, and whoever opens the link is let in.

The secret stands behind the ``#`` of the link. Browsers send that part to nobody, so that it is in no log, no proxy and
no ``Referer``, and a program that looks at links in passing (previews in messengers) enters no room; the page sends it
in the body of ``POST /invitations/accept``. Both posts must be declared as JSON and come from the server's own pages:
other sites can neither make links nor open them on somebody's behalf. What an application's own private rooms are, and
who is in them, is not touched: only rooms that were made here can be entered this way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request, session, url_for

from ..access import Access, user_of
from ..config import Settings
from ..errors import InvalidValue, Unauthorized
from ..hub.log import Counters
from ..invitations import MAX_SECONDS, Invitations
from .access import Gate
from .allowance import Allowance
from .bodies import json_object
from .http import guard
from .rates import asker

GRANTED_SECONDS: Final = 30 * 86_400.0
"""How long somebody is let in for. Opening the link again begins it anew."""
RATE: Final = 0.2
BURST: Final = 30
"""How many invitations an address may make or open: so many a second, and so many at once."""
_MOST_BYTES: Final = 4096
_INVITING: Final = 'the body is {"room", "expires"}, both optional'
_ACCEPTING: Final = 'the body is {"invitation"}'


def register(
    blueprint: Blueprint,
    *,
    settings: Settings,
    invitations: Invitations,
    gate: Gate,
    access: Access,
    allowance: Callable[..., Allowance],
    grant: Callable[..., Any],
    counters: Counters,
) -> None:
    """Add the two calls to a blueprint; its ``pages.invitation`` is the page that a link leads to.

    Args:
        blueprint: gets the routes.
        settings: says whose pages may call.
        invitations: makes and reads them.
        gate: says who somebody is, and may enter.
        access: says whether the application knows its users by itself.
        allowance: makes a counter, as ``Allowance``.
        grant: lets a user into a room: ``grant(user, room, seconds=…)``.
        counters: count what is refused.
    """
    guard(blueprint, settings.allowed_origins, counters=counters)
    text = f"an address may make or open {RATE:g} invitations a second"
    often = allowance("invitations", RATE, text=text, size=BURST)

    def visitor() -> str:
        """The user that this browser is; whom nobody knows becomes a guest, for whom the session stands."""
        user = user_of(gate.identity())
        if user is None:
            if access.identify is not None:
                raise Unauthorized("log in first")
            user = session["user"] = f"guest-{secrets.token_hex(8)}"
            session.permanent = True
        return user

    @blueprint.post("/invitations")
    def invite() -> Response:
        often.take(asker(None, request.remote_addr))
        body = json_object(most=_MOST_BYTES, wanted=_INVITING)
        room, expires = body.get("room"), body.get("expires", MAX_SECONDS)
        if isinstance(expires, bool) or not isinstance(expires, int | float) or not expires > 0:
            raise InvalidValue(f"expires is a number of seconds up to {MAX_SECONDS:.0f}")
        if room is None:
            room = invitations.new_room()
            invitation = invitations.issue(room, expires=min(expires, MAX_SECONDS))
            grant(visitor(), room, seconds=GRANTED_SECONDS)
        else:
            if invitations.is_room(room):
                gate.admit("publish", room)  # Whoever is in a room may bring others. A ticket does not count here.
            invitation = invitations.issue(room, expires=min(expires, MAX_SECONDS))
        link = f"{url_for('pages.invitation')}#{invitation.text}"
        return _private(jsonify(room=room, link=link, expires=invitation.until), 201)

    @blueprint.post("/invitations/accept")
    def accept() -> Response:
        often.take(asker(None, request.remote_addr))
        invitation = invitations.read(json_object(most=_MOST_BYTES, wanted=_ACCEPTING).get("invitation"))
        grant(visitor(), invitation.room, seconds=GRANTED_SECONDS)
        return _private(jsonify(room=invitation.room, address=url_for("pages.chat", room=invitation.room)), 200)


def _private(response: Response, status: int) -> Response:
    response.status_code = status
    response.cache_control.no_store = True
    return response
