"""The recipes for access, each over event streams, posts and Socket.IO: sessions, Flask-Login, JSON Web Tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from tests.access.doors import DOORS
from tests.support.clients import SocketClient
from tests.support.processes import Server, running, start_threads

KEY = "good enough to try it out, and long"


@pytest.fixture(scope="module", params=["session_rooms", "flask_login_rooms", "jwt_rooms"])
def recipe(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each example of access."""
    with running(server := start_threads(f"examples/{request.param}")):
        yield server


@pytest.fixture(scope="module")
def tokens() -> Iterator[Server]:
    """The one with tokens."""
    with running(server := start_threads("examples/jwt_rooms")):
        yield server


def logged_in(server: Server, user: str, password: str) -> requests.Response:
    return requests.post(f"{server.url}/login", data={"user": user, "password": password}, timeout=30)


@pytest.mark.parametrize("door", list(DOORS))
def test_each_way_in_knows_who_it_is(recipe: Server, door: str) -> None:
    answer = logged_in(recipe, "ann", "apple")
    ann = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in answer.cookies)}
    action, knock = DOORS[door]
    assert knock(recipe.url, "user/ann", ann).code == "ok"
    assert knock(recipe.url, "user/bob", ann).code == "forbidden"
    assert knock(recipe.url, "user/ann", {}).code == "unauthorized"
    assert knock(recipe.url, "user/None", {}).code == "unauthorized"
    assert knock(recipe.url, "talk", ann).code == "ok"
    assert knock(recipe.url, "talk", {}).code == "unauthorized"
    assert knock(recipe.url, "news", ann).code == ("forbidden" if action == "publish" else "ok")


def test_a_wrong_password_logs_nobody_in(recipe: Server) -> None:
    answer = logged_in(recipe, "ann", "banana")
    assert answer.status_code == 401
    assert not answer.cookies


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_token_comes_in_a_header_or_in_what_a_socketio_client_connects_with(tokens: Server, transport: str) -> None:
    token = logged_in(tokens, "ann", "apple").json()["token"]
    header = {"Authorization": f"Bearer {token}"}
    assert DOORS["post"][1](tokens.url, "user/ann", header).code == "ok"
    assert DOORS["sse"][1](tokens.url, "user/ann", header).code == "ok"
    with SocketClient(tokens.url, transport, auth={"token": token}) as client:
        client.join("user/ann")
        client.publish("user/ann", 1)
        assert client.ask("join", {"room": "user/bob"})["error"]["code"] == "forbidden"


def claims(**changes: Any) -> dict[str, Any]:
    whole = {"sub": "ann", "exp": time.time() + 60, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def unsigned() -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims()]
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(claims(exp=1), KEY, algorithm="HS256"),
        jwt.encode(claims(exp=None), KEY, algorithm="HS256"),
        jwt.encode(claims(sub=None), KEY, algorithm="HS256"),
        jwt.encode(claims(), "somebody else's key, which is long", algorithm="HS256"),
        unsigned(),
        "nonsense",
    ],
    ids=["expired", "for ever", "of nobody", "forged", "unsigned", "nonsense"],
)
def test_a_token_that_is_not_valid_opens_nothing(tokens: Server, token: str) -> None:
    header = {"Authorization": f"Bearer {token}"}
    for door in ("sse", "history", "post"):
        assert DOORS[door][1](tokens.url, "user/ann", header).code == "unauthorized"
    with SocketClient(tokens.url, auth={"token": token}) as client:
        assert client.ask("join", {"room": "user/ann"})["error"]["code"] == "unauthorized"
        assert client.ask("publish", {"room": "user/ann", "data": 1})["error"]["code"] == "unauthorized"
