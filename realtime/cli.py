"""``flask realtime …``: publish, read and follow rooms from a shell, have the installation looked over, run the lab.

Each command works on the application's own log where other processes can reach it (Redis), or through a running server
(``--url``). Errors are one line and exit status 1. This file may not know how anything is done, only what is said.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from . import show
from .bus.base import Bus
from .bus.open import open_bus
from .cli_lab import lab
from .concurrency import detected
from .errors import RealtimeError
from .hub.follower import Follower, Notice
from .hub.hub import Hub
from .message import Position
from .names import check_room
from .remote import RemoteServer
from .state import State

_URL = click.option("--url", help="A running server, such as http://127.0.0.1:5000, instead of the log itself.")
_HEADER = click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent to that server.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
_AFTER = click.option("--after", metavar="ID", help="Only what follows this message.")


def register(app: Flask) -> None:
    """Add the commands to an application. They run in its context."""
    group = AppGroup("realtime", help="Publish to rooms, read and follow them; find what is set up wrongly.")
    for command in (_publish, _tail, _history, _rooms, _doctor, lab):
        group.add_command(command)
    app.cli.add_command(group)


@click.command("publish", short_help="Publish one message.")
@click.argument("room")
@click.argument("data", metavar="JSON")
@click.option("--event", default="message", show_default=True, help="The event's name.")
@click.option("--key", help="Idempotency key: the same key again is the same message, published once.")
@_URL
@_HEADER
@with_appcontext
def _publish(room: str, data: str, event: str, key: str | None, url: str | None, headers: tuple[str, ...]) -> None:
    """Publish JSON to ROOM and print the message's id. JSON - is read from standard input."""
    with _one_line_errors():
        value = _parsed(sys.stdin.buffer.read() if data == "-" else data)
        check_room(room)
        if url is not None:
            click.echo(_server(url, headers).publish(room, value, event=event, key=key))
            return
        # The way of everything else, types and hooks included, but for following the log: this process reads nothing.
        with _log() as bus:
            pipeline = _state().pipeline
            message = pipeline.prepare(room, value, event=event, key=key)
            published = bus.publish(message)
            pipeline.announce(message, published)
        click.echo(str(published.id))


@click.command("history", short_help="Print what a room got.")
@click.argument("room")
@_AFTER
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@_JSON
@_URL
@_HEADER
@with_appcontext
def _history(
    room: str, after: str | None, limit: int, as_json: bool, url: str | None, headers: tuple[str, ...]
) -> None:
    """Print the newest messages of ROOM, or those after an id, oldest first."""
    with _one_line_errors():
        check_room(room)
        position = None if after is None else Position.parse(after)
        if url is not None:
            answer = _server(url, headers).history(room, after=after, limit=limit)
            for one in answer["messages"]:
                show.message(one["id"], one["room"], one["event"], one["data"], as_json=as_json)
            show.gap(recovered=answer["recovered"])
            return
        with _log() as bus:
            replay = bus.latest([room], limit=limit) if position is None else bus.replay([room], position, limit=limit)
        for message in replay.messages:
            show.message(str(message.id), room, message.event, json.loads(message.shown), as_json=as_json)
        show.gap(recovered=replay.recovered)


@click.command("tail", short_help="Follow rooms live.")
@click.argument("rooms", metavar="ROOM...", nargs=-1, required=True)
@_AFTER
@click.option("--history", type=click.IntRange(0, 100_000), default=0, help="First so many of the newest messages.")
@_JSON
@_URL
@_HEADER
@with_appcontext
def _tail(
    rooms: tuple[str, ...],
    after: str | None,
    history: int,
    as_json: bool,
    url: str | None,
    headers: tuple[str, ...],
) -> None:
    """Print what the ROOMs get, as it comes, until interrupted."""
    try:
        with _one_line_errors():
            names = list(dict.fromkeys(check_room(room) for room in rooms))
            position = None if after is None else Position.parse(after)
            if url is not None:
                _tail_server(_server(url, headers), names, after, history, as_json=as_json)
            else:
                _tail_log(names, position, history, as_json=as_json)
    except KeyboardInterrupt:
        # Being interrupted is how this ends.
        sys.exit(130)


