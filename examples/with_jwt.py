"""JSON Web Tokens: apps and scripts send one in a header, browsers (whose EventSource sends none) in a cookie.

python -m flask --app examples/with_jwt run, then: curl -d user=ann http://127.0.0.1:5000/token
"""

import time

import jwt
from flask import Flask, Response, jsonify, request

from realtime import Publication, Realtime, Unauthorized

SECRET = "at least thirty-two bytes, and not in the code"  # noqa: S105  an example's
app = Flask(__name__)
realtime = Realtime(app)


@realtime.identify
def who() -> str | None:
    """Whose token the request has. A Socket.IO client sends it when it connects."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get("token", "")
    if not token:
        return None
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})["sub"]
    except jwt.InvalidTokenError as exc:
        raise Unauthorized(f"the token is not valid: {exc}") from exc


@realtime.authorize(room="members")
def members_only(user: str | None, _action: str, _room: str) -> bool:
    return user is not None


@app.post("/token")  # a real one asks for a password
def token() -> Response:
    content = {"sub": request.form["user"], "exp": int(time.time()) + 3600}
    made = jwt.encode(content, SECRET, algorithm="HS256")
    response = jsonify(token=made)
    response.set_cookie("token", made, httponly=True, samesite="Lax", max_age=3600)
    return response


@realtime.on_publish(room="members")
def sign(publication: Publication) -> dict[str, str] | None:
    if publication.source == "server":
        return None  # what this program says itself
    return {"user": publication.identity, "text": str(publication.data)}
