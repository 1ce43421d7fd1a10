"""The smallest live page: a view that publishes, a page with an EventSource, no JavaScript library.

python -m flask --app examples/sse_view run, open http://127.0.0.1:5000/, then: curl -d text=hello http://127.0.0.1:5000/say
"""

from flask import Flask, request

from realtime import Realtime

app = Flask(__name__)
realtime = Realtime(app)  # adds /events

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>News</title>
<h1>News</h1>
<ul id="news"></ul>
<script>
  var source = new EventSource("/events?room=news&history=10");
  source.addEventListener("message", function (event) {
    var item = document.createElement("li");
    item.textContent = JSON.parse(event.data).text;  // text, never HTML
    document.getElementById("news").appendChild(item);
  });
</script>
"""


@app.get("/")
def page() -> str:
    return PAGE


@app.post("/say")
def say() -> dict[str, str]:
    return {"id": realtime.publish("news", {"text": request.form["text"]})}
