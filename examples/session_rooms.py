"""Rooms that are not for everybody, with nothing but Flask's session: it holds for streams, posts and Socket.IO alike.

python -m flask --app examples/session_rooms run
"""

import os

from flask import Flask, abort, request, session

from realtime import Realtime

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "good enough to try it out")
realtime = Realtime(app)

PASSWORDS = {"ann": "apple", "bob": "banana"}  # an application has hashes, in a database


@app.post("/login")
def login() -> tuple[str, int]:
    user = request.form["user"]
    if PASSWORDS.get(user) != request.form["password"]:
        abort(401)
    session["user"] = user
    return "", 204


@realtime.authorize
def allowed(user: str | None, action: str, room: str) -> bool:
    """``session["user"]`` is who it is, unless ``identify`` says otherwise."""
    if room.startswith("user/"):
        return user is not None and room == f"user/{user}"  # each user's own
    if room == "news":
        return action != "publish"  # everybody reads, the server alone writes
    return user is not None  # all others: who is logged in
