"""Rooms that are not for everybody, with Flask-Login: its ``current_user`` works on every way in.

python -m flask --app examples/flask_login_rooms run
"""

import os

from flask import Flask, abort, request
from flask_login import LoginManager, UserMixin, current_user, login_user

from realtime import Realtime

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "good enough to try it out")
login_manager = LoginManager(app)
realtime = Realtime(app)

PASSWORDS = {"ann": "apple", "bob": "banana"}  # an application has hashes, in a database


class User(UserMixin):
    def __init__(self, user_id: str) -> None:
        self.id = user_id


@login_manager.user_loader
def load(user_id: str) -> User | None:
    return User(user_id) if user_id in PASSWORDS else None


@app.post("/login")
def login() -> tuple[str, int]:
    user = load(request.form["user"])
    if user is None or PASSWORDS[user.id] != request.form["password"]:
        abort(401)
    login_user(user)
    return "", 204


@realtime.identify
def who() -> User:
    """Who was deleted since is nobody: the loader is asked. (Without this, it is the user's id in the session.)"""
    return current_user  # type: ignore[no-any-return]


@realtime.authorize
def allowed(user: User | None, action: str, room: str) -> bool:
    if room.startswith("user/"):
        return user is not None and room == f"user/{user.id}"  # each user's own
    if room == "news":
        return action != "publish"  # everybody reads, the server alone writes
    return user is not None  # all others: who is logged in
