"""What commands print: messages, notices and rooms, a line each, for people or as JSON for programs.

What comes from a log is other people's text: nothing that a terminal would obey is printed. This file reads nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from .bus.survey import RoomInfo
from .errors import ConfigError


def message(id: str, room: str | None, event: str, data: Any, *, as_json: bool) -> None:
    """A message; ``room`` is ``None`` where its source does not say."""
    if as_json:
        click.echo(_json({"id": id, "room": room, "event": event, "data": data}))
    else:
        named = () if room is None else (_printable(room),)
        click.echo("  ".join((_printable(id), *named, _printable(event), _json(data))))


def notice(event: str, data: dict[str, Any], rooms: list[str], *, as_json: bool) -> None:
    """A control event of a stream. People are told on standard error, beside the messages."""
    if as_json:
        click.echo(_json({"event": event, "data": data}))
    elif event == "realtime.ready":
        click.echo(f"following {', '.join(map(_printable, rooms))}", err=True)
        gap(recovered=data["recovered"])
    elif event == "realtime.reset":
        gap(recovered=False)


def gap(*, recovered: bool) -> None:
    """Whether something is missing."""
    if not recovered:
        click.echo("something before this is gone from the log", err=True)


def room(info: RoomInfo, *, as_json: bool) -> None:
    """A room of a list."""
    if as_json:
        click.echo(_json({"room": info.name, "newest": str(info.newest), "messages": info.messages}))
    else:
        click.echo(f"{info.newest}  {info.messages:>6}  {_printable(info.name)}")


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


class _NotStarted(ConfigError, click.ClickException):  # type: ignore[misc]  # both keep the same text as `message`
    """A bad setting, while one of Flask's commands loads the application: one line there, no traceback."""


@contextmanager
def bad_settings() -> Iterator[None]:
    """Around the set-up of an application. A ``ConfigError`` stays one; only how Flask's commands show it changes."""
    try:
        yield
    except ConfigError as exc:
        if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
            raise
        raise _NotStarted(exc.message) from None
