"""What is kept of a Socket.IO connection for its return, as text and back.

The text lies where others can write (the bus): it is signed with the application's secret key and read like anything
from outside. This file keeps nothing itself and does not know the bus.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flask.json.tag import TaggedJSONSerializer

from ..errors import InvalidValue
from ..hub.resuming import Join
from ..message import Position
from ..names import check_person, is_room_name
from ..presence import About

_SIGNATURE: Final = 32
_TAGGED: Final = TaggedJSONSerializer()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One connection.

    Attributes:
        sid: its Socket.IO session id.
        by: the process that it is or was connected to.
        at: as of when this is, in seconds since the epoch.
        parted: when it was lost, seconds since the epoch; ``None`` while it is connected as far as is known.
        taken: when it came back last, seconds since the epoch.
        joins: its rooms with a log.
        rooms: its other rooms, which have none.
        about: what it said of itself where it joined.
        user: whose it is, where that is known.
        stale: the offset that the client came with, which says nothing of this connection.
        session: what handlers have changed in the Flask session since it connected.
        removed: what they have removed from it.
        data: what they have saved with ``save_session``.
    """

    sid: str
    by: str
    at: float
    parted: float | None = None
    taken: float = 0.0
    joins: Mapping[str, Join] = field(default_factory=dict)
    rooms: Sequence[str | int] = ()
    about: Mapping[str, About] = field(default_factory=dict)
    user: str | None = None
    stale: object = None
    session: Mapping[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, secret: bytes) -> str:
        """It as text, good under this name only."""
        body = json.dumps(
            {
                "sid": self.sid,
                "by": self.by,
                "at": self.at,
                "parted": self.parted,
                "taken": self.taken,
                "joins": [[room, str(one.start), str(one.upto), one.asked] for room, one in self.joins.items()],
                "rooms": list(self.rooms),
                "about": [[room, *one] for room, one in self.about.items()],
                "user": self.user,
                "stale": self.stale if isinstance(self.stale, str) and len(self.stale) <= 64 else None,
                "session": _dumped(self.session),
                "removed": list(self.removed),
                "data": _dumped(self.data),
            },
            separators=(",", ":"),
        )
        return _signature(name, body, secret) + body

    @classmethod
    def read(cls, text: str, name: str, secrets: Sequence[bytes]) -> Kept | None:
        """What a text says; ``None`` where it is not one that ``text`` made for this name."""
        signature, body = text[:_SIGNATURE], text[_SIGNATURE:]
        if not any(hmac.compare_digest(signature, _signature(name, body, one)) for one in secrets):
            return None
        try:
            said = json.loads(body)
            joins = {
                str(room): Join(Position.parse(start), Position.parse(upto), bool(asked))
                for room, start, upto, asked in said["joins"]
                if is_room_name(room)
            }
            return cls(
                sid=str(said["sid"]),
                by=str(said["by"]),
                at=float(said["at"]),
                parted=None if said["parted"] is None else float(said["parted"]),
                taken=float(said["taken"]),
                joins=joins,
                rooms=[one for one in said["rooms"] if isinstance(one, str | int)],
                about={room: About(check_person(name), bool(sees)) for room, name, sees in said.get("about", [])},
                user=None if said["user"] is None else str(said["user"]),
                stale=said["stale"],
                session=_loaded(said["session"]),
                removed=[str(one) for one in said["removed"]],
                data=_loaded(said["data"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError, InvalidValue):
            return None


def _signature(name: str, body: str, secret: bytes) -> str:
    return hmac.digest(secret, f"{name}\0{body}".encode(), "sha256").hex()[:_SIGNATURE]


def _dumped(values: Mapping[str, Any]) -> str | None:
    """As Flask writes its own session; what it cannot write is left out."""
    if not values:
        return None
    try:
        return _TAGGED.dumps(dict(values))
    except (TypeError, ValueError, RecursionError):
        fitting = {key: value for key, value in values.items() if _fits(key, value)}
        return _TAGGED.dumps(fitting)


def _fits(key: object, value: object) -> bool:
    try:
        _TAGGED.dumps({key: value})
    except (TypeError, ValueError, RecursionError) as exc:
        logging.getLogger(__name__).info("%r is not kept for the client's return: %s", key, exc)
        return False
    return True


def _loaded(text: object) -> dict[str, Any]:
    found = _TAGGED.loads(text) if isinstance(text, str) else {}
    if not isinstance(found, dict):
        raise InvalidValue("not an object")
    return found
