"""A Flask-SocketIO application as there are many, which gains event streams, history and replay by two lines.

python -m flask --app examples/socketio_two_lines run, then: curl -N 'http://127.0.0.1:5000/events?room=kitchen'
"""

from flask import Flask
from flask_socketio import SocketIO, emit, join_room

from realtime import Realtime  # the first line

app = Flask(__name__)
socketio = SocketIO(app)
Realtime(app)  # the second: every emit to a room is now in the room's log and on /events


@socketio.on("enter")
def enter(room: str) -> None:
    join_room(room)
    emit("entered", {"room": room}, to=room)


@socketio.on("order")
def order(data: dict[str, str]) -> str:
    emit("ordered", {"dish": data["dish"]}, to="kitchen")
    return "on its way"


@app.post("/ready/<dish>")
def ready(dish: str) -> tuple[str, int]:
    socketio.emit("ready", {"dish": dish}, to="kitchen")
    return "", 204
