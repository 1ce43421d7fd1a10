"""A worker process (in a Celery task it would be the same two lines with Publisher) tells the page how its job goes.

The server:  REDIS_URL=redis://127.0.0.1:6379 python -m flask --app examples/worker run
The worker:  REDIS_URL=redis://127.0.0.1:6379 python -m examples.worker
"""

import os
import time
import uuid

import redis
from flask import Flask

from realtime import Publisher, Realtime

QUEUE = "example-jobs"
jobs = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
app = Flask(__name__)
realtime = Realtime(app)  # REDIS_URL is its bus, too

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Worker</title>
<button id="go">Make the report</button> <progress id="bar" max="100" value="0"></progress> <output id="out"></output>
<script>
  document.getElementById("go").onclick = function () {
    fetch("/reports", {method: "POST"}).then(function (r) { return r.json(); }).then(function (job) {
      var source = new EventSource("/events?history=100&room=" + job.room);  // history: the worker may be faster
      source.addEventListener("progress", function (e) { document.getElementById("bar").value = e.data; });
      source.addEventListener("done", function (e) {
        document.getElementById("out").textContent = JSON.parse(e.data).file;
        source.close();
      });
    });
  };
</script>
"""


@app.get("/")
def page() -> str:
    return PAGE


@app.post("/reports")
def order() -> tuple[dict[str, str], int]:
    room = f"report/{uuid.uuid4()}"
    jobs.rpush(QUEUE, room)
    return {"room": room}, 202


if __name__ == "__main__":
    with Publisher() as publisher:
        while True:
            _, room = map(str, jobs.blpop([QUEUE]) or ())
            for percent in range(20, 101, 20):
                time.sleep(0.05)
                publisher.publish(room, percent, event="progress", key=f"{room}-{percent}")  # never twice
            publisher.publish(room, {"file": "report.pdf"}, event="done", key=f"{room}-done")
