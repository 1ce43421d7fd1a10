"""Rooms that are not for everybody, with JSON Web Tokens: in a header, in a Socket.IO client's ``auth``, or in a cookie
for the browser's EventSource, which can send nothing else.

python -m flask --app examples/jwt_rooms run
"""

import os
import time

import jwt
from flask import Flask, Response, abort, jsonify, request

from realtime import Realtime, Unauthorized

app = Flask(__name__)
KEY = os.environ.get("JWT_KEY", "good enough to try it out, and long")
realtime = Realtime(app)

PASSWORDS = {"ann": "apple", "bob": "banana"}  # an application has hashes, in a database


@app.post("/login")
def login() -> Response:
    user = request.form["user"]
    if PASSWORDS.get(user) != request.form["password"]:
        abort(401)
    token = jwt.encode({"sub": user, "exp": time.time() + 600}, KEY, algorithm="HS256")
    answer = jsonify(token=token)
    answer.set_cookie("token", token, httponly=True, samesite="Lax", secure=request.is_secure)
    return answer


@realtime.identify
def who() -> str | None:
    header = request.headers.get("Authorization", "").partition("Bearer ")[2]
    token = header or realtime.auth.get("token") or request.cookies.get("token")
    if not token:
        return None
    try:
        # The algorithm is ours to choose, never the token's.
        claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError as error:
        raise Unauthorized(f"the token is not valid: {error}") from error
    return str(claims["sub"])


@realtime.authorize
def allowed(user: str | None, action: str, room: str) -> bool:
    if room.startswith("user/"):
        return user is not None and room == f"user/{user}"  # each user's own
    if room == "news":
        return action != "publish"  # everybody reads, the server alone writes
    return user is not None  # all others: who is logged in
