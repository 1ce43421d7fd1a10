"""Who may come back, to what: a pid is a secret that counts once at a time, and whoever may not read gets nothing."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import requests
import websocket

from tests.support.processes import eventually

from .client import RawClient
from .deployment import Deployment

Raw = Callable[..., RawClient]
Own = Callable[..., Deployment]


@pytest.fixture(params=["gevent-memory", "gevent-redis"])
def deployment(deployed: Callable[..., Deployment], request: pytest.FixtureRequest) -> Deployment:
    return deployed(request.param)


def lost(deployment: Deployment, raw: Raw, room: str, **auth: Any) -> RawClient:
    """A client that was in a room, got one message with the id ``offset``, and was cut off."""
    client = raw(deployment.url, auth or None)
    assert client.join(room)["ok"]
    deployment.publish(room, "seen")
    client.offset = client.event()[1]
    client.cut()
    deployment.switch()
    return client


def test_the_answer_to_connect_carries_a_pid_that_nobody_could_guess(deployment: Deployment, raw: Raw) -> None:
    one, two = raw(deployment.url), raw(deployment.url)
    assert set(one.answer) == {"sid", "pid"}
    assert one.pid not in {one.sid, two.pid}
    secret = one.pid.removeprefix(one.sid)
    assert len(secret) >= 22
    assert secret != two.pid.removeprefix(two.sid)


def test_what_was_transient_is_not_sent_again(deployment: Deployment, raw: Raw, room: str) -> None:
    old = lost(deployment, raw, room)
    say = {"data": "somebody types", "transient": True}
    assert requests.post(f"{deployment.url}/rooms/{room}/messages", json=say, timeout=10).status_code == 202
    (missed,) = deployment.publish(room, "missed")
    new = raw(deployment.url, {"pid": old.pid, "offset": old.offset})
    assert new.answer == old.answer
    assert new.event() == ["missed", missed]
    assert new.silent()


def test_no_events_come_ahead_of_the_answer_and_what_was_missed_comes_right_after(
    deployment: Deployment, raw: Raw, room: str
) -> None:
    old = lost(deployment, raw, room)
    (missed,) = deployment.publish(room, "missed")
    new = raw(deployment.url, {"pid": old.pid, "offset": old.offset})
    assert new.answer == old.answer
    assert not [one for one in new.early if "missed" in one]
    assert new.event() == ["missed", missed]
    assert new.silent()


@pytest.mark.parametrize(
    "forge",
    [
        lambda pid: pid[:-1] + ("A" if pid[-1] != "A" else "B"),
        lambda pid: pid[:-22],
        lambda pid: pid[:-22] + "A" * 22,
        lambda _pid: "A" * 43,
        lambda _pid: "~" * 100_000,
        lambda _pid: "\u0000\uffff",
        lambda _pid: "",
        lambda _pid: None,
        lambda pid: [pid],
        lambda _pid: 12,
        lambda _pid: True,
    ],
)
def test_a_forged_pid_is_a_newcomers(
    deployment: Deployment, raw: Raw, room: str, forge: Callable[[str], object]
) -> None:
    old = lost(deployment, raw, room)
    new = raw(deployment.url, {"pid": forge(old.pid), "offset": old.offset})
    assert new.sid != old.sid
    assert new.pid != old.pid
    deployment.publish(room, "not for it")
    assert new.silent()
    # And who it belongs to has lost nothing by that.
    assert raw(deployment.url, {"pid": old.pid, "offset": old.offset}).sid == old.sid


@pytest.mark.parametrize(
    "offset", ["1-0", "99999999999999-0", "18446744073709551615-0", "-1", "hello", "", 5, {"a": 1}, [], True]
)
def test_an_offset_that_the_log_does_not_know_is_not_believed(
    deployment: Deployment, raw: Raw, room: str, offset: object
) -> None:
    old = lost(deployment, raw, room)
    deployment.publish(room, "missed")
    new = raw(deployment.url, {"pid": old.pid, "offset": offset})
    assert new.sid != old.sid
    assert new.silent()


def test_of_two_with_one_pid_at_once_one_gets_it(deployment: Deployment, raw: Raw, room: str) -> None:
    old = lost(deployment, raw, room)
    deployment.publish(room, "missed")
    auth = {"pid": old.pid, "offset": old.offset}
    urls = [deployment.servers[0].url, deployment.servers[-1].url]
    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(lambda number: raw(urls[number % 2], auth), range(4)))
    assert [one.sid for one in came].count(old.sid) == 1
    assert len({one.pid for one in came}) == 4
    assert all(one.silent() for one in came if one.sid != old.sid)


def test_who_comes_back_before_its_loss_was_noticed_takes_over(deployment: Deployment, raw: Raw, room: str) -> None:
    old = raw(deployment.url)
    old.join(room)
    deployment.publish(room, 1)
    seen = old.event()[1]
    deployment.switch()
    if len(deployment.servers) == 2:
        deployment.wait_kept(old.sid, room)
    new = raw(deployment.url, {"pid": old.pid, "offset": seen})
    assert new.answer == old.answer
    assert old.ended()
    deployment.publish(room, 2)
    assert new.event()[0] == 2
    assert new.silent()


def test_who_got_ids_turned_off_gets_no_pid(deployment: Deployment, raw: Raw) -> None:
    assert set(raw(deployment.url, {"ids": False}).answer) == {"sid"}


def test_the_applications_connect_handler_has_the_last_word(deployment: Deployment, raw: Raw, room: str) -> None:
    old = lost(deployment, raw, room)
    with pytest.raises(websocket.WebSocketTimeoutException):  # There is no answer but CONNECT_ERROR.
        raw(deployment.url, {"pid": old.pid, "offset": old.offset, "refuse": True}, timeout=1)
    assert raw(deployment.url, {"pid": old.pid, "offset": old.offset}).sid != old.sid, "it is used up"


def cookie(deployment: Deployment, user: str) -> str:
    """A cookie of somebody who is logged in."""
    answer = requests.get(f"{deployment.servers[0].url}/login/{user}", timeout=10)
    return f"session={answer.cookies['session']}"


@pytest.mark.parametrize("kind", ["gevent-memory", "gevent-redis"])
def test_who_was_revoked_gets_nothing_back(own_deployment: Own, raw: Raw, room: str, kind: str) -> None:
    deployment = own_deployment(kind, ONLY="ann,bob")
    room, jar = f"private/{room}", {name: cookie(deployment, name) for name in ("ann", "bob")}
    clients = {name: raw(deployment.url, cookie=jar[name]) for name in ("ann", "bob")}
    for client in clients.values():
        assert client.join(room)["ok"]
    (seen,) = deployment.publish(room, "seen")
    for client in clients.values():
        assert client.event() == ["seen", seen]
        client.cut()
    deployment.switch()
    for server in deployment.servers:
        requests.get(f"{server.url}/expel/ann", timeout=10)
    deployment.publish(room, "secret")
    auth = {name: {"pid": client.pid, "offset": seen} for name, client in clients.items()}
    ann, bob = (raw(deployment.url, auth[name], cookie=jar[name]) for name in ("ann", "bob"))
    assert bob.sid == clients["bob"].sid
    assert bob.event()[0] == "secret"
    deployment.publish(room, "more")
    assert bob.event()[0] == "more"
    assert ann.silent()


def test_with_another_users_cookie_nobody_comes_back(own_deployment: Own, raw: Raw, room: str) -> None:
    deployment = own_deployment("gevent-memory")
    old = raw(deployment.url, cookie=cookie(deployment, "ann"))
    old.join(room)
    (seen,) = deployment.publish(room, "seen")
    old.cut()
    deployment.publish(room, "missed")
    for jar in (cookie(deployment, "bob"), None):
        # Each try uses it up.
        new = raw(deployment.url, {"pid": old.pid, "offset": seen}, cookie=jar)
        assert new.sid != old.sid
        assert new.silent()


def test_the_cookies_session_is_read_anew_and_what_handlers_changed_comes_on_top(own_deployment: Own, raw: Raw) -> None:
    deployment = own_deployment("gevent-redis")
    jar = cookie(deployment, "ann")
    old = raw(deployment.url, cookie=jar)
    old.say("421" + json.dumps(["remember", "colour", "red"]))
    old.say("421" + json.dumps(["recall"]))
    deployment.wait_kept("colour")
    old.cut()
    deployment.switch()
    new = raw(deployment.url, {"pid": old.pid}, cookie=jar)
    assert new.sid == old.sid
    assert new.ask("recall")["session"] == {"user": "ann", "colour": "red"}


def test_nothing_that_others_wrote_into_redis_is_believed(own_deployment: Own, raw: Raw, room: str) -> None:
    deployment = own_deployment("gevent-redis")
    ann, eve = raw(deployment.url), raw(deployment.url)
    ann.join(room)
    deployment.wait_kept(ann.sid, room)
    with redis.Redis.from_url(deployment.bus) as client:
        names = list(client.scan_iter("*note:recovery:*"))
        texts = {name: (client.get(name) or b"").decode() for name in names}
        (anns,) = (one for one in texts.values() if ann.sid in one)
        (eves,) = (name for name, one in texts.items() if eve.sid in one)
        assert ann.pid not in str(texts)
        deployment.switch()
        for poison in (anns, anns.replace(ann.sid, eve.sid), "", "{}", "x" * 100_000, secrets.token_hex(16) + "[]"):
            client.set(eves, poison)
            new = raw(deployment.url, {"pid": eve.pid})
            assert new.sid not in {ann.sid, eve.sid}
            assert eventually(lambda: deployment.get("/healthz").ok)


def test_who_comes_back_is_there_under_the_name_that_it_had(own_deployment: Own, raw: Raw, room: str) -> None:
    deployment = own_deployment("gevent-redis", REALTIME_PRESENCE="1")
    old = raw(deployment.url)
    assert old.ask("join", {"room": room, "name": "Ann"})["ok"]
    (old.offset,) = deployment.publish(room, "seen")
    old.event()

    def present() -> list[str]:
        found = requests.get(f"{deployment.url}/rooms/{room}/presence", timeout=10).json()
        return [one["name"] for one in found["members"]] + ["?"] * found["viewers"]

    eventually(lambda: present() == ["Ann"], what="being there")
    old.cut()
    deployment.switch()
    new = raw(deployment.url, {"pid": old.pid, "offset": old.offset})
    assert new.answer == old.answer
    eventually(lambda: present() == ["Ann"], what="being there again")
    assert present() == ["Ann"]
