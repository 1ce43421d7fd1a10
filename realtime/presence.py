"""Presence: who is in a room, as values. A sheet is what one process knows, a view is what all of them know together.

Sheets travel over the bus as short texts, and what comes back from there is not trusted. This file does no I/O and
knows no clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .names import is_person_name

EVENT: Final = "realtime.presence"
TRANSPORTS: Final = frozenset({"websocket", "polling", "sse", "poll"})
MOST_LISTED: Final = 1000
"""Members of a room that are named in an answer; of the others only the number is told."""
MOST_TOLD: Final = 200
"""A room with more members and viewers is told numbers only: everybody's coming would be told to everybody."""
MOST_USER: Final = 512
_MOST_COUNT: Final = 1_000_000


class Who(NamedTuple):
    """Whom connections belong to: a user that the application identified, and the name that the client gave itself."""

    user: str | None
    name: str | None


NOBODY: Final = Who(None, None)
"""Who only looks on: counted, not listed."""

Sheet = Mapping[Who, Mapping[str, int]]
"""Of one process and room: how many connections somebody has there, by transport."""


class About(NamedTuple):
    """What a client said, and may see, where it joined one room: its name, and whether it is told who is there."""

    name: str | None
    sees: bool


class Shown(NamedTuple):
    """One member as others see it."""

    connections: int
    transports: tuple[str, ...]


class View(NamedTuple):
    """Who is in a room.

    Attributes:
        members: in the order of their names; at most ``MOST_LISTED``.
        viewers: connections of nobody in particular.
        more: members that are not listed, as far as is known.
    """

    members: Mapping[Who, Shown]
    viewers: int
    more: int

    @property
    def total(self) -> int:
        """How many members there are."""
        return len(self.members) + self.more

    @property
    def counted(self) -> bool:
        """Whether the room is so full that only numbers are told."""
        return self.total + self.viewers > MOST_TOLD

    def as_dict(self, room: str) -> dict[str, Any]:
        """The answer to whoever asks."""
        members = [_member(who, shown) for who, shown in self.members.items()]
        answer = {"room": room, "members": members, "viewers": self.viewers, "total": self.total}
        return answer | {"more": self.more} if self.more else answer


EMPTY: Final = View({}, 0, 0)


def merged(sheets: Iterable[Sheet], *, unread: int = 0) -> View:
    """What all processes know together; ``unread`` members were too many to be read."""
    found: dict[Who, dict[str, int]] = {}
    viewers = 0
    for sheet in sheets:
        for who, counts in sheet.items():
            if who == NOBODY:
                viewers += sum(counts.values())
                continue
            sums = found.setdefault(who, {})
            for transport, count in counts.items():
                # Each long poll may be answered by another process: one that has moved on is still counted there.
                sums[transport] = max(sums.get(transport, 0), count) if transport == "poll" else (
                    sums.get(transport, 0) + count
                )  # fmt: skip
    ordered = sorted(found.items(), key=lambda item: (item[0].name or "", item[0].user or ""))
    members = {who: Shown(sum(sums.values()), tuple(sorted(sums))) for who, sums in ordered[:MOST_LISTED]}
    return View(members, viewers, max(len(ordered) - MOST_LISTED, 0) + unread)


def difference(room: str, before: View, after: View) -> dict[str, Any] | None:
    """What is told of a change; ``None`` where there was none."""
    told: dict[str, Any] = {"room": room, "joined": [], "left": [], "changed": []}
    if not after.counted:
        # Who was only counted until now, of these nobody has heard.
        known = {} if before.counted else before.members
        for who, shown in after.members.items():
            if who not in known:
                told["joined"].append(_member(who, shown))
            elif known[who] != shown:
                told["changed"].append(_member(who, shown))
        told["left"] = [_member(who, shown) for who, shown in known.items() if who not in after.members]
    same = (before.viewers, before.total, before.counted) == (after.viewers, after.total, after.counted)
    if same and not (told["joined"] or told["left"] or told["changed"]):
        return None
    return told | {"viewers": after.viewers, "total": after.total} | ({"counted": True} if after.counted else {})


def _member(who: Who, shown: Shown) -> dict[str, Any]:
    return {
        "user": who.user,
        "name": who.name,
        "connections": shown.connections,
        "transports": list(shown.transports),
    }


def field_of(who: Who) -> str:
    """The name of somebody's text."""
    return json.dumps([who.user, who.name])


def written(sheet: Sheet) -> dict[str, str]:
    """A sheet as texts by name, for the bus."""
    return {
        field_of(who): json.dumps(dict(sorted(counts.items())), separators=(",", ":"))
        for who, counts in sheet.items()
        if counts
    }


def read(fields: Mapping[str, str]) -> dict[Who, dict[str, int]]:
    """A sheet from the bus; what ``written`` could not have made is left out."""
    sheet: dict[Who, dict[str, int]] = {}
    for field, text in fields.items():
        try:
            user, name = json.loads(field)
            counts = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            continue
        if _is_user(user) and (name is None or is_person_name(name)) and _are_counts(counts):
            sheet[Who(user, name)] = counts
    return sheet


def _is_user(user: object) -> bool:
    return user is None or (isinstance(user, str) and 0 < len(user) <= MOST_USER)


def _are_counts(counts: object) -> bool:
    return (
        isinstance(counts, dict)
        and 0 < len(counts) <= len(TRANSPORTS)
        and all(
            name in TRANSPORTS and type(count) is int and 0 < count <= _MOST_COUNT for name, count in counts.items()
        )
    )


def rooms_of(payload: Mapping[str, Any]) -> Sequence[str]:
    """The rooms of a relayed notice that somebody came or went. It comes from a shared place."""
    rooms = payload.get("rooms")
    return [one for one in rooms if isinstance(one, str)] if isinstance(rooms, list) else []
