"""Sessions as clients hold them: what the fuzzer changes. Each kind is a list of what is said, piece by piece."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """One WebSocket frame of a client: opcode, payload, and whether it is the last of its message."""

    opcode: int
    payload: bytes
    fin: bool = True


CONNECT = Said(1, b"40")

FRAMES: list[list[Said]] = [
    [CONNECT, Said(1, b'420["join",{"room":"lobby"}]'), Said(1, b"3")],
    [CONNECT, Said(9, b"hello"), Said(1, b'421["publish",{"room":"lobby","data":{"a":1}}]'), Said(10, b"")],
    [CONNECT, Said(1, b'42["a', False), Said(9, b""), Said(0, b'b","', False), Said(0, b'c"]')],
    [CONNECT, Said(1, b'451-["file",{"_placeholder":true,"num":0}]'), Said(2, b"\x00\x01\x02")],
    [CONNECT, Said(1, b'420["leave",{"room":"lobby"}]'), Said(8, b"\x03\xe8bye")],
    [CONNECT, Said(1, '42["say","gr\u00fc\u00df dich \U0001f600"]'.encode())],
    [CONNECT, Said(2, b"x" * 300)],
]

PACKETS: list[list[bytes]] = [
    [b'420["join",{"room":"lobby"}]'],
    [b'420["join",{"room":"lobby","history":10}]', b'421["leave",{"room":"lobby"}]'],
    [b'420["join",{"room":"lobby","after":"1790000000000-0"}]'],
    [b'420["publish",{"room":"lobby","event":"note","data":{"text":"hi"},"key":"k1"}]'],
    [b'42["anything",1,2.5,null,true,"text",{"a":[1,{"b":[]}]}]'],
    [b"40/other,", b'42/other,["x"]'],
    [b'40{"token":"abc"}'],
    [b"41"],
    [b"430[]", b'4317["answer"]'],
    [b'452-["two",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"bAAEC", b"bAwQ="],
    [b'461-3[{"_placeholder":true,"num":0}]', b"bAAEC"],
    [b"2probe", b"5"],
    [b"3", b"6", b"1"],
]

POSTS: list[bytes] = [
    b'{"data":{"user":"ann","text":"hi"}}',
    b'{"event":"note","data":[1,2,3],"key":"order-7"}',
    b'{"data":null,"event":"x"}',
    b'{"data":"\\u00fc\\ud83d\\ude00 text","key":"k"}',
    b'{"data":{"a":{"b":{"c":[[[1.5e3,-0,true,false]]]}}}}',
]

QUERIES: list[tuple[str, list[tuple[bytes, bytes]]]] = [
    ("/events", [(b"room", b"lobby")]),
    ("/events", [(b"room", b"lobby"), (b"room", b"chat/7"), (b"history", b"20")]),
    ("/events", [(b"room", b"lobby"), (b"lastEventId", b"1790000000000-0"), (b"padding", b"true")]),
    ("/events", [(b"room", b"a"), (b"evs_last_event_id", b"1790000000000-3"), (b"evs_preamble", b"2056")]),
    ("/events", [(b"room", b"a"), (b"after", b"1790000000000-0"), (b"ticket", b"abc.def")]),
    ("/rooms/lobby/messages", [(b"limit", b"10")]),
    ("/rooms/lobby/messages", [(b"after", b"1790000000000-0"), (b"before", b"1790000000009-0"), (b"limit", b"3")]),
    ("/rooms/chat%2F7/messages", []),
    ("/socket.io/", [(b"EIO", b"4"), (b"transport", b"polling"), (b"t", b"abc")]),
    ("/socket.io/", [(b"EIO", b"4"), (b"transport", b"websocket"), (b"sid", b"abc")]),
    ("/healthz", []),
    ("/metrics", []),
    ("/", []),
    ("/openapi.json", []),
]

FIELDS: list[tuple[bytes, bytes]] = [
    (b"Last-Event-ID", b"1790000000000-0"),
    (b"Origin", b"http://127.0.0.1:5000"),
    (b"Cookie", b"session=eyJ1c2VyIjoiYW5uIn0.abc.def; a=b"),
    (b"Authorization", b"Bearer abc.def.ghi"),
    (b"Accept", b"text/event-stream"),
    (b"Accept-Encoding", b"gzip, br"),
    (b"Cache-Control", b"no-cache"),
    (b"If-None-Match", b'"abc"'),
    (b"Range", b"bytes=0-10"),
    (b"X-Forwarded-For", b"10.0.0.1, 10.0.0.2"),
    (b"X-Forwarded-Host", b"example.com"),
    (b"X-Requested-With", b"XMLHttpRequest"),
    (b"Content-Type", b"application/json; charset=utf-8"),
]

HEADS: list[bytes] = [
    b"GET /events?room=lobby HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
    b"Last-Event-ID: 1790000000000-0\r\n\r\n",
    b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    b'{"data":"hi"}',
    b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
    b'5\r\n{"dat\r\n8;x=y\r\na":"hi"}\r\n0\r\n\r\n',
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /readyz HTTP/1.0\r\n\r\n",
    b"OPTIONS /rooms/lobby/messages HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n"
    b"Access-Control-Request-Method: POST\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET http://a/healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
]
