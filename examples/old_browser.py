"""A page for browsers without EventSource: a polyfill from npm, loaded only where it is needed.

npm ci, then: python -m flask --app examples/old_browser run
"""

from pathlib import Path

from flask import Flask, Response, send_from_directory

from realtime import Realtime

app = Flask(__name__)
realtime = Realtime(app)
POLYFILL = Path(__file__).resolve().parents[1] / "node_modules" / "event-source-polyfill" / "src"

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Any browser</title>
<p id="kind"></p>
<ul id="news"></ul>
<script>
  if (!window.EventSource) { document.write('<script src="/polyfill/eventsource.min.js"><\\/script>'); }
</script>
<script>
  document.getElementById("kind").textContent = window.EventSourcePolyfill ? "polyfilled" : "native";
  var source = new EventSource("/events?room=news");
  source.onmessage = function (event) {
    var item = document.createElement("li");
    item.appendChild(document.createTextNode(JSON.parse(event.data)));
    document.getElementById("news").appendChild(item);
  };
</script>
"""


@app.get("/")
def page() -> str:
    return PAGE


@app.get("/polyfill/<path:name>")
def polyfill(name: str) -> Response:
    return send_from_directory(POLYFILL, name)
