"""``flask realtime publish``, ``history``, ``rooms``: on the log, and through a running server."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from realtime import Publication, Realtime, Refused
from tests.support.processes import ROOT, Redis, Server, clean_environment, free_port
from tests.support.publishing import publish

from .conftest import Run


def said(result: Result) -> list[str]:
    """What a command that succeeded printed."""
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def refused(result: Result) -> str:
    """The one line of a command that failed."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert result.stdout == ""
    return line


def test_what_is_published_is_in_the_history(on_redis: Run, room: str) -> None:
    (first,) = said(on_redis("publish", room, '{"a": "é"}'))
    (second,) = said(on_redis("publish", room, "-", "--event", "other", input="[1, 2]\n"))
    assert said(on_redis("history", room)) == [
        f'{first}  {room}  message  {{"a": "é"}}',
        f"{second}  {room}  other  [1, 2]",
    ]
    assert [json.loads(line) for line in said(on_redis("history", room, "--json", "--after", first))] == [
        {"id": second, "room": room, "event": "other", "data": [1, 2]}
    ]
    assert [line.split()[0] for line in said(on_redis("history", room, "--limit", "1"))] == [second]


def test_a_key_makes_a_repeated_command_one_message(on_redis: Run, room: str) -> None:
    once, again = (said(on_redis("publish", room, "1", "--key", "k")) for _ in range(2))
    assert once == again
    assert "this key was used for another message" in refused(on_redis("publish", room, "2", "--key", "k"))


def test_rooms_lists_those_of_the_namespace_newest_first(
    on_redis: Run, make_app: Callable[..., Flask], shared_redis: Redis
) -> None:
    elsewhere = make_app(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE="elsewhere").test_cli_runner()
    said(elsewhere.invoke(args=["realtime", "publish", "stranger", "1"]))
    assert said(on_redis("rooms")) == []
    for name in ("a:b", "zürich", "a:b"):
        (newest,) = said(on_redis("publish", name, "1"))
    shown = [line.split() for line in said(on_redis("rooms"))]
    assert shown[0] == [newest, "2", "a:b"]
    assert [one[1:] for one in shown] == [["2", "a:b"], ["1", "zürich"]]
    assert [json.loads(line)["room"] for line in said(on_redis("rooms", "--json", "--limit", "1"))] == ["a:b"]


def test_rooms_of_the_embedded_bus_are_known_to_its_own_process() -> None:
    app = Flask("application")
    realtime = Realtime(app)
    ids = [realtime.publish(name, 1) for name in ("one", "two", "one")]
    found = app.extensions["realtime"].bus.rooms(limit=10)
    assert [(room.name, str(room.newest), room.messages) for room in found] == [("one", ids[2], 2), ("two", ids[1], 1)]


@pytest.mark.parametrize("command", [("publish", "lobby", "1"), ("history", "lobby"), ("tail", "lobby"), ("rooms",)])
def test_on_memory_a_command_says_where_that_lives_and_what_to_do(on_memory: Run, command: tuple[str, ...]) -> None:
    line = refused(on_memory(*command))
    assert line.startswith("Error: the bus is memory://, which lives inside the server's own process")
    assert "--url" in line
    assert "REALTIME_BUS_URL=redis://" in line


def test_through_a_running_server_they_work_on_memory_too(on_memory: Run, gevent_server: Server, room: str) -> None:
    url = ("--url", gevent_server.url + "/")
    (id_,) = said(on_memory("publish", room, '"hi"', "--event", "other", *url))
    assert said(on_memory("history", room, *url)) == [f'{id_}  {room}  other  "hi"']
    publish(gevent_server.url, room, 2)
    assert len(said(on_memory("history", room, "--after", id_, *url))) == 1
    lost = on_memory("history", room, "--after", "1-1", *url)
    assert "gone from the log" in lost.stderr
    assert "at most 65536 are allowed" in refused(on_memory("publish", room, json.dumps("x" * 70_000), *url))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("publish", "lobby", "hi"), "not JSON: .*Text needs its own quotes"),
        (("publish", "lobby", "NaN"), "no JSON form"),
        (("publish", "lobby", "1", "--event", "connect"), "not an event name"),
        (("publish", "two words", "1"), "not a room name"),
        (("publish", "two words", "1", "--url", "http://127.0.0.1:1"), "not a room name"),
        (("history", "lobby", "--after", "yesterday"), "not an id"),
        (("tail", "lobby", "two words"), "not a room name"),
        (("history", "lobby", "--url", "ftp://host"), "not a server's URL"),
        (("history", "lobby", "--url", "http://host", "--header", "Authorization"), "not a header"),
        (("history", "lobby", "--url", "http://host", "--header", "two words: 1"), "not a header"),
        (("history", "lobby", "--url", "http://host", "--header", "A: b\nC: d"), "not a header"),
    ],
)
def test_bad_input_is_one_line(on_redis: Run, arguments: tuple[str, ...], reason: str) -> None:
    assert re.search(reason, refused(on_redis(*arguments)))


