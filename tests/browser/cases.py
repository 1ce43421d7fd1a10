"""Event streams as bytes, and what an EventSource hears of each: section 9.2 of the HTML standard, case by case."""

from __future__ import annotations

from typing import Any, NamedTuple

OPEN, AGAIN, ENDED = ["open", 1], ["error", 0], ["error", 2]


class Case(NamedTuple):
    """What a stream says, and what is heard of it."""

    body: bytes
    heard: list[list[Any]]
    names: tuple[str, ...] = ()
    status: int = 200
    type: str = "text/event-stream"


def message(data: str, id_: str = "", event: str = "message") -> list[Any]:
    return [event, data, id_]


CASES = {
    "lf": Case(b"data: a\n\ndata: b\n\n", [OPEN, message("a"), message("b"), AGAIN]),
    "cr": Case(b"data: a\r\rdata: b\r\r", [OPEN, message("a"), message("b"), AGAIN]),
    "crlf": Case(b"data: a\r\n\r\ndata: b\r\n\r\n", [OPEN, message("a"), message("b"), AGAIN]),
    "mixed": Case(b"data: a\rdata: b\ndata: c\r\n\r\n", [OPEN, message("a\nb\nc"), AGAIN]),
    "bom": Case(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [OPEN, message("a"), AGAIN]),
    "spaces": Case(b"data:a\n\ndata:  b\n\ndata\n\ndata:\n\n", [OPEN, *map(message, ("a", " b", "", "")), AGAIN]),
    "comments": Case(b": x\n:\ndata: a\n:data: b\n\n: y\n\n", [OPEN, message("a"), AGAIN]),
    "unknown": Case(b"colour: red\n data: x\nDATA: y\ndata: a\n\n", [OPEN, message("a"), AGAIN]),
    "named": Case(
        b"event: a\ndata: 1\n\ndata: 2\n\nevent: a\nevent: b\ndata: 3\n\nevent:\ndata: 4\n\n",
        [OPEN, message("1", event="a"), message("2"), message("3", event="b"), message("4"), AGAIN],
        ("a", "b"),
    ),
    "without data": Case(b"event: a\n\nid: 5\n\ndata: 1\n\n", [OPEN, message("1", "5"), AGAIN], ("a",)),
    "type is reset": Case(
        b"event: a\ndata: 1\n\nevent: a\n\ndata: 2\n\n", [OPEN, ["a", "1", ""], message("2"), AGAIN], ("a",)
    ),
    "message by its name": Case(b"event: message\ndata: 1\n\n", [OPEN, message("1"), AGAIN]),
    "lines": Case(b"data: a\ndata:\ndata: b\n\ndata\ndata\n\n", [OPEN, message("a\n\nb"), message("\n"), AGAIN]),
    "one space": Case(b"data: \ta\ndata:\tb\nid:  7\ndata:c \n\n", [OPEN, message("\ta\n\tb\nc ", " 7"), AGAIN]),
    "colons": Case(b"data: a: b\ndata::c\n\n", [OPEN, message("a: b\n:c"), AGAIN]),
    "only blank lines": Case(b"\n\n\r\r\r\n\ndata: a\n\n\n\n", [OPEN, message("a"), AGAIN]),
    "nothing": Case(b"", [OPEN, AGAIN]),
    "a bom and no more": Case(b"\xef\xbb\xbf", [OPEN, AGAIN]),
    "beyond the plane": Case(
        "id: \u2603\ndata: \U0001f600\n\n".encode(), [OPEN, message("\U0001f600", "\u2603"), AGAIN]
    ),
    "ids": Case(
        b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 2\0\ndata: d\n\n",
        [OPEN, message("a", "1"), message("b", "1"), message("c"), message("d"), AGAIN],
    ),
    "unfinished": Case(b"data: a\n\ndata: b\n", [OPEN, message("a"), AGAIN]),
    "separators": Case("data: a\u2028b\u0085c\x0b\n\n".encode(), [OPEN, message("a\u2028b\u0085c\x0b"), AGAIN]),
    "bad utf-8": Case(b"data: a\xffb\n\n", [OPEN, message("a\ufffdb"), AGAIN]),
    "error as a name": Case(b"event: error\ndata: a\n\n", [OPEN, message("a", event="error"), AGAIN], ("error",)),
    "charset": Case(b"data: a\n\n", [OPEN, message("a"), AGAIN], type="text/event-stream; charset=utf-8"),
    "type in capitals": Case(b"data: a\n\n", [OPEN, message("a"), AGAIN], type="Text/Event-Stream"),
    "204": Case(b"", [ENDED], status=204),
    "404": Case(b"data: a\n\n", [ENDED], status=404),
    "503": Case(b"data: a\n\n", [ENDED], status=503),
    "another type": Case(b"data: a\n\n", [ENDED], type="text/plain"),
    "almost the type": Case(b"data: a\n\n", [ENDED], type="text/event-streams"),
}
