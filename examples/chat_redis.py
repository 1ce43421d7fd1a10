"""The classic chat, POST in and an event stream out over Redis, with what it lacked: who comes back misses nothing,
newcomers see what was said, any number of processes may serve it.

REALTIME_BUS_URL=redis://127.0.0.1:6379 python -m flask --app examples/chat_redis run
"""

import os

from flask import Flask, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from realtime import Realtime

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "good enough to try it out")
realtime = Realtime(app)

LOGIN = '<!doctype html><title>Log in</title><form action="/login" method="post"><input name="user" autofocus></form>'
CHAT = """<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<form id="say"><input name="text" autocomplete="off" autofocus></form>
<pre id="said"></pre>
<script>
  var form = document.getElementById("say"), said = document.getElementById("said");
  form.onsubmit = function () {
    fetch("/post", {method: "POST", body: new FormData(form)}).then(function () { form.reset(); });
    return false;
  };
  new EventSource("/stream").onmessage = function (event) {
    var message = JSON.parse(event.data);
    said.textContent = message.user + ": " + message.text + "\\n" + said.textContent;
  };
</script>
"""


@app.get("/")
def home() -> str:
    return CHAT if "user" in session else LOGIN


@app.post("/login")
def login() -> Response:
    session["user"] = request.form["user"]
    return redirect(url_for("home"))


@app.post("/post")
def post() -> tuple[str, int]:
    if "user" not in session:
        abort(401)
    realtime.publish("chat", {"user": session["user"], "text": request.form["text"]})
    return "", 204


@app.get("/stream")
def stream() -> Response:
    return redirect(url_for("realtime.events", room="chat", history=50), code=307)
