"""The whole examination, in the order of the report. Each part is in a file of its own; this one only calls them."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from ..bus.open import open_bus
from ..concurrency import detected
from ..remote import RemoteServer
from ..state import State
from .application import examine_application
from .finding import Finding
from .log import examine_log
from .machine import examine_machine
from .proxy import examine_way
from .workers import examine_workers


def examine(app: Flask, state: State, server: RemoteServer | None = None) -> list[Finding]:
    """Look over an installation.

    Args:
        app: the application.
        state: its Realtime.
        server: the running server, by the address that clients use; without it that part is left out.
    """
    # Not the application's own: this process may not run what that was made for.
    bus = open_bus(state.settings, detected())
    try:
        findings = [
            *examine_machine(),
            *examine_application(app, state),
            *examine_workers(Path.cwd(), os.environ, shared=bus.shared),
            *examine_log(bus),
        ]
    finally:
        bus.stop()
    if server is not None:
        findings += examine_way(server, heartbeat=state.settings.heartbeat)
    return findings
