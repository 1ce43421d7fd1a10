"""The layering of the package: a file imports only from lower floors, and each library only where it belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "realtime"

# Lowest first. Files of one floor do not import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "jitter", "web.addresses"),
    (
        "names",
        "concurrency",
        "signals",
        "seldom",
        "hub.polling",
        "hub.gathering",
        "serve.peer",
        "bus.address",
        "bus.locate",
    ),
    ("presence", "message", "schemas", "credentials", "values", "arguments"),
    ("hub.resuming",),
    (
        "rules",
        "config",
        "wire.yielded",
        "wire.sse",
        "wire.socketio",
        "wire.websocket",
        "wire.depth",
        "secret",
        "bus.survey",
    ),
    (
        "access",
        "wire.envelope",
        "tickets",
        "invitations",
        "tokens",
        "bus.notes",
        "bus.roster",
        "bus.replay",
        "bus.channel",
        "hub.connection",
        "hub.expiry",
    ),
    ("bus.base", "grants", "bus.entries", "bus.calls", "hub.log", "hub.groups", "hub.waiter", "hub.attendance"),
    ("publishing", "bus.memory", "bus.reader", "bus.trips", "bus.follow", "hub.sharing", "hub.crowding"),
    ("bus.pipe", "bus.client", "bus.sheets"),
    ("bus.budgets",),
    ("bus.redis",),
    ("bus.open", "hub.feed"),
    ("hub.saying",),
    ("hub.telling",),
    ("hub.revoking",),
    ("hub.closing",),
    ("hub.hub",),
    ("publisher", "hub.direct", "data.relay"),
    ("hub.stream", "hub.follower", "serve.poller", "data.outbox", "data.tables"),
    ("data.sqlite", "data.postgres", "hub.ending"),
    (
        "web.origin",
        "web.packets",
        "web.clients",
        "web.delays",
        "web.rates",
        "serve.head",
        "web.hangup",
        "web.pump",
        "web.servers",
    ),
    ("web.behind", "web.quota", "web.insistence", "web.abuse", "web.heartbeat", "web.lookout"),
    (
        "serve.handshake",
        "serve.answering",
        "serve.patience",
        "serve.mounting",
        "serve.collector",
        "web.output",
        "web.eventpackets",
        "web.enginepolling",
    ),
    ("web.connection", "serve.body", "serve.draining", "web.enginerequests", "web.portable", "web.eventdoor"),
    ("web.linkoutput",),
    (
        "web.connections",
        "web.http",
        "web.cookies",
        "web.link",
        "web.assets",
        "web.described",
        "web.announcer",
        "web.register",
    ),
    ("web.hooks", "web.presence", "web.enginequeue", "web.outage", "web.kept", "web.pids", "web.dialects"),
    ("web.identifying", "web.bodies", "web.openparts"),
    ("web.allowance",),
    ("web.access", "web.lanes", "web.enginesocket", "web.pipeline", "web.openapi", "web.asyncapi"),
    ("web.admission",),
    ("web.limits", "web.who"),
    ("web.callerdoor",),
    (
        "web.documents",
        "web.relay",
        "web.events",
        "web.rooms",
        "web.api",
        "web.health",
        "web.lab",
        "web.recovery",
        "web.invitations",
    ),
    ("web.revocation", "web.pages"),
    ("web.keeping",),
    ("web.recovering",),
    ("web.manager", "web.streaming", "web.cursors"),
    ("web.refreshing", "web.greeter"),
    ("web.enginedoor", "web.sockets", "web.shortcuts"),
    ("web.engineserver",),
    ("web.engine",),
    ("serve.handler",),
    ("serve.gevent_server", "serve.worker"),
    ("adopted",),
    ("starting",),
    ("state", "remote", "show"),
    ("doctor.finding", "cli_lab"),
    ("doctor.machine", "doctor.application", "doctor.workers", "doctor.log", "doctor.proxy"),
    ("doctor.examine",),
    ("requesting", "cli", "testing.reader"),
    ("testing.wsgi",),
    ("testing.event_stream", "testing.socket_session"),
    ("testing", "guarding"),
    ("extension",),
    ("",),
)
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}

# Who may import what from outside.
ONLY_IN = {
    "flask": {
        "web.",
        "adopted",
        "starting",
        "state",
        "extension",
        "guarding",
        "requesting",
        "cli",
        "doctor.",
        "testing",
    },
    "click": {"cli", "show"},
    "packaging": {"doctor.machine"},
    "flask_socketio": {"adopted", "state", "extension"},
    "socketio": {"web.callerdoor", "web.clients", "web.relay", "web.manager", "web.event", "web.engine", "web.outage"},
    "engineio": {"web."},
    "redis": {"bus.client", "bus.locate", "bus.channel", "bus.trips", "bus.follow"},
    "hiredis": {"bus.channel"},
    "gevent": {"serve.", "concurrency"},
    "geventwebsocket": {"serve."},
    "gunicorn": {"serve.worker"},
    "prometheus_client": {"web.health"},
    "itsdangerous": {"tickets", "invitations"},
    "jwt": {"tokens"},
    "cryptography": {"tokens"},
    "blinker": {"signals", "web.announcer"},
    "msgspec": {"schemas"},
    "pydantic": {"schemas"},
    "sqlalchemy": {"data.outbox"},
    "sqlite3": {"data.sqlite"},
    "psycopg": {"data.postgres"},
    "playwright": {"cli_lab"},
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FOLDERS = {"bus", "hub", "web", "wire", "serve", "doctor", "data"}


def imports(name: str) -> Iterator[str]:
    """Full names of everything a module imports, wherever in the file."""
    base = ("realtime." + name).rstrip(".").split(".")
    package = base if MODULES[name].name == "__init__.py" else base[:-1]
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{module}.{alias.name}".removeprefix("realtime.")
                yield f"realtime.{inner}" if inner in MODULES and module.startswith("realtime") else module


def test_every_file_has_its_floor() -> None:
    assert set(MODULES) - FOLDERS == set(FLOOR)


@pytest.mark.parametrize("name", sorted(set(MODULES) - FOLDERS))
def test_a_file_imports_only_from_lower_floors(name: str) -> None:
    ours = {one.removeprefix("realtime.") for one in imports(name) if one.startswith("realtime.")}
    assert {one for one in ours if FLOOR[one] >= FLOOR[name]} == set()


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_folders_own_file_imports_nothing(name: str) -> None:
    assert list(imports(name)) == []


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = {name for name in MODULES if any(one.split(".")[0] == library for one in imports(name))}
    assert users, f"nobody imports {library}: take it out of the requirements"
    assert {name for name in users if not any(name.startswith(place) for place in ONLY_IN[library])} == set()


def test_bus_and_hub_do_not_know_each_other() -> None:
    for name in MODULES:
        one, other = ("bus", "hub") if name.startswith("bus") else ("hub", "bus")
        if name.startswith(one):
            assert not any(found.startswith(f"realtime.{other}") for found in imports(name)), name


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_file_opens_with_what_it_is_for_and_is_not_too_long(name: str) -> None:
    text = MODULES[name].read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "say what it is for and what it may not do"
    assert text.count("\n") <= 250
