"""Rules: what an application says about its own publishing: hooks, and the types of its events.

They are collected on one ``Realtime`` object, before or after it is given an application, and are shared by all its
applications. This file runs no hook and knows no framework.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from .errors import ConfigError
from .names import check_event, check_room, shortened
from .schemas import Checker, checker

Source = Literal["http", "socketio", "server", "api"]


class Origin(NamedTuple):
    """Who publishes.

    Attributes:
        source: by ``http`` (a POST), by ``socketio`` (a client's ``publish``), the ``server``'s own code, or
            another backend (``api``).
        sid: the Socket.IO session of the client that publishes, where it is one.
        identity: who that is, where the application identifies its clients.
    """

    source: Source
    sid: str | None = None
    identity: Any = None


SERVER = Origin("server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What somebody wants to publish, as hooks see it: checked, but not in the log yet.

    Attributes:
        rooms: the rooms it is for, at least one. An ``emit`` to a list of rooms has several.
        event: the event's name.
        data: the data as plain JSON values (the hooks' own copy: changing it in place changes what is published and
            nothing else). An ``emit`` with several arguments has their list, and ``spread``.
        key: the publisher's idempotency key, or ``None``.
        source: ``"http"``, ``"socketio"``, ``"server"`` or ``"api"`` (another backend): how it came.
        sid: the Socket.IO session of the client that publishes, or ``None``.
        identity: who publishes, where the application identifies its clients, else ``None``.
        spread: the data is a list of several Socket.IO arguments.
        transient: it is for who is connected now, and is kept nowhere.
    """

    rooms: tuple[str, ...]
    event: str
    data: Any
    key: str | None = None
    source: Source = "server"
    sid: str | None = None
    identity: Any = None
    spread: bool = False
    transient: bool = False

    @property
    def room(self) -> str:
        """The room; the first one where there are several."""
        return self.rooms[0]

    def replace(self, **changes: Any) -> Publication:
        """The same with other ``data``, ``event`` or ``rooms`` (one, or several).

        The rest is the publisher's and stays as it is.
        """
        if wrong := sorted(set(changes) - {"data", "event", "rooms"}):
            raise TypeError(f"a hook may change data, event and rooms, not {', '.join(wrong)}")
        if "rooms" in changes:
            rooms = changes["rooms"]
            changes["rooms"] = (rooms,) if isinstance(rooms, str) else tuple(rooms)
        return replace(self, **changes)


Hook = Callable[[Publication], Any]


class Filter:
    """Which publications a rule is for.

    Args:
        room: a room's name, in which ``*`` stands for any characters (none, too); ``None`` is every room.
        event: an event's name; ``None`` is every event.

    Raises:
        InvalidValue: not a name.
    """

    def __init__(self, room: str | None, event: str | None) -> None:
        self.room, self.event = room, event
        self._exact, self._pattern = room, None
        if event is not None:
            check_event(event)
        if isinstance(room, str) and "*" in room:
            check_room(room.replace("*", "x"))
            self._pattern = re.compile(".*".join(map(re.escape, room.split("*"))), re.DOTALL)
        elif room is not None:
            check_room(room)

    def fits(self, rooms: Sequence[str], event: str) -> bool:
        """Whether the rule is for a publication of this event to these rooms: one of them is enough."""
        if self.event is not None and self.event != event:
            return False
        if self._pattern is not None:
            return any(map(self._pattern.fullmatch, rooms))
        return self._exact is None or self._exact in rooms


@dataclass(frozen=True, slots=True)
class Schema:
    """The type of one event's data: everywhere, or in the rooms of its filter."""

    event: str
    filter: Filter
    checker: Checker


class Rules:
    """An application's hooks and schemas, each in the order in which they were declared.

    Attributes:
        hooks: each with what it is for. Replaced as a whole, so that a publish under way sees one state.
        schemas: likewise.
    """

    def __init__(self) -> None:
        self.hooks: tuple[tuple[Filter, Hook], ...] = ()
        self.schemas: tuple[Schema, ...] = ()

    def add_hook(self, hook: Any, *, room: str | None, event: str | None) -> None:
        """Run ``hook`` for each publication that fits.

        Raises:
            ConfigError: it is not a plain function.
            InvalidValue: not a room's name (``*`` allowed) or an event's.
        """
        if not callable(hook) or inspect.iscoroutinefunction(hook):
            raise ConfigError(f"on_publish takes a plain function of one publication, not {shortened(hook)}")
        self.hooks = (*self.hooks, (Filter(room, event), hook))

    def add_schema(self, event: str, kind: Any, *, room: str | None) -> None:
        """Check the data of ``event`` against ``kind``.

        Raises:
            ConfigError: no such type can be checked, or the event has one for the same room already.
            InvalidValue: not a room's name (``*`` allowed) or an event's.
        """
        where = Filter(room, check_event(event))
        if any((one.event, one.filter.room) == (event, room) for one in self.schemas):
            place = "" if room is None else f" in {room}"
            raise ConfigError(f"the event {event!r} has a schema{place} already")
        self.schemas = (*self.schemas, Schema(event, where, checker(kind)))
