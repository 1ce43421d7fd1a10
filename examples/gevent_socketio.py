"""gevent and Socket.IO: WebSocket clients and EventSource readers of one room, in one process, no thread each.

python -m gunicorn --no-control-socket --worker-class realtime.serve.worker.Worker --bind 127.0.0.1:5000 \\
    --pythonpath examples gevent_socketio:app
"""

from flask import Flask, render_template_string

from realtime import Realtime

app = Flask(__name__)
realtime = Realtime(app)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Two transports</title>
<form id="say"><input name="text" autocomplete="off" autofocus></form>
<h2>Socket.IO</h2> <ol id="socket"></ol>
<h2>EventSource</h2> <ol id="stream"></ol>
{{ realtime_scripts() }}
<script>
  function show(where, id, text) {
    var item = document.createElement("li");
    item.textContent = id + " " + text;
    document.getElementById(where).appendChild(item);
  }
  var socket = io({transports: ["websocket"]}), form = document.getElementById("say"), last = null;
  socket.on("connect", function () { socket.emit("join", last ? {room: "both", after: last} : {room: "both"}); });
  socket.on("message", function (data, id) { last = id; show("socket", id, data.text); });
  form.onsubmit = function () {
    socket.emit("publish", {room: "both", data: {text: form.text.value}}, function (answer) {
      if (answer.ok) { form.reset(); } else { alert(answer.error.message); }
    });
    return false;
  };
  new EventSource("/events?room=both").onmessage = function (event) {
    show("stream", event.lastEventId, JSON.parse(event.data).text);
  };
</script>
"""


@app.get("/")
def page() -> str:
    return render_template_string(PAGE)