def _tail_log(rooms: list[str], after: Position | None, history: int, *, as_json: bool) -> None:
    with _log() as bus:
        concurrency = detected()
        hub = Hub(log=bus, concurrency=concurrency)
        bus.start(hub)
        for one in Follower(hub=hub, concurrency=concurrency).follow(rooms, after=after, latest=history):
            if isinstance(one, Notice):
                data = {"recovered": one.recovered, "cursor": str(one.cursor)}
                show.notice(one.event, data, rooms, as_json=as_json)
                continue
            room = next(name for name in one.rooms if name in rooms)
            show.message("" if one.transient else str(one.id), room, one.event, json.loads(one.shown), as_json=as_json)


def _tail_server(server: RemoteServer, rooms: list[str], after: str | None, history: int, *, as_json: bool) -> None:
    # An event stream does not say which of its rooms a message is from.
    room = rooms[0] if len(rooms) == 1 else None
    with closing(server.follow(rooms, after=after, history=history)) as events:
        for event in events:
            data = json.loads(event.data)
            if event.event.startswith("realtime."):
                show.notice(event.event, data, rooms, as_json=as_json)
            else:
                show.message(event.id, room, event.event, data, as_json=as_json)


@click.command("rooms", short_help="List the rooms that hold messages.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@_JSON
@with_appcontext
def _rooms(limit: int, as_json: bool) -> None:
    """List the rooms that hold messages: newest id, number of messages, name; the most recently used first."""
    with _one_line_errors():
        _must_be_shared("no other process can list its rooms; ask about one, `history ROOM --url …`")
        with _log() as bus:
            found = bus.rooms(limit=limit)
        for room in found:
            show.room(room, as_json=as_json)


@click.command("doctor", short_help="Find what is set up wrongly, and say how to mend it.")
@click.option("--url", help="Also look at a running server through this address, proxies included.")
@_HEADER
@_JSON
@with_appcontext
def _doctor(url: str | None, headers: tuple[str, ...], as_json: bool) -> None:
    """Look over libraries, browser files, log, workers, keys, limits and, with --url, the way through proxies.

    Exit status 1 when something is an error.
    """
    # Only who asks for it pays for it.
    from .doctor.examine import examine  # noqa: PLC0415

    with _one_line_errors():
        server = None if url is None else _server(url, headers)
        if server is not None and not as_json:
            click.echo(f"listening to {server.url} until its heartbeat comes…", err=True)
        findings = examine(current_app._get_current_object(), _state(), server)  # type: ignore[attr-defined]
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.level:<7}  {finding.check}: {finding.said}")
            if finding.mend:
                click.echo(f"{'':<7}  → {finding.mend}")
    if any(finding.level == "error" for finding in findings):
        sys.exit(1)


def _state() -> State:
    state: State = current_app.extensions["realtime"]
    return state


def _must_be_shared(otherwise: str = "name that server, --url http://127.0.0.1:5000") -> None:
    if not _state().bus.shared:
        raise click.ClickException(
            f"the bus is memory://, which lives inside the server's own process: {otherwise}, or give both one Redis, "
            "REALTIME_BUS_URL=redis://…"
        )


@contextmanager
def _log() -> Iterator[Bus]:
    """The log, on connections of this command's own: it may be asked under threads whatever the server uses."""
    _must_be_shared()
    bus = open_bus(_state().settings, detected())
    try:
        yield bus
    finally:
        bus.stop()


def _server(url: str, headers: tuple[str, ...]) -> RemoteServer:
    pairs = [header.partition(":") for header in headers]
    if wrong := [name for name, colon, _ in pairs if not colon]:
        raise click.ClickException(f"not a header: {wrong[0]!r}; one looks like 'Authorization: Bearer …'")
    return RemoteServer(url, headers={name.strip(): value.strip() for name, _, value in pairs})


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except RealtimeError as exc:
        raise click.ClickException(exc.message) from exc


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise click.ClickException(f"not JSON: {exc}. Text needs its own quotes: '\"hi\"'") from exc
