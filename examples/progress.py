"""The progress of one request's own work, with its arguments and the user's session at hand while it runs.

python -m flask --app examples/progress run, open http://127.0.0.1:5000/?user=ann
"""

import time
from collections.abc import Iterator

from flask import Flask, Response, request, session

from realtime import Realtime, StreamEvent

app = Flask(__name__)
app.secret_key = "good enough to try it out"  # noqa: S105  an example's
realtime = Realtime(app)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Progress</title>
<progress id="bar" max="100" value="0"></progress> <output id="out"></output>
<script>
  var source = new EventSource("/work?steps=5");
  source.addEventListener("progress", function (event) { document.getElementById("bar").value = event.data; });
  source.addEventListener("done", function (event) {
    document.getElementById("out").textContent = JSON.parse(event.data).said;
  });
  source.addEventListener("realtime.end", function () { source.close(); });
</script>
"""


@app.get("/")
def page() -> str:
    session["user"] = request.args.get("user", "you")
    return PAGE


@app.get("/work")
def work() -> Response:
    def steps(last_event_id: str | None) -> Iterator[StreamEvent]:
        count = min(int(request.args["steps"]), 100)
        for step in range(int(last_event_id or 0) + 1, count + 1):  # who comes back goes on where it was
            time.sleep(0.1)
            yield StreamEvent(data=100 * step // count, event="progress", id=step)
        yield StreamEvent(data={"said": f"ready, {session['user']}"}, event="done")

    return realtime.stream(steps)
