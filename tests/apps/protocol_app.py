"""An application that echoes, for the tests of the protocols: quick heartbeats, and a second namespace."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, disconnect, emit, join_room

from realtime import Realtime
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
socketio = SocketIO(
    app,
    ping_interval=float(os.environ.get("PING_INTERVAL", "0.3")),
    ping_timeout=float(os.environ.get("PING_TIMEOUT", "0.5")),
    max_http_buffer_size=int(os.environ.get("MAX_BYTES", "1000000")),
)
realtime = Realtime(app)
socketio.server.attachments_seconds = float(os.environ.get("ATTACHMENTS_SECONDS", "30"))  # type: ignore[union-attr]


def connected(auth: Any = None) -> bool | None:
    """Tells the newcomer what it connected with, from within the handler; ``how`` says what else to do."""
    how = (auth or {}).get("how")
    if how == "refused":
        return False
    if how == "fails":
        raise ValueError(how)
    if how == "room":
        join_room("lobby")
        emit("to-room", auth, to="lobby")
    elif how == "everybody":
        emit("to-all", auth, broadcast=True)
    elif how == "slow":
        socketio.sleep(0.4)
    elif how == "turned away":
        emit("auth", auth)
        return False
    emit("auth", auth or {})
    return None


def message(*arguments: Any) -> None:
    """Sends its arguments back as an event."""
    emit("message-back", arguments)


def message_with_ack(*arguments: Any) -> tuple[Any, ...]:
    """Sends its arguments back as the acknowledgement."""
    return arguments


for namespace in ("/", "/custom"):
    socketio.on_event("connect", connected, namespace)
    socketio.on_event("message", message, namespace)
    socketio.on_event("message-with-ack", message_with_ack, namespace)


@socketio.on("go")
def go() -> None:
    """The server ends it."""
    disconnect()


@socketio.on("tell")
def tell(name: str) -> None:
    """Emits to everybody of the default namespace."""
    emit("told", name, broadcast=True)


@app.get("/sessions")
def sessions() -> list[str]:
    """The sessions that there are."""
    return list(socketio.server.eio.sockets)  # type: ignore[union-attr]


@app.post("/send/<sid>/<int:count>")
def send(sid: str, count: int) -> str:
    """Emits so many events to one client."""
    for number in range(count):
        socketio.emit("number", number, to=sid)
    return request.method


if __name__ == "__main__":
    if "NO_EPOLL" in os.environ:
        # As with TLS, and on other systems: sockets are not handed over.
        from realtime.serve import handler

        handler.HAS_EPOLL = False  # type: ignore[misc]
    run(app)
