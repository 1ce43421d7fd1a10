"""An ordinary Flask-SocketIO application that became a Realtime one by a single line, and does what a test asks.

A test sends steps, ``[name, arguments, keywords]`` each; they are done one after the other in a view, in a background
task or in a socket handler, with the calls that such code has at hand in Flask-SocketIO.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import base64
import json
from collections.abc import Callable
from typing import Any

import flask_socketio
from flask import Flask, jsonify, request
from flask_socketio import SocketIO

from realtime import Realtime
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
socketio = SocketIO(app)
realtime = Realtime(app)

answers: list[list[Any]] = []

OUTSIDE: dict[str, Callable[..., Any]] = {
    "emit": socketio.emit,
    "send": socketio.send,
    "call": socketio.call,
    "close_room": socketio.close_room,
    "join_room": socketio.server.enter_room,
    "leave_room": socketio.server.leave_room,
    "rooms": socketio.server.rooms,
    "disconnect": socketio.server.disconnect,
    "publish": realtime.publish,
}
"""What a view or a background task calls."""

INSIDE: dict[str, Callable[..., Any]] = {
    name: getattr(flask_socketio, name)
    for name in ("emit", "send", "call", "close_room", "join_room", "leave_room", "rooms", "disconnect")
}
"""What a socket handler calls."""


def decoded(value: dict[str, Any]) -> Any:
    """What JSON cannot say: ``{"tuple": […]}``, ``{"bytes": base64}``."""
    if "tuple" in value:
        return tuple(value["tuple"])
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    return value


def perform(steps: list[list[Any]], calls: dict[str, Callable[..., Any]]) -> list[Any]:
    """Do the steps; return each one's result, or its error as text."""
    results: list[Any] = []
    for name, arguments, keywords in steps:
        if "callback" in keywords:
            mark = keywords["callback"]
            keywords["callback"] = lambda *given, mark=mark: answers.append([mark, *given])
        try:
            results.append(calls[name](*arguments, **keywords))
        except Exception as exc:  # noqa: BLE001  whatever it is, the test wants to see it
            results.append(f"{type(exc).__name__}: {exc}")
    return results


@app.post("/do")
def do() -> Any:
    """Do the body's steps in this view, or in a background task that the view waits for."""
    steps = json.loads(request.get_data(), object_hook=decoded)
    if request.args.get("in") != "background":
        return jsonify(perform(steps, OUTSIDE))
    results: list[Any] = []
    socketio.start_background_task(lambda: results.extend(perform(steps, OUTSIDE))).join()
    return jsonify(results)


@app.get("/answers")
def callbacks() -> Any:
    """What callbacks were called with in this process."""
    return jsonify(answers)


def handle(text: str) -> list[Any]:
    """Do the steps in this socket handler and acknowledge with their results."""
    return perform(json.loads(text, object_hook=decoded), INSIDE)


for name in ("/", "/news"):
    socketio.on_event("do", handle, namespace=name)


if __name__ == "__main__":
    run(app)
