"""An application whose rooms are not for everybody; its users are the session's."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

from collections import defaultdict
from threading import Event
from typing import Any

from flask import Flask, abort, request, session

from realtime import Forbidden, Realtime
from realtime.rules import Publication
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
realtime = Realtime()
outcasts: set[tuple[str, str | None]] = set()
gates: defaultdict[str, Event] = defaultdict(Event)


@app.get("/login/<name>")
def login(name: str) -> str:
    """Logs in."""
    session["user"] = name
    return name


@realtime.authorize(room="private/*")
def is_owner(identity: Any, _action: str, room: str) -> bool:
    """A private room is its owner's."""
    return bool(identity == room.split("/")[1])


@realtime.authorize(room="members/*")
def is_somebody(identity: Any, _action: str, _room: str) -> bool:
    """For everybody who is known."""
    return identity is not None


@realtime.authorize(room="only/*")
def only(_identity: Any, action: str, room: str) -> bool:
    """Allows the actions that the room's name lists."""
    return action in room.split("/")[1].split(".")


@realtime.authorize(room="words/*")
def in_words(_identity: Any, _action: str, room: str) -> bool:
    """Refuses in words of its own."""
    if room == "words/abort":
        abort(409, "not while it rains")
    raise Forbidden("not today")


@realtime.authorize(room="broken/*")
def fail(_identity: Any, action: str, room: str) -> bool:
    """Fails."""
    raise KeyError(f"{action} {room}")


@realtime.authorize(room="gate/*")
def wait_for_gate(_identity: Any, _action: str, room: str) -> bool:
    """Waits until somebody wants something of the room of the same name in ``open/``."""
    return gates[room.removeprefix("gate/")].wait(30)


@realtime.authorize(room="open/*")
def open_gate(_identity: Any, _action: str, room: str) -> bool:
    """Lets those go on who wait."""
    gates[room.removeprefix("open/")].set()
    return True


@realtime.authorize(room="club/*")
def is_member(identity: Any, _action: str, room: str) -> bool:
    """A club is for all but those who were thrown out of it, or everywhere."""
    return identity is not None and not outcasts & {(identity, room), (identity, None)}


@app.get("/ticket/<user>")
def ticket(user: str) -> str:
    """Makes a ticket."""
    expires, once = float(request.args.get("expires", "60")), "once" in request.args
    return realtime.ticket(user, request.args.getlist("room"), expires=expires, once=once)


@app.post("/grant/<user>")
def grant(user: str) -> tuple[str, int]:
    """Lets somebody into a private room."""
    expires = request.args.get("expires")
    realtime.grant(user, request.args["room"], expires=None if expires is None else float(expires))
    return "", 204


@app.post("/logout/<user>")
def logout(user: str) -> tuple[str, int]:
    """Logs somebody out, everywhere."""
    realtime.logout(user)
    return "", 204


@app.post("/revoke/<user>")
def revoke(user: str) -> tuple[str, int]:
    """Throws somebody out of a room, or out of everything; with ``silently``, the hooks go on to allow it."""
    room = request.args.get("room")
    if "silently" not in request.args:
        outcasts.add((user, room))
    realtime.revoke(user, room)
    return "", 204


@app.post("/outcast/<user>")
def outcast(user: str) -> tuple[str, int]:
    """Throws somebody out, and tells nobody yet."""
    outcasts.add((user, request.args.get("room")))
    return "", 204


@realtime.on_publish(room="signed/*")
def sign(publication: Publication) -> Any:
    """Says who it was."""
    return {"by": publication.identity}


realtime.init_app(app)

if __name__ == "__main__":
    run(app)