def test_a_server_or_redis_that_is_not_there_is_one_line(make_app: Callable[..., Flask]) -> None:
    nowhere = free_port()
    app = make_app(REALTIME_BUS_URL=f"redis://127.0.0.1:{nowhere}", REALTIME_PUBLISH_TIMEOUT=0.2)
    run = app.test_cli_runner().invoke
    for command in (["publish", "lobby", "1"], ["history", "lobby"], ["tail", "lobby"], ["rooms"]):
        assert "Redis cannot be" in refused(run(args=["realtime", *command]))
    for command in (["publish", "lobby", "1"], ["history", "lobby"], ["tail", "lobby"]):
        assert "cannot be reached" in refused(run(args=["realtime", *command, "--url", f"http://127.0.0.1:{nowhere}"]))


@pytest.mark.parametrize("command", [["realtime", "doctor"], ["run", "--port", "0"], ["routes"]])
def test_a_bad_setting_is_one_line_whatever_loads_the_application(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\nfrom realtime import Realtime\napp = Flask(__name__)\nRealtime(app)\n", "utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", *command],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT), REALTIME_HEARTBEAT="soon"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: REALTIME_HEARTBEAT is 'soon'; allowed is a number from 0.05 to 300\n"


def test_hooks_see_what_the_command_publishes(shared_redis: Redis, namespace: str) -> None:
    app = Flask("shop")
    app.config.update(REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    realtime = Realtime(app)

    @realtime.on_publish(room="signed")
    def sign(publication: Publication) -> dict[str, object]:
        if publication.data == "bad":
            raise Refused("we do not say that")
        return {"said": publication.data, "by": "hook"}

    run = app.test_cli_runner().invoke
    said(run(args=["realtime", "publish", "signed", '"good"']))
    assert "we do not say that" in refused(run(args=["realtime", "publish", "signed", '"bad"']))
    (line,) = said(run(args=["realtime", "history", "signed", "--json"]))
    assert json.loads(line)["data"] == {"said": "good", "by": "hook"}
    app.extensions["realtime"].close()


def test_an_application_that_was_made_for_greenlets_publishes_from_a_shell(
    shared_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\nfrom flask_socketio import SocketIO\nfrom realtime import Realtime\n"
        "app = Flask('shop')\nSocketIO(app, async_mode='gevent')\nrealtime = Realtime(app)\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "flask", "--app", "shop", "realtime"]
    environ = clean_environment(PYTHONPATH=str(ROOT), REALTIME_BUS_URL=shared_redis.url, REALTIME_NAMESPACE=namespace)
    shown = ""
    for arguments in (["publish", "lobby", '"from a shell"'], ["history", "lobby"]):
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        shown += done.stdout
    assert re.fullmatch(r'(\d+-\d+)\n\1  lobby  message  "from a shell"\n', shown)


def test_what_a_terminal_would_obey_is_not_printed(on_redis: Run, room: str) -> None:
    (id_,) = said(on_redis("publish", room, '"\\u009b31m\\u202e"'))
    assert said(on_redis("history", room)) == [f'{id_}  {room}  message  "\\u009b31m\\u202e"']
    assert json.loads(said(on_redis("history", room, "--json"))[0])["data"] == "\x9b31m\u202e"


@contextmanager
def answering(*lines: str, body: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server that is not realtime: its address, and the heads of the requests that it got."""
    heads: list[str] = []
    answer = "\r\n".join([f"HTTP/1.1 {lines[0]}", *lines[1:], f"Content-Length: {len(body)}", "", body])

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = other.accept()
                with client:
                    heads.append(client.recv(65536).decode())
                    client.sendall(answer.encode())

    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{other.getsockname()[1]}", heads
        other.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["418 I'm a teapot"], ""),
        (["200 OK", "Content-Type: text/html"], "<h1>hi</h1>"),
        (["200 OK", "Content-Type: application/json"], "[1]"),
        (["200 OK", "Content-Type: application/json"], '{"error": "as others do"}'),
        (["500 Internal Server Error", "Content-Type: application/json"], '{"error": "as others do"}'),
        (["200 OK", "Content-Type: text/event-stream"], "data: no JSON\n\n"),
    ],
)
def test_a_server_that_is_another_is_recognised(on_memory: Run, lines: list[str], body: str) -> None:
    with answering(*lines, body=body) as (address, _):
        for command in (["history", "lobby"], ["publish", "lobby", "1"], ["tail", "lobby"]):
            line = refused(on_memory(*command, "--url", f"http://{address}"))
            assert line == (
                f"Error: http://{address} answered {lines[0][:3]}: which is no answer of realtime; is this its address?"
            )


def test_a_redirect_says_where_to(on_memory: Run) -> None:
    with answering("301 Moved Permanently", "Location: https://push.example/") as (address, _):
        line = refused(on_memory("history", "lobby", "--url", f"http://{address}"))
    assert "answered 301: it sends us to https://push.example/; name that address" in line


def test_a_name_and_password_in_the_address_are_sent_and_not_shown(on_memory: Run) -> None:
    with answering("401 Unauthorized") as (address, heads):
        line = refused(on_memory("history", "lobby", "--url", f"http://ann:s%3Acret@{address}"))
    assert "Authorization: Basic YW5uOnM6Y3JldA==" in heads[0]
    assert "cret" not in line


def test_input_that_is_no_text_is_one_line(on_redis: Run) -> None:
    assert "not JSON" in refused(on_redis("publish", "lobby", "-", input=b"\xff\xfe\x00"))
