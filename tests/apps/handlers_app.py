"""A Flask-SocketIO application with handlers of every kind, its SocketIO made first and initialised in a factory."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from typing import Any

from flask import Flask, Response, jsonify, request, session
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import Namespace, SocketIO, disconnect, emit, join_room, leave_room, rooms

from realtime import Realtime
from tests.apps.running import run

PATIENCE = float(os.environ.get("PING_TIMEOUT", "20"))

socketio = SocketIO(ping_interval=PATIENCE / 2, ping_timeout=PATIENCE, monitor_clients=PATIENCE > 1)
realtime = Realtime()
farewells: list[list[str]] = []


@socketio.on("connect")
def connect(auth: dict[str, Any] | None = None) -> bool | None:
    """Lets in who has a name; emits to the newcomer and to everyone from within."""
    if not auth:
        return None
    if "name" not in auth:
        return False
    if auth["name"] == "banned":
        raise Refused("banned", {"until": 2030})
    if auth["name"] == "rejected":
        # In the middle of connecting: python-socketio has nobody to disconnect yet.
        disconnect()
    if auth["name"] == "slow":
        socketio.sleep(0.5)
    session.update(auth)
    join_room(auth["room"])
    emit("welcome", auth["name"])
    emit("joined", auth["name"], to=auth["room"], include_self=False)
    emit("everyone", len(rooms()), to=auth["room"])
    return None


@socketio.on("disconnect")
def gone(reason: str) -> None:
    """Says farewell, as most applications do."""
    if "name" in session:
        farewells.append([session["name"], reason])
        emit("left", session["name"], to=session["room"])
        leave_room(session["room"])


@socketio.on("join")
def join(data: Any) -> str:
    """The application's own meaning of an event that Realtime handles, too."""
    join_room(f"own-{data}")
    return f"joined {data} in its own way"


@socketio.on("whoami")
def whoami() -> list[Any]:
    """What the session says, of this connection and of the browser."""
    return [session.get("name"), session.get("login")]


@socketio.on("rename")
def rename(name: str) -> None:
    """Changes the connection's session."""
    session["name"] = name


@socketio.on("fail")
def fail(text: str) -> None:
    """Raises."""
    raise ValueError(text)


@socketio.on("shout")
def shout() -> None:
    """Emits to everybody."""
    emit("shouted", broadcast=True)


@socketio.on("several")
def several() -> tuple[int, int]:
    """Answers with two arguments."""
    return 1, 2


@socketio.on_error("/")
def failed(error: Exception) -> str:
    """What a client is answered when a handler of the default namespace raised."""
    return f"handled {error}"


@socketio.on_error_default
def failed_elsewhere(error: Exception) -> str:
    """The same in other namespaces."""
    return f"handled elsewhere {error}"


class Shop(Namespace):
    """A class with handlers; its ``on_join`` is no business of Realtime's."""

    def on_connect(self, auth: Any = None) -> None:
        """Greets."""
        self.emit("open", {"sid": request.sid}, room=request.sid)

    def on_join(self, name: str) -> str:
        """Enters a room of this namespace."""
        join_room(name)
        self.emit("customers", name, room=name)
        return "welcome"

    def on_leave(self, name: str) -> None:
        """Leaves it."""
        leave_room(name)

    def on_publish(self, text: str) -> None:
        """Fails."""
        raise KeyError(text)


socketio.on_namespace(Shop("/shop"))


def create_app() -> Flask:
    """The application, made as factories do."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "test"
    socketio.init_app(app)
    realtime.init_app(app)

    @app.get("/login/<name>")
    def login(name: str) -> str:
        session["login"] = name
        return name

    @app.get("/farewells")
    def said() -> Response:
        return jsonify(farewells)

    return app


app = create_app()

if __name__ == "__main__":
    run(app)
