"""JSON Web Tokens: apps and scripts send one in a header, browsers (whose EventSource sends none) in a cookie.

python -m flask --app examples/with_jwt run, then: curl -d user=ann http://127.0.0.1:5000/token
"""

import time

import jwt
from flask import Flask, Response, abort, jsonify, request

from realtime import Publication, Realtime, Refused

SECRET = "at least thirty-two bytes, and not in the code"  # noqa: S105  an example's
app = Flask(__name__)
realtime = Realtime(app)


def claims() -> dict[str, str] | None:
    """What the request's token says, if it is a good one. A Socket.IO client sends it when it connects."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get("token", "")
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        return None


@app.post("/token")  # a real one asks for a password
def token() -> Response:
    content = {"sub": request.form["user"], "exp": int(time.time()) + 3600}
    made = jwt.encode(content, SECRET, algorithm="HS256")
    response = jsonify(token=made)
    response.set_cookie("token", made, httponly=True, samesite="Lax", max_age=3600)
    return response


@app.before_request
def streams_and_rooms_need_a_token() -> None:
    if request.blueprint == "realtime" and request.endpoint != "realtime.static" and claims() is None:
        abort(401, "a valid token is needed")


@realtime.socketio.on("connect")
def sockets_need_a_token(_auth: object = None) -> bool:
    return claims() is not None


@realtime.on_publish(room="members")
def sign(publication: Publication) -> dict[str, str] | None:
    if publication.source == "server":
        return None  # what this program says itself
    said_by = claims()
    if said_by is None:  # a socket outlives its token
        raise Refused("the token has expired", status=401, code="unauthorized")
    return {"user": said_by["sub"], "text": str(publication.data)}
