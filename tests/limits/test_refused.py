"""Whatever is refused is counted once, by the name of what it broke, and nothing else is: each provoked, and read from
``/metrics``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from realtime.hub.log import REFUSED
from tests.hostile.lines import BINARY, Line, answered, connected, frame, head, response
from tests.support.clients import SocketClient
from tests.support.processes import ROOT, Server, eventually, running, start_gevent, start_gunicorn, start_threads

KEY = "k-" + "a" * 40
POST = "/rooms/refused/messages"
JSON = "Content-Type: application/json"
SETTINGS = {
    "REALTIME_MAX_MESSAGE_BYTES": "1000",
    "REALTIME_MAX_FRAGMENTS": "3",
    "REALTIME_MAX_ATTACHMENTS": "1",
    "REALTIME_MAX_JSON_DEPTH": "10",
    "REALTIME_MAX_ROOMS_PER_CONNECTION": "2",
    "REALTIME_HEAD_TIMEOUT": "0.5",
    "REALTIME_BODY_TIMEOUT": "0.5",
    "REALTIME_CONNECT_TIMEOUT": "0.6",
    "REALTIME_API_KEYS": f"{KEY} *",
    "REALTIME_API_RATE": "0.01",
    "REALTIME_API_MAX_BATCH": "2",
    "REALTIME_EVENT_RATE": "1",
    "REALTIME_EVENT_BURST": "8",
    "REALTIME_JOIN_RATE": "1",
}


@pytest.fixture(scope="module", params=[start_gevent, start_gunicorn, start_threads])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each way of serving, with little allowed."""
    server: Server = request.param(**SETTINGS)
    with running(server):
        yield server
        assert "Traceback" not in server.output


def counted(server: Server) -> dict[str, float]:
    """What was refused until now, by its name."""
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
    return {one.labels["limit"]: one.value for one in samples if one.name == "realtime_refused_total"}


def post(server: Server, path: str, body: bytes, **fields: str) -> int:
    """Post a body declared as JSON; the status of the answer."""
    headers = {"Content-Type": "application/json", **fields}
    return requests.post(server.url + path, body, headers=headers, timeout=10).status_code


def deep(levels: int) -> str:
    """JSON that is nested so deep."""
    return "[" * levels + "]" * levels


def ended(server: Server, data: bytes | str) -> int | str | None:
    """How the server ended the WebSocket of a client that said this: text in a frame, or bytes as they are."""
    with Line(server.url) as line:
        line.connect()
        line.socket.sendall(frame(data.encode()) if isinstance(data, str) else data)
        return line.outcome(within=5)


# ---- each of them, once ----------------------------------------------------------------------------------------------


def too_many_bytes_posted(server: Server) -> None:
    assert post(server, POST, b'{"data": "' + b"x" * 1001 + b'"}') == 413


def too_long_a_body(server: Server) -> None:
    assert post(server, POST, b"x" * 20_000) == 413


def too_many_bytes_emitted(server: Server) -> None:
    with closing(SocketClient(server.url)) as client:
        assert client.ask("publish", {"room": "refused", "data": "x" * 1001})["error"]["code"] == "too_large"


def too_long_a_frame(server: Server) -> None:
    assert ended(server, frame(b"", size=20_000_000)) == 1009


def too_long_a_payload(server: Server) -> None:
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    sid = json.loads(requests.get(url, timeout=10).text[1:])["sid"]
    assert requests.post(f"{url}&sid={sid}", "4" * 20_000, timeout=10).status_code == 413


def too_many_bytes_in_a_batch(server: Server) -> None:
    body = json.dumps({"messages": [{"room": "refused", "data": "x" * 1001}]}).encode()
    assert post(server, "/api/publish", body, Authorization=f"Bearer {KEY}") == 200


def too_many_fragments(server: Server) -> None:
    assert ended(server, frame(b"4", fin=False) + frame(b"x", 0, fin=False) * 3) == 1009


def too_many_attachments(server: Server) -> None:
    assert ended(server, '452-["x",{"_placeholder":true,"num":0}]') == 1002


def too_deep_a_body(server: Server) -> None:
    assert post(server, POST, f'{{"data": {deep(10)}}}'.encode()) == 400


def too_deep_a_packet(server: Server) -> None:
    assert ended(server, f'42["publish",{{"room":"refused","data":{deep(9)}}}]') == 1002


def too_many_rooms_of_a_stream(server: Server) -> None:
    assert requests.get(f"{server.url}/events?room=a&room=b&room=c", timeout=10).status_code == 422


def too_many_rooms_of_a_client(server: Server) -> None:
    with closing(SocketClient(server.url)) as client:
        client.ask("join", {"room": "a"}), client.ask("join", {"room": "b"})
        eventually(lambda: client.ask("join", {"room": "c"})["error"]["code"] == "invalid_value")


def no_connect_in_time(server: Server) -> None:
    with Line(server.url) as line:
        assert line.outcome(within=5) == 1002


def an_engineio_of_another_time(server: Server) -> None:
    assert requests.get(f"{server.url}/socket.io/?EIO=3&transport=polling", timeout=10).status_code == 400


def a_bad_handshake(server: Server) -> None:
    with closing(connected(server.url)) as line:
        fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short")
        line.sendall(head("GET", "/socket.io/?EIO=4&transport=websocket", *fields))
        assert answered(line) == 400


def no_frame(server: Server) -> None:
    assert ended(server, b"\xff\xff" * 10) == 1002


def no_packet(server: Server) -> None:
    assert ended(server, "9") == 1002


def bytes_out_of_nowhere(server: Server) -> None:
    assert ended(server, frame(b"bytes", BINARY)) == 1002


