"""An application with hooks and a schema whose users log in with Flask-Login."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
import time
from collections import defaultdict
from threading import Event
from typing import Any

from flask import Flask, jsonify, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_socketio import SocketIO

from realtime import Publication, Realtime, Refused
from realtime.signals import connection_closed, connection_opened
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
login = LoginManager(app)
realtime = Realtime(socketio=SocketIO(ping_timeout=float(os.environ.get("PING_TIMEOUT", "20"))))
told: list[tuple[str, str, frozenset[str]]] = []
gates: defaultdict[str, Event] = defaultdict(Event)


class User(UserMixin):
    def __init__(self, id_: str) -> None:
        self.id = id_


@login.user_loader
def load(id_: str) -> User:
    """Every name is a user."""
    return User(id_)


@app.get("/login/<name>")
def enter(name: str) -> str:
    """Logs in."""
    login_user(User(name))
    session["color"] = "red"
    return name


@realtime.on_publish(room="signed")
def sign(publication: Publication) -> Any:
    """Says who it was."""
    if not current_user.is_authenticated:
        raise Refused("log in first", status=401, code="unauthorized")
    sid = getattr(request, "sid", None)
    assert sid == publication.sid
    return {"by": current_user.id, "color": session["color"], "sid": sid, "said": publication.data}


@realtime.on_publish(room="slow/*")
def wait(publication: Publication) -> None:
    """Waits, as a look into a database does; less for later messages."""
    time.sleep(max(0.0, 0.05 - 0.01 * publication.data))


@realtime.on_publish(room="gate/*")
def wait_for_gate(publication: Publication) -> None:
    """Waits until somebody publishes to the room of the same name in ``open/``."""
    gates[publication.room.removeprefix("gate/")].wait(30)


@realtime.on_publish(room="open/*")
def open_gate(publication: Publication) -> None:
    """Lets those go on who wait."""
    gates[publication.room.removeprefix("open/")].set()


@realtime.on_publish(room="broken")
def fail(publication: Publication) -> None:
    """Fails."""
    raise KeyError(publication.data)


@app.get("/told")
def what_was_told() -> Any:
    """What receivers of signals were told about connections that read this room."""
    return jsonify([[name, transport] for name, transport, rooms in told if request.args["room"] in rooms])


@connection_opened.connect_via(app)
def opened(sender: Flask, *, transport: str, rooms: frozenset[str], **_: Any) -> None:
    """Waits, as a look into a database does."""
    time.sleep(0.001)
    told.append(("opened", transport, rooms))


@connection_closed.connect_via(app)
def closed(sender: Flask, *, transport: str, rooms: frozenset[str], **_: Any) -> None:
    """Notes it."""
    told.append(("closed", transport, rooms))


realtime.schema("count", int)
realtime.init_app(app)

if __name__ == "__main__":
    run(app)
