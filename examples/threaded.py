"""Flask's own threaded development server: streams stay open while other views work, and any thread may publish.

python -m flask --app examples/threaded run, open http://127.0.0.1:5000/ and press the button
"""

import time
from threading import Thread

from flask import Flask

from realtime import Realtime

app = Flask(__name__)
realtime = Realtime(app)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Countdown</title>
<button onclick="fetch('/start', {method: 'POST'})">Start</button>
<p id="left"></p>
<script>
  new EventSource("/events?room=countdown").addEventListener("tick", function (event) {
    document.getElementById("left").textContent = event.data;
  });
</script>
"""


def count_down() -> None:
    """Runs in a thread of its own, without request and without application context."""
    for left in (3, 2, 1, 0):
        realtime.publish("countdown", left, event="tick")
        time.sleep(0.2)


@app.get("/")
def page() -> str:
    return PAGE


@app.post("/start")
def start() -> tuple[str, int]:
    Thread(target=count_down, daemon=True).start()
    return "", 204


@app.get("/slow")
def slow() -> str:
    time.sleep(5)  # one thread waits, nobody else does
    return "done"
