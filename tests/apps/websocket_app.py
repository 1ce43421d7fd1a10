"""A Realtime application that has a WebSocket of its own: one view echoes, another refuses."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

from flask import Flask, Response, request

from realtime import Realtime
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
realtime = Realtime(app)
closed: list[str] = []


@app.route("/echo", websocket=True)
def echo() -> str:
    socket = request.environ["wsgi.websocket"]
    while (text := socket.receive()) is not None:
        socket.send(text)
    return ""


@app.route("/refuse", websocket=True)
def refuse() -> Response:
    response = Response("no", status=403)
    response.call_on_close(lambda: closed.append("refused"))
    return response


@app.get("/closed")
def how_many_closed() -> str:
    return str(len(closed))


if __name__ == "__main__":
    run(app)
