"""Room names in the path of ``/rooms/<room>/messages``, encoded in every way in which clients encode them."""

from __future__ import annotations

import contextlib
import http.client
import json
from urllib.parse import quote, urlsplit

import pytest

from tests.support.processes import Server

MARKS = "_-.:/@"
SIMPLE = ["a", "x" * 128, "user@example.org", "urn:room:7", "a.b_c-d"]
SLASHES = ["team/alpha", "a//b", "/", "//", "/a", "//a/", "a/"]
DOTS = [".", "..", "../..", "a/../b", "./a"]
LIKE_THE_PATH = ["messages", "a/messages", "/messages", "messages/messages/"]
SCRIPTS = ["Grüße", "комната", "部屋/二", "غرفة", "कमरा", "room٣"]


def ask(server: Server, method: str, target: str) -> tuple[int, dict[str, object]]:
    """One request whose path nobody tidies up on the way, as ``requests`` would."""
    parts = urlsplit(server.url)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
        body = json.dumps({"data": target}) if method == "POST" else None
        connection.request(method, target, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.mark.parametrize("name", [*SIMPLE, *SLASHES, *DOTS, *LIKE_THE_PATH, *SCRIPTS])
@pytest.mark.parametrize("safe", ["", MARKS], ids=["encoded", "plain"])
def test_every_room_name_can_be_written_in_the_path(any_server: Server, name: str, safe: str) -> None:
    target = f"/rooms/{quote(name, safe=safe)}/messages"
    status, said = ask(any_server, "POST", target)
    assert status == 201, said
    status, said = ask(any_server, "GET", target + "?limit=1")
    assert status == 200
    messages = said["messages"]
    assert isinstance(messages, list)
    assert [(one["room"], one["data"]) for one in messages] == [(name, target)]


@pytest.mark.parametrize(
    "name", ["a b", "a?b", "a#b", "a~", "*", "a\n", "\0", "½", "\N{GRINNING FACE}", "x" * 129, "a\\b"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_names_are_refused(any_server: Server, name: str, method: str) -> None:
    status, said = ask(any_server, method, f"/rooms/{quote(name, safe='')}/messages")
    assert status == 422
    error = said["error"]
    assert isinstance(error, dict)
    assert error["code"] == "invalid_value"
    assert "room" in error["message"]


def test_a_name_that_is_no_utf8_is_refused(any_server: Server) -> None:
    assert ask(any_server, "POST", "/rooms/%ff/messages")[0] == 422


def test_a_name_is_decoded_once(any_server: Server) -> None:
    # The room "a%2Fb" does not exist: % is not allowed. It must not become "a/b".
    assert ask(any_server, "POST", "/rooms/a%252Fb/messages")[0] == 422


def test_names_are_not_made_alike(any_server: Server, room: str) -> None:
    for number, name in enumerate([room, room.upper(), room + "é", room + "e\u0301", room + "/", "/" + room]):
        target = f"/rooms/{quote(name, safe='')}/messages"
        assert ask(any_server, "POST", target)[0] == 201
        messages = ask(any_server, "GET", target)[1]["messages"]
        assert isinstance(messages, list)
        assert [one["room"] for one in messages] == [name], number
