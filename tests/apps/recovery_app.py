"""An application whose Socket.IO clients come back: handlers with a session, rooms that it puts clients into itself.

``ONLY`` in the environment names users, separated by commas: then the rooms under ``private/`` are for those alone.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from typing import Any

from flask import Flask, request, session
from flask_socketio import SocketIO, emit, join_room, leave_room

from realtime import Realtime
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
socketio = SocketIO(app)
realtime = Realtime(app, socketio=socketio)
left: set[str] = set()
members = {name for name in os.environ.get("ONLY", "").split(",") if name}

if members:

    @realtime.authorize(room="private/*")
    def only_members(user: str | None, action: str, _room: str) -> bool:
        return action == "publish" or user in members


@app.get("/login/<user>")
def login(user: str) -> str:
    session["user"] = user
    return user


@app.get("/expel/<user>")
def expel(user: str) -> str:
    members.discard(user)
    realtime.revoke(user)
    return user


@socketio.on("connect")
def connected(auth: Any) -> bool | None:
    if isinstance(auth, dict) and auth.get("refuse") and realtime.recovered():
        return False
    emit("hello", {"recovered": realtime.recovered(), "sid": request.sid})  # type: ignore[attr-defined]
    return None


@socketio.on("disconnect")
def disconnected(_reason: str) -> None:
    left.add(request.sid)  # type: ignore[attr-defined]


@app.get("/left/<sid>")
def has_left(sid: str) -> tuple[str, int]:
    return "", 204 if sid in left else 404


@socketio.on("remember")
def remember(name: str, value: Any) -> None:
    session[name] = value
    server_session = socketio.server.get_session(request.sid)  # type: ignore[attr-defined]
    socketio.server.save_session(request.sid, {**server_session, name: value})  # type: ignore[attr-defined]


@socketio.on("recall")
def recall() -> dict[str, Any]:
    kept = socketio.server.get_session(request.sid)  # type: ignore[attr-defined]
    return {"session": dict(session), "kept": kept, "sid": request.sid}  # type: ignore[attr-defined]


@socketio.on("enter")
def enter(room: str) -> None:
    join_room(room)


@socketio.on("quit")
def quit_room(room: str) -> None:
    leave_room(room)


if __name__ == "__main__":
    run(app)
