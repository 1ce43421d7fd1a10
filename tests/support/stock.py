"""Stock python-socketio clients in the test's own process: how to end one for good."""

from __future__ import annotations

import threading
from typing import Any

from .processes import eventually


def end(client: Any) -> None:
    """End a ``socketio.Client`` whatever it is at, and return when none of its threads runs any more.

    Its own ``shutdown`` misses one whose connection has just broken, or that is just about to be connected again: it
    goes on trying for ever, in a thread that draws from everybody's ``random``.
    """
    client.reconnection = False

    def is_over() -> bool:
        if client.connected:
            client.disconnect()
        if client._reconnect_abort is not None:
            client._reconnect_abort.set()
        return not any(map(_runs, (client._reconnect_task, client.eio.read_loop_task, client.eio.write_loop_task)))

    eventually(is_over, within=20, what="the end of a client")


def _runs(task: threading.Thread | None) -> bool:
    return task is not None and task is not threading.current_thread() and task.is_alive()
