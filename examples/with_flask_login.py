"""Flask-Login at every door: only who is logged in may read or publish, and who it was is said by the server.

python -m flask --app examples/with_flask_login run, open http://127.0.0.1:5000/login/ann
"""

from flask import Flask, redirect
from flask_login import LoginManager, UserMixin, login_required, login_user
from werkzeug.wrappers import Response

from realtime import Publication, Realtime

app = Flask(__name__)
app.secret_key = "good enough to try it out"  # noqa: S105  an example's
login = LoginManager(app)
realtime = Realtime(app)

PAGE = """<!doctype html>
<meta charset="utf-8"><title>Members</title>
<pre id="said"></pre>
<script>
  new EventSource("/events?room=members&history=20").onmessage = function (event) {
    document.getElementById("said").textContent += event.data + "\\n";
  };
</script>
"""


@login.user_loader
def load(name: str) -> UserMixin:
    return type("User", (UserMixin,), {"id": name})()


@realtime.authorize(room="members")
def members_only(user: str | None, _action: str, _room: str) -> bool:
    return user is not None


@realtime.on_publish(room="members")
def sign(publication: Publication) -> dict[str, str] | None:
    if publication.source == "server":
        return None  # what this program says itself
    return {"user": publication.identity, "text": str(publication.data)}


@app.get("/")
@login_required
def page() -> str:
    return PAGE


@app.get("/login/<name>")  # a real one asks for a password
def enter(name: str) -> Response:
    login_user(load(name))
    return redirect("/")
