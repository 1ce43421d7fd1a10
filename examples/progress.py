"""The progress of one request's own work, with its arguments and the user's session at hand while it runs.

python -m flask --app examples/progress run, open http://127.0.0.1:5000/?user=ann
"""

import json
import time
from collections.abc import Iterator

from flask import Flask, Response, request, session, stream_with_context

from realtime import Realtime

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
    source.close();  // it would come back and begin anew
  });
</script>
"""


@app.get("/")
def page() -> str:
    session["user"] = request.args.get("user", "you")
    return PAGE


@app.get("/work")
def work() -> Response:
    def steps() -> Iterator[str]:
        count = min(int(request.args["steps"]), 100)
        for step in range(1, count + 1):
            time.sleep(0.1)
            yield f"event: progress\ndata: {100 * step // count}\n\n"
        yield f"event: done\ndata: {json.dumps({'said': 'ready, ' + session['user']})}\n\n"

    return Response(stream_with_context(steps()), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
