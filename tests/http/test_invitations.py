"""Invitations: who makes one, who is let in by one, and what others can do with neither."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from realtime import ConfigError, Realtime
from realtime.errors import Forbidden, InvalidValue
from realtime.invitations import MAX_SECONDS, Invitations
from realtime.web import pages
from tests.support.clients import SocketClient
from tests.support.processes import Redis, Server, running, start_gevent, start_threads
from tests.support.publishing import path

PREFIX = "private/"


def application(*, identify: bool = False, at: str | None = None, **config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_PRIVATE_PREFIX=PREFIX, **config)
    realtime = Realtime(app)
    if identify:
        realtime.identify(lambda: None)
    pages.register(app, invitations=True, url_prefix=at)
    return app


def invite(client: FlaskClient, **body: Any) -> Any:
    answer = client.post("/invitations", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def token(made: Any) -> str:
    return str(made["link"].split("#")[1])


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_whoever_has_the_link_is_let_in_and_nobody_else() -> None:
    app = application()
    host, guest, other = (app.test_client() for _ in range(3))
    made = invite(host)
    room = made["room"]
    assert room.startswith(f"{PREFIX}room-")
    assert [one.get(path(room)).status_code for one in (host, guest, other)] == [200, 401, 401]
    answer = guest.post("/invitations/accept", json={"invitation": token(made)})
    assert answer.json == {"room": room, "address": f"/?room={room}"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert [one.get(path(room)).status_code for one in (host, guest, other)] == [200, 200, 401]
    assert guest.post(path(room), json={"data": 1}).status_code == 201
    # A guest's name is not another's: who is somebody already stays so.
    again = invite(guest)
    with guest.session_transaction() as session:
        assert session["user"].startswith("guest-")
    assert other.post("/invitations/accept", json={"invitation": token(again)}).status_code == 200
    assert code(other.get(path(room))) == (403, "forbidden")


def test_whoever_is_in_a_room_may_bring_others_and_nobody_else_may() -> None:
    app = application()
    host, other = app.test_client(), app.test_client()
    room = invite(host)["room"]
    assert invite(host, room=room)["room"] == room
    assert code(other.post("/invitations", json={"room": room})) == (401, "unauthorized")
    invite(other)
    assert code(other.post("/invitations", json={"room": room})) == (403, "forbidden")


@pytest.mark.parametrize("room", ["lobby", f"{PREFIX}board", f"{PREFIX}room-short", 7, ["x"], "private"])
def test_nobody_is_invited_to_a_room_that_was_not_made_for_it(room: object) -> None:
    app = application()
    app.extensions["realtime"].manager.grant("ann", f"{PREFIX}board", seconds=60)
    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert code(client.post("/invitations", json={"room": room})) == (422, "invalid_value")


@pytest.mark.parametrize("expires", [0, -1, "60", True, None, [1], float("nan")])
def test_a_time_that_is_none_is_refused(expires: object) -> None:
    assert code(application().test_client().post("/invitations", json={"expires": expires})) == (422, "invalid_value")


def test_a_time_beyond_what_is_allowed_gets_what_is_allowed() -> None:
    made = invite(application().test_client(), expires=1e300)
    assert made["expires"] == pytest.approx(time.time() + MAX_SECONDS, abs=5)


@pytest.mark.parametrize("wrong", ["", "x", None, 7, ["x"], "x" * 5000, "e30.x"])
def test_what_is_no_invitation_opens_nothing(wrong: object) -> None:
    client = application().test_client()
    answer = client.post("/invitations/accept", json={"invitation": wrong})
    assert answer.status_code in {403, 413}
    assert "Set-Cookie" not in answer.headers


def test_an_invitation_that_has_expired_or_was_changed_or_is_another_applications_opens_nothing() -> None:
    keys: list[Any] = ["old", "new"]
    ours = Invitations(lambda: keys, prefix=PREFIX)
    made = ours.issue(ours.new_room(), expires=0.05)
    assert ours.read(made.text) == made
    with pytest.raises(Forbidden, match="not valid"):
        ours.read(made.text[:9] + ("A" if made.text[9] != "A" else "B") + made.text[10:])
    with pytest.raises(Forbidden, match="not valid"):
        Invitations(lambda: ["other"], prefix=PREFIX).read(made.text)
    with pytest.raises(Forbidden, match="not valid"):
        Invitations(lambda: keys, prefix="secret/").read(made.text)
    keys.append("newer")
    assert ours.read(made.text).room == made.room, "keys are changed without ending what is out"
    time.sleep(max(made.until - time.time(), 0) + 0.01)
    with pytest.raises(Forbidden, match="expired"):
        ours.read(made.text)
    for seconds in (0, MAX_SECONDS + 1):
        with pytest.raises(InvalidValue, match="seconds"):
            ours.issue(made.room, expires=seconds)
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        Invitations(list, prefix=PREFIX).issue(made.room, expires=1)


@pytest.mark.parametrize("call", ["/invitations", "/invitations/accept"])
def test_other_sites_can_neither_make_nor_open_one(call: str) -> None:
    client = application().test_client()
    assert code(client.post(call, json={}, headers={"Origin": "https://evil.example"})) == (403, "forbidden")
    assert code(client.post(call, json={}, headers={"Sec-Fetch-Site": "cross-site"})) == (403, "forbidden")
    assert code(client.post(call, data="{}", content_type="text/plain")) == (415, "unsupported_media_type")
    assert client.get(f"{call}/x").status_code == 404


def test_an_application_that_knows_its_users_lets_no_guests_in() -> None:
    made = token(invite(application().test_client()))
    answer = application(identify=True).test_client().post("/invitations/accept", json={"invitation": made})
    assert code(answer) == (401, "unauthorized")


def test_only_an_application_that_asks_for_them_has_invitations() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="test", REALTIME_PRIVATE_PREFIX=PREFIX)
    Realtime(app)
    pages.register(app)
    client = app.test_client()
    assert client.post("/invitations", json={}).status_code == 404
    assert 'id="invite"' not in client.get("/").text
    other = Flask(__name__)
    Realtime(other)
    with pytest.raises(ConfigError, match="REALTIME_PRIVATE_PREFIX"):
        pages.register(other, invitations=True)


def test_the_pages_may_be_anywhere() -> None:
    app = application(at="/chat")
    host, guest = app.test_client(), app.test_client()
    made = host.post("/chat/invitations", json={}).json
    assert made["link"].startswith("/chat/invitations#")
    assert 'data-accept="/chat/invitations/accept"' in guest.get("/chat/invitations").text
    assert 'data-invitations="/chat/invitations"' in guest.get("/chat/").text
    answer = guest.post("/chat/invitations/accept", json={"invitation": token(made)})
    assert answer.json["address"] == f"/chat/?room={made['room']}"


def test_an_address_that_makes_very_many_is_asked_to_wait() -> None:
    client = application().test_client()
    answers = [client.post("/invitations", json={}) for _ in range(40)]
    assert {one.status_code for one in answers} == {201, 429}
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_page_of_a_link_keeps_the_secret_to_itself(any_server: Server) -> None:
    session = requests.Session()
    made = session.post(f"{any_server.url}/invitations", json={}, timeout=10).json()
    page = session.get(any_server.url + made["link"], timeout=10)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    requests.post(f"{any_server.url}/invitations/accept", json={"invitation": token(made)}, timeout=10)
    requests.post(f"{any_server.url}/invitations/accept", json={"invitation": token(made) + "x"}, timeout=10)
    assert made["link"].startswith("/invitations#"), "what follows the # is sent to nobody"
    assert token(made) not in any_server.output


def test_an_invitation_made_in_one_process_lets_into_all(shared_redis: Redis, namespace: str) -> None:
    env = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    here, there = start_gevent(**env), start_threads(**env)
    with running(here, there):
        made = requests.post(f"{here.url}/invitations", json={}, timeout=10).json()
        guest = requests.post(f"{there.url}/invitations/accept", json={"invitation": token(made)}, timeout=10)
        cookie = {"Cookie": f"session={guest.cookies['session']}"}
        for server in (here, there):
            assert requests.get(server.url + path(made["room"]), headers=cookie, timeout=10).status_code == 200
            with SocketClient(server.url, headers=cookie) as client:
                assert client.ask("join", {"room": made["room"]})["ok"]
            with SocketClient(server.url) as client:
                assert client.ask("join", {"room": made["room"]})["error"]["code"] == "unauthorized"
                assert client.ask("publish", {"room": made["room"], "data": 1})["error"]["code"] == "unauthorized"
                assert client.ask("publish", {"room": "lobby", "data": 1})["ok"]
