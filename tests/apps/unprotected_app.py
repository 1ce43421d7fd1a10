"""The project's server with one protection taken out, named by ``UNPROTECTED``: the drill must notice each."""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import os
from typing import Any

from flask import Flask

from realtime import Realtime
from realtime.hub.hub import Hub
from realtime.message import Message
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

realtime = Realtime(app)

if __name__ == "__main__":
    run(app)
