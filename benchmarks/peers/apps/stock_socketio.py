"""Stock Flask-SocketIO on gevent and gevent-websocket; with ``REDIS_QUEUE``, joined to others by its Redis queue."""

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from typing import Any

from flask import Flask
from flask_socketio import SocketIO, emit, join_room

app = Flask(__name__)
socketio = SocketIO(app, async_mode="gevent", message_queue=os.environ.get("REDIS_QUEUE"))


@socketio.on("join")
def join(request: dict[str, Any]) -> dict[str, bool]:
    join_room(request["room"])
    return {"ok": True}


@socketio.on("publish")
def publish(request: dict[str, Any]) -> dict[str, bool]:
    emit("message", request["data"], to=request["room"])
    return {"ok": True}


if __name__ == "__main__":
    socketio.run(app, host="127.0.0.1", port=int(os.environ["LISTEN"]))
