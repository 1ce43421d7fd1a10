"""``POST /api/publish``: other backends, with keys and tokens of their own, each for its rooms."""

from __future__ import annotations

import base64
import hmac
import logging
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask

from realtime import ConfigError, Realtime
from tests.support.processes import Redis, eventually, running, start_gevent, start_threads
from tests.support.publishing import history
from tests.support.streams import EventReader

KEY, OTHER, SECRET = "k-" + "a" * 40, "k-" + "b" * 40, "s" * 64
API = "/api/publish"
Post = Callable[..., Any]


def made(**settings: Any) -> tuple[Realtime, Any]:
    """An application with these settings, and a client."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="test", **{f"REALTIME_{name.upper()}": value for name, value in settings.items()})
    return Realtime(app), app.test_client()


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


@pytest.fixture
def post() -> Post:
    """Post to an application with two keys and a secret for tokens."""
    hashed = f"sha256:{sha256(OTHER.encode()).hexdigest()}"
    realtime, client = made(api_keys=f"{KEY} orders/* news, {hashed} *", api_jwt_keys=[SECRET], api_max_batch=5)

    def post(body: Any, credential: str | None = KEY, **more: Any) -> Any:
        headers = {} if credential is None else bearer(credential)
        return client.post(API, json=body, headers={**headers, **more})

    post.realtime, post.client = realtime, client  # type: ignore[attr-defined]
    return post


def test_one_message_is_published_once_for_its_key(post: Post) -> None:
    body = {"room": "orders/7", "data": {"x": 1}, "event": "paid", "key": "k1"}
    first, again, other = post(body), post(body), post({**body, "data": 2})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert (other.status_code, other.json["error"]["code"]) == (409, "key_conflict")
    messages = post.realtime.history("orders/7").messages  # type: ignore[attr-defined]
    assert [(one.event, one.data) for one in messages] == [("paid", {"x": 1})]


def test_each_of_a_batch_is_answered_in_its_place(post: Post) -> None:
    items = [
        {"room": "news", "data": 1, "key": "a"},
        {"room": "secret", "data": 2},
        {"room": "two words", "data": 3},
        {"room": "news", "data": 1, "key": "a"},
        {"data": 4},
    ]
    answer = post({"messages": items})
    assert answer.status_code == 200
    said = [one.get("error", {}).get("code", "ok") for one in answer.json["results"]]
    assert said == ["ok", "forbidden", "invalid_value", "ok", "invalid_value"]
    assert answer.json["results"][0] == answer.json["results"][3]
    for wrong in ([], [items[0]] * 6, "x", None):
        assert post({"messages": wrong}).status_code == 422
    assert post({"messages": items[:1], "room": "news"}).status_code == 422
    assert len(post.realtime.history("news").messages) == 1  # type: ignore[attr-defined]


def test_a_key_is_for_its_rooms(post: Post) -> None:
    for room, status in (("orders/1", 201), ("news", 201), ("news2", 403), ("orders", 403), ("x/orders/1", 403)):
        assert post({"room": room, "data": 1}).status_code == status
    assert post({"room": "anything", "data": 1}, OTHER).status_code == 201


def test_who_has_no_valid_key_is_told_how_to_send_one_and_nothing_else(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    digest = sha256(OTHER.encode()).hexdigest()
    for wrong in (None, "", "x", KEY[:-1], KEY + "a", KEY.upper(), digest, f"sha256:{digest}", "é" * 40, "a.b.c"):
        answer = post({"room": "news", "data": 1}, wrong)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json["error"]["code"] == "unauthorized"
        assert not wrong or len(wrong) < 6 or wrong not in answer.text
    basic = post.client.post(API, json={"room": "news", "data": 1}, headers={"Authorization": f"Basic {KEY}"})  # type: ignore[attr-defined]
    assert basic.status_code == 401
    assert KEY not in caplog.text and KEY not in basic.text
    assert "aaaa" not in repr(post.realtime._state().settings)  # type: ignore[attr-defined]


def test_a_browsers_cookies_and_other_sites_pages_open_nothing(post: Post) -> None:
    client = post.client  # type: ignore[attr-defined]
    with client.session_transaction() as session:
        session["user"] = "admin"
    client.set_cookie("Authorization", f"Bearer {KEY}")
    body = {"room": "news", "data": 1}
    assert post(body, None).status_code == 401
    assert post(body, KEY, Origin="https://evil.com").status_code == 403
    assert client.post(f"{API}?access_token={KEY}", json=body).status_code == 401
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = client.post(API, data='{"room": "news", "data": 1}', headers=bearer(KEY), content_type=kind)
        assert answer.status_code == 415
    assert client.get(API).status_code == 405


def test_bodies_are_bounded(post: Post) -> None:
    client = post.client  # type: ignore[attr-defined]
    assert post({"room": "news", "data": "x" * 70_000}).status_code == 413
    huge = b'{"room": "news", "data": "' + b"x" * 1_100_000 + b'"}'
    for headers in (bearer(KEY), {}):
        answer = client.post(API, data=huge, headers=headers, content_type="application/json")
        assert answer.status_code == (413 if headers else 401)
    deep = "[" * 100_000
    answer = client.post(API, data=deep, headers=bearer(KEY), content_type="application/json")
    assert answer.status_code == 400


def token(key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    said = {"sub": "shop", "rooms": ["orders/*"], "exp": time.time() + 60, **claims}
    return jwt.encode({name: one for name, one in said.items() if one is not None}, key, algorithm=algorithm)


def test_a_token_is_for_its_rooms_until_it_expires(post: Post) -> None:
    assert post({"room": "orders/1", "data": 1}, token()).status_code == 201
    assert post({"room": "news", "data": 1}, token()).status_code == 403
    none = jwt.encode({"rooms": ["*"], "exp": time.time() + 60}, None, algorithm="none")
    wrong = {
        token(exp=time.time() - 1): "the token has expired",
        token(exp=None): "the token has no exp",
        token(rooms=None): "the token has no rooms",
        token(rooms="*"): "the token's rooms are not a list of 1 to 100 room names (* allowed)",
        token(rooms=[]): "the token's rooms are not a list of 1 to 100 room names (* allowed)",
        token(rooms=["two words"]): "the token's rooms are not a list of 1 to 100 room names (* allowed)",
        token(aud="other"): "the token is for another audience",
        token(exp="soon"): "the token is not valid",
        token(exp=float("inf")): "the token is not valid",
        token("t" * 40): "the token is not valid",
        token(algorithm="HS512"): "the token is not valid",
        none: "the token is not valid",
        token(pad="x" * 9000): "the token is not valid",
    }
    for one, said in wrong.items():
        answer = post({"room": "orders/1", "data": 1}, one)
        assert (answer.status_code, answer.json["error"]["message"]) == (401, said)


def pem(key: Any) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode())


def test_tokens_are_signed_with_private_keys_too_and_the_key_says_how() -> None:
    one, other = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    _, client = made(api_jwt_keys=(pem(one) + pem(other)).replace("\n", "\\n"), api_jwt_audience="push")
    body = {"room": "orders/1", "data": 1}
    for good in (token(one, "RS256", aud="push"), token(other, "ES256", aud=["push", "x"])):
        assert client.post(API, json=body, headers=bearer(good)).status_code == 201
    # A public key is known to everybody: as a shared secret it signs nothing.
    header, claims, _ = token(aud="push").split(".")
    forged = hmac.digest(pem(one).encode(), f"{header}.{claims}".encode(), "sha256")
    confused = f"{header}.{claims}.{base64.urlsafe_b64encode(forged).rstrip(b'=').decode()}"
    for bad in (confused, token(one, "RS512", aud="push"), token(one, "RS256"), token(one, "RS256", aud="y")):
        assert client.post(API, json=body, headers=bearer(bad)).status_code == 401


def test_hooks_and_signals_know_who_publishes() -> None:
    realtime, client = made(api_keys={KEY: ["*"]}, api_jwt_keys=SECRET)
    seen = []
    realtime.on_publish(lambda one: seen.append((one.source, one.identity)))
    for credential in (KEY, token()):
        client.post(API, json={"room": "orders/1", "data": 1}, headers=bearer(credential))
    client.post(API, json={"messages": [{"room": "orders/1", "data": 1}]}, headers=bearer(KEY))
    name = f"key:{sha256(KEY.encode()).hexdigest()[:8]}"
    assert seen == [("api", name), ("api", "token:shop"), ("api", name)]


def test_without_credentials_there_is_no_such_address() -> None:
    assert made()[1].post(API, json={"room": "a", "data": 1}, headers=bearer(KEY)).status_code == 404


@pytest.mark.parametrize("away", [{"room": "a", "data": 1}, {"messages": [{"room": "a", "data": 1}] * 2}])
def test_when_the_bus_is_away_nothing_was_accepted(away: Any) -> None:
    _, client = made(api_keys=f"{KEY} *", bus_url="redis://127.0.0.1:1")
    answer = client.post(API, json=away, headers=bearer(KEY))
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "bus_unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_keys": "short *"}, {"api_keys": KEY}, {"api_keys": f"{KEY} two+words"}, {"api_keys": {KEY: []}},
        {"api_keys": 7}, {"api_jwt_keys": "short"}, {"api_jwt_keys": "-----BEGIN PRIVATE KEY-----\nAAAA"},
        {"api_jwt_keys": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}, {"api_max_batch": 0},
    ],
)  # fmt: skip
def test_credentials_that_are_none_are_refused_at_start_and_not_shown(wrong: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        made(**wrong)
    assert "aaaa" not in str(refused.value) and "AAAA" not in str(refused.value) and "short" not in str(refused.value)
    assert next(iter(wrong)).upper() in str(refused.value)


@pytest.mark.parametrize("start", [start_gevent, start_threads])
def test_what_one_process_accepts_everybody_gets_and_no_log_shows_the_key(start: Any, shared_redis: Redis) -> None:
    settings = {
        "REALTIME_BUS_URL": shared_redis.url,
        "REALTIME_NAMESPACE": f"api-{start.__name__}",
        "REALTIME_API_KEYS": f"{KEY} orders/*",
        "ACCESS_LOG": "1",
    }
    one, other = start(**settings), start_gevent(**settings)
    with running(one, other), EventReader(other.url, "orders/1") as stream:
        stream.ready()
        items = [{"room": "orders/1", "data": number} for number in range(20)]
        answer = requests.post(one.url + API, json={"messages": items}, headers=bearer(KEY), timeout=30)
        ids = [item["id"] for item in answer.json()["results"]]
        stream.wait(20)
        assert (stream.ids, stream.data) == (ids, list(range(20)))
        assert [item["id"] for item in history(other.url, "orders/1")] == ids
        requests.post(one.url + API, json=items[0], headers=bearer(OTHER), timeout=30)
        eventually(lambda: start is start_threads or " 401 " in one.output)
    assert KEY not in one.output and OTHER not in one.output


def test_what_one_key_publishes_has_a_rate_and_another_key_is_not_touched() -> None:
    realtime, client = made(api_keys=f"{KEY} *, {OTHER} *", api_jwt_keys=[SECRET], api_rate=0.01, api_max_batch=3)

    def post(credential: str, *rooms: str) -> Any:
        return client.post(
            API, json={"messages": [{"room": one, "data": 1} for one in rooms]}, headers=bearer(credential)
        )

    assert post(KEY, "a", "b").status_code == 200
    refused = post(KEY, "a", "c")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "100")
    assert (refused.json["error"]["code"], refused.json["error"]["retry_after"]) == ("rate_limited", 100)
    assert len(realtime.history("a").messages) == 1, "all of a batch, or nothing of it"
    assert not realtime.history("c").messages
    one = {"room": "a", "data": 1}
    assert client.post(API, json=one, headers=bearer(KEY)).status_code == 201, "there is one left"
    assert client.post(API, json=one, headers=bearer(KEY)).status_code == 429
    assert post(OTHER, "a", "b", "c").status_code == 200
    ann, bob = (
        jwt.encode({"sub": name, "exp": time.time() + 60, "rooms": ["*"]}, SECRET, "HS256") for name in ("ann", "bob")
    )
    assert [post(one, "a", "b").status_code for one in (ann, ann, bob)] == [200, 429, 200]
    assert 'realtime_refused_total{limit="backends"} 3.0' in client.get("/metrics").text
