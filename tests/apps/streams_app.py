"""Streams of one request's own events: everything that a generator can yield, use, and do wrong."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, abort, current_app, g, jsonify, request, session

from realtime import InvalidValue, Realtime, StreamEvent
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
realtime = Realtime(app)
ends: list[str] = []


@app.before_request
def who() -> None:
    """What a request's generator finds on ``g``."""
    g.who = request.args.get("who")


@app.teardown_request
def count(_exc: BaseException | None) -> None:
    """Notes that a context of this request is over."""
    if request.args.get("mark"):
        ends.append(f"teardown {request.args['mark']}")


@app.get("/ends")
def said() -> Response:
    """What has come to its end in this process."""
    return jsonify(ends)


@app.get("/login/<name>")
def login(name: str) -> str:
    """Begins a session."""
    session["name"] = name
    return name


@app.get("/context")
def context() -> Response:
    """Uses all of the request's context, before and after it was silent."""

    def seen() -> Iterator[Any]:
        for _ in range(2):
            yield [request.args["who"], session.get("name"), g.who, current_app.name, request.path]
            time.sleep(0.05)

    return realtime.stream(seen())


@app.get("/kinds")
def kinds() -> Response:
    """Yields one of each kind."""

    def each() -> Iterator[Any]:
        yield "one line"
        yield " two\r\nlines"
        yield ""
        yield None
        yield {"a": [1, "ü"]}
        yield 5
        yield StreamEvent(data="text", event="named", id="über-1", retry=1234)
        yield StreamEvent(data=None, id=7)

    return realtime.stream(each)


@app.get("/count")
def numbers() -> Response:
    """Counts up to ``to``, from the client's last id on; breaks off for good at ``fail`` or ``refuse``."""

    def counting(last: str | None) -> Iterator[Any]:
        for number in range(int(last or 0) + 1, int(request.args["to"]) + 1):
            if str(number) == request.args.get("fail"):
                raise KeyError("the inside")
            if str(number) == request.args.get("refuse"):
                abort(404, "no such number")
            if str(number) == request.args.get("invalid"):
                raise InvalidValue("not that number")
            if str(number) == request.args.get("bytes"):
                yield b"bytes"
            yield StreamEvent(data=number, id=number)
            time.sleep(float(request.args.get("pause", "0")))

    return realtime.stream(counting)


@app.get("/silent")
def silent() -> Response:
    """Says one word, waits in small steps, and notes how it ended."""
    mark = request.args["mark"]

    def waiting() -> Iterator[Any]:
        try:
            yield "begun"
            for _ in range(600):
                time.sleep(0.05)
                yield None
        except GeneratorExit:
            ends.append(f"closed {mark} {request.args['mark']}")
            raise

    return realtime.stream(waiting(), heartbeat=float(request.args.get("heartbeat", "0.2")))


@app.get("/sleepy")
def sleepy() -> Response:
    """Says nothing for a second."""

    def sleeping() -> Iterator[str]:
        time.sleep(1)
        yield "awake"

    return realtime.stream(sleeping(), heartbeat=0.1)


@app.get("/fast")
def fast() -> Response:
    """Makes large items faster than anybody reads them, and notes how far it came."""

    def making() -> Iterator[str]:
        for number in range(2000):
            ends[:] = [f"made {number}"]
            yield "x" * 100_000

    return realtime.stream(making)


if __name__ == "__main__":
    run(app)
