"""A client that changes from polling to its WebSocket while its rooms get messages."""

from __future__ import annotations

import json

from tests.support.engine import Frames, Polling
from tests.support.processes import Server
from tests.support.publishing import publish


def test_a_message_that_comes_between_the_last_poll_and_the_change_comes_over_the_websocket(
    any_server: Server, room: str
) -> None:
    session = Polling(any_server.url)
    session.post("40")
    assert session.poll()[0].startswith('40{"sid":')
    session.post("421" + json.dumps(["join", {"room": room}]))
    assert session.poll()[0].startswith('431[{"ok":true')
    with Frames(session.base, sid=session.sid) as frames:
        frames.send("2probe")
        assert frames.receive() == "3probe"
        # What ends a poll waits for one, and this client has none: the message finds its queue in use.
        id_ = publish(any_server.url, room, "between")
        frames.send("5")
        assert frames.next() == f'42["message","between","{id_}"]'
