"""The ledger: what users were granted and what was taken from them, kept on the bus, where every process finds it.

Also processes that start later: a revocation outlives the one that made it. What it means for a client that is here
is decided in ``web.access``, and made effective in ``web.revocation``. This file knows no framework and asks nobody.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from hashlib import blake2b
from math import inf, isnan
from typing import Final, NamedTuple

from .bus.notes import Notebook
from .errors import Unauthorized
from .tickets import MAX_SECONDS, NOT_VALID, Ticket

MAX_GRANT_SECONDS: Final = 10 * 365 * 86_400.0
_SKEW: Final = 60.0
"""Seconds by which the clocks of two machines may differ before something is forgotten too early."""
_BELIEVED: Final = 1.0
"""Seconds for which a process believes what it read of a grant: the longest that taking it back may take."""
_MOST_BELIEVED: Final = 10_000


class Lease(NamedTuple):
    """A grant that counts. ``until`` is when it ends, in seconds since 1970, or ``None`` for no end."""

    until: float | None


class Ledger:
    """Grants, revocations, and tickets that are used up.

    Args:
        notes: keeps them.
        private: whether there are private rooms, so that what was granted has to be taken back for good.
    """

    def __init__(self, notes: Notebook, *, private: bool) -> None:
        self._notes = notes
        self._private = private
        self._believed: dict[tuple[str, str], tuple[float, Lease]] = {}

    def grant(self, user: str, room: str, *, seconds: float | None) -> float | None:
        """Note a grant, for so long or for good; return until when. Raises ``BusUnavailable``."""
        now = time.time()
        # After what was taken back before, also where that was said by a machine whose clock is ahead.
        since = max(now, _number(self._notes.noted([_all_grants(user)])[0]) + 1e-3)
        until = None if seconds is None else now + seconds
        self._notes.note(_grant(user, room), json.dumps([since, until]), ttl=seconds)
        self.forget(user)
        return until

    def revoke(self, user: str, room: str | None) -> None:
        """Note that what a user was granted until now, and tickets of until now, count no more.

        Args:
            user: whose.
            room: for this room; ``None`` for all.

        Raises:
            BusUnavailable: nothing of it may be known to others.
        """
        if room is None:
            self.expel(user)
            if self._private:
                # Grants may be without end, and so is this.
                self._notes.note(_all_grants(user), repr(time.time()))
        else:
            self._notes.note(_tickets(user, room), repr(time.time()), ttl=MAX_SECONDS + _SKEW)
            if self._private:
                self._notes.unnote(_grant(user, room))
        self.forget(user)

    def expel(self, user: str) -> None:
        """Note that a user's tickets of until now count no more; grants stay. Raises ``BusUnavailable``."""
        self._notes.note(_tickets(user, None), repr(time.time()), ttl=MAX_SECONDS + _SKEW)

    def lease(self, user: str, room: str) -> Lease | None:
        """The user's grant for a private room, if there is one. Raises ``BusUnavailable``."""
        known = self._believed.get((user, room))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asked = time.monotonic()
        granted, taken = self._notes.noted([_grant(user, room), _all_grants(user)])
        lease = _lease(granted, after=_number(taken))
        if lease is not None:
            if len(self._believed) >= _MOST_BELIEVED:
                self._believed = {}
            left = _BELIEVED if lease.until is None else min(_BELIEVED, lease.until - time.time())
            self._believed[user, room] = (asked + left, lease)
        return lease

    def forget(self, user: str) -> None:
        """Something of this user changed: believe nothing that was read before."""
        self._believed = {key: value for key, value in tuple(self._believed.items()) if key[0] != user}

    def taken(self, user: str, rooms: Iterable[str], *, since: float) -> list[str | None]:
        """What was revoked of these since then: rooms, or ``None`` for all of them. Raises ``BusUnavailable``."""
        named = [None, *rooms]
        noted = self._notes.noted([_tickets(user, room) for room in named])
        return [room for room, value in zip(named, noted, strict=True) if value is not None and _number(value) >= since]

    def check(self, ticket: Ticket) -> None:
        """Whether a ticket was not revoked since.

        Raises:
            Unauthorized: it was.
            BusUnavailable: nobody knows.
        """
        if self.taken(ticket.user, ticket.rooms, since=ticket.issued):
            raise Unauthorized(NOT_VALID)

    def use_up(self, ticket: Ticket) -> None:
        """Use up a ticket that is for one use.

        Raises:
            Unauthorized: somebody has done so.
            BusUnavailable: nobody knows.
        """
        left = max(ticket.until - time.time(), 0.0) + _SKEW
        if ticket.once is not None and not self._notes.note(f"access:used:{ticket.once}", "1", ttl=left, once=True):
            raise Unauthorized("the ticket was for one use, and was used; ask for a new one")


def _lease(noted: str | None, *, after: float) -> Lease | None:
    """What a note says. It comes from a shared place: a wrong one grants nothing."""
    try:
        since, until = json.loads(noted or "")
        counts = since > after and (until is None or until > time.time())
    except (ValueError, TypeError, RecursionError):
        return None
    return Lease(until) if counts else None


def _number(noted: str | None) -> float:
    """A time that was noted. One that cannot be read is not over."""
    try:
        value = 0.0 if noted is None else float(noted)
    except ValueError:
        return inf
    return inf if isnan(value) else value


def _name(kind: str, user: str, room: str | None) -> str:
    # Users' ids may be long, or say who somebody is.
    said = json.dumps([user, room]).encode()
    return f"access:{kind}:{blake2b(said, digest_size=16).hexdigest()}"


def _grant(user: str, room: str) -> str:
    return _name("grant", user, room)


def _all_grants(user: str) -> str:
    return _name("none", user, None)


def _tickets(user: str, room: str | None) -> str:
    return _name("out", user, room)