def two_polls_at_once(server: Server) -> None:
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    sid = json.loads(requests.get(url, timeout=10).text[1:])["sid"]
    with closing(connected(server.url)) as waiting:
        waiting.sendall(head("GET", f"/socket.io/?EIO=4&transport=polling&sid={sid}&t=1"))
        time.sleep(0.2)
        assert requests.get(f"{url}&sid={sid}&t=2", timeout=10).status_code == 400


def a_foreign_page_posts(server: Server) -> None:
    assert post(server, POST, b'{"data": 1}', Origin="https://elsewhere.example") == 403


def a_foreign_page_connects(server: Server) -> None:
    with Line(server.url, "Origin: https://elsewhere.example") as line:
        assert line.status == 403


def too_many_events(server: Server) -> None:
    with closing(SocketClient(server.url)) as client:
        for _ in range(9):
            client.emit("leave", {"room": "a"}, number=1)
        eventually(lambda: len(client.got) == 9)


def too_many_joins(server: Server) -> None:
    with closing(SocketClient(server.url)) as client:
        for _ in range(3):
            client.emit("join", {"room": "a"}, number=1)
        eventually(lambda: len(client.got) == 3)


def too_much_by_a_backend(server: Server) -> None:
    body = json.dumps({"messages": [{"room": "refused", "data": 1}] * 2}).encode()
    # Whoever was the first had tokens.
    while post(server, "/api/publish", body, Authorization=f"Bearer {KEY}") != 429:
        pass


EACH: dict[str, list[Callable[[Server], None]]] = {
    "message_bytes": [
        too_many_bytes_posted,
        too_long_a_body,
        too_many_bytes_emitted,
        too_long_a_frame,
        too_long_a_payload,
        too_many_bytes_in_a_batch,
    ],
    "fragments": [too_many_fragments],
    "attachments": [too_many_attachments],
    "json_depth": [too_deep_a_body, too_deep_a_packet],
    "rooms": [too_many_rooms_of_a_stream, too_many_rooms_of_a_client],
    "connect_timeout": [no_connect_in_time],
    "requests": [an_engineio_of_another_time, a_bad_handshake],
    "frames": [no_frame],
    "packets": [no_packet, bytes_out_of_nowhere],
    "polls": [two_polls_at_once],
    "origins": [a_foreign_page_posts, a_foreign_page_connects],
    "events": [too_many_events],
    "joins": [too_many_joins],
    "backends": [too_much_by_a_backend],
}


@pytest.mark.parametrize("provoke", [one for several in EACH.values() for one in several])
def test_it_is_counted_once_and_nothing_else_is(server: Server, provoke: Callable[[Server], None]) -> None:
    name = next(name for name, several in EACH.items() if provoke in several)
    before = counted(server)
    provoke(server)
    if provoke is too_many_rooms_of_a_client:
        # It had to wait for its rate, which counts for itself.
        eventually(lambda: counted(server)["rooms"] == before["rooms"] + 1)
        return
    eventually(lambda: counted(server) == {**before, name: before[name] + 1}, what=f"one more of {name}")


def late_head(line: object) -> None:
    line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")  # type: ignore[attr-defined]


def late_body(line: object) -> None:
    line.sendall(head("POST", POST, JSON, "Content-Length: 11") + b'{"data')  # type: ignore[attr-defined]


def bad_head(line: object) -> None:
    line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("send", "name", "status"),
    [(late_head, "head_timeout", 408), (late_body, "body_timeout", 408), (bad_head, "requests", 400)],
)
@pytest.mark.parametrize("start", [start_gevent, start_gunicorn])
def test_what_the_servers_refuse_ahead_of_the_application_is_counted_too(
    start: Callable[..., Server], send: Callable[[object], None], name: str, status: int
) -> None:
    server = start(REALTIME_HEAD_TIMEOUT="0.5", REALTIME_BODY_TIMEOUT="0.5")
    with running(server), closing(connected(server.url)) as line:
        send(line)
        assert response(line).status == status
        assert {key: value for key, value in counted(server).items() if value} == {name: 1}


def test_every_name_is_there_from_the_beginning_and_stands_in_the_guide() -> None:
    with running(server := start_gevent()):
        assert counted(server) == dict.fromkeys(REFUSED, 0)
    guide = (ROOT / "docs/guides/limits.md").read_text("utf-8")
    assert [name for name in REFUSED if f"`{name}`" not in guide] == []


@pytest.mark.parametrize("start", [start_gevent, start_threads])
def test_as_deep_as_can_be_allowed_is_published_and_read_on_every_way(start: Callable[..., Server]) -> None:
    data, room = json.loads(deep(190)), "/rooms/deep/messages"
    with running(server := start(REALTIME_MAX_JSON_DEPTH="200")), closing(SocketClient(server.url)) as client:
        client.ask("join", {"room": "deep"})
        assert requests.post(server.url + room, json={"data": data}, timeout=10).status_code == 201
        for transport in ("websocket", "polling"):
            with closing(SocketClient(server.url, transport)) as other:
                assert other.ask("publish", {"room": "deep", "data": data})["ok"]
        eventually(lambda: len(client.named("message")) == 3)
        assert all(one.data == data for one in client.named("message"))
        kept = requests.get(server.url + room, timeout=10).json()["messages"]
        assert [one["data"] for one in kept] == [data] * 3
        client.emit("nobody's", json.loads("[" * 190 + '{"_placeholder": true, "num": 0}' + "]" * 190), b"bytes")
        assert client.ask("publish", {"room": "deep", "data": 1})["ok"], "it is no trouble with bytes in it, either"
