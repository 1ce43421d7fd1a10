"""The project's server with one protection taken out, named by ``UNPROTECTED``: the drill must notice each."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from collections.abc import Callable
from typing import Any

from flask import Flask

from realtime import Realtime
from realtime.hub.hub import Hub
from realtime.message import Message
from realtime.web.enginepolling import Polls
from tests.apps.running import run

app = Flask(__name__)
app.config["SECRET_KEY"] = "test"
missing = os.environ["UNPROTECTED"]

if missing == "keys":
    made = Message.new.__func__  # type: ignore[attr-defined]

    def new(cls: type[Message], *arguments: Any, **options: Any) -> Message:
        """Forgets the idempotency key."""
        message: Message = made(cls, *arguments, **{**options, "key": None})
        return message

    Message.new = classmethod(new)  # type: ignore[assignment, method-assign]
elif missing == "cursor":
    attach = Hub.attach

    def attach_live(self: Hub, *arguments: Any, **options: Any) -> Any:
        """Forgets the cursor with which a stream comes back."""
        return attach(self, *arguments, **{**options, "after": None})

    Hub.attach = attach_live  # type: ignore[method-assign]
elif missing == "chain":
    Hub.gap = lambda _self, _position: None  # type: ignore[method-assign]
elif missing == "polls":
    answer = Polls.answer

    def answer_anew(self: Polls, _stamp: str | None, take: Callable[[], bytes]) -> bytes:
        """Forgets that a poll was answered before."""
        return answer(self, None, take)

    Polls.answer = answer_anew  # type: ignore[method-assign]

realtime = Realtime(app)

if __name__ == "__main__":
    run(app)
