"""One application in one process or in two: what the tests of emitting ask it to do, and how they know it is done."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import requests

from tests.support.clients import Got, SocketClient
from tests.support.processes import Server, eventually
from tests.support.streams import EventReader

FENCE = "fence"

Step = list[Any]


def step(name: str, *arguments: Any, **keywords: Any) -> Step:
    """One call of Flask-SocketIO's, as ``tests.apps.rooms_app`` reads it."""
    return [name, arguments, keywords]


def several(*values: Any) -> Any:
    """A tuple."""
    return {"tuple": values}


def binary(value: bytes) -> Any:
    """Bytes."""
    return {"bytes": base64.b64encode(value).decode()}


class Deployment:
    """The same application under two URLs, which may be one process.

    Attributes:
        here, there: the URLs. Steps are done here unless a test says otherwise.
    """

    _numbers = itertools.count()

    def __init__(self, *servers: Server) -> None:
        self.here, self.there = servers[0].url, servers[-1].url

    def do(self, *steps: Step, where: str = "view", at: str | None = None) -> list[Any]:
        """Do the steps in a view or in the ``background``; return each one's result."""
        answer = requests.post(f"{at or self.here}/do", json=steps, params={"in": where}, timeout=30)
        assert answer.status_code == 200, answer.text
        results: list[Any] = answer.json()
        return results

    def ok(self, *steps: Step, where: str = "view", at: str | None = None) -> None:
        """Do steps that return nothing and may not fail."""
        assert self.do(*steps, where=where, at=at) == [None] * len(steps)

    def answers(self, mark: str, *, count: int = 1) -> list[list[Any]]:
        """Wait until callbacks with this mark were called so often, and return what with."""

        def called() -> list[list[Any]] | None:
            found = [one[1:] for one in requests.get(f"{self.here}/answers", timeout=30).json() if one[0] == mark]
            return found if len(found) >= count else None

        result: list[list[Any]] = eventually(called, what=f"{count} answers to {mark}")
        return result

    def seen(self, *clients: SocketClient, namespace: str = "/") -> list[list[Got]]:
        """What each client has got of everything that was emitted before this call."""
        mark = f"{FENCE}-{next(self._numbers)}"
        self.ok(step("emit", FENCE, mark, namespace=namespace))
        for client in clients:
            client.wait_for_data(FENCE, mark, namespace)
        return [[one for one in client.events if one.event != FENCE] for client in clients]


def inside(client: SocketClient, *steps: Step, namespace: str = "/") -> list[Any]:
    """Do the steps in a handler of this client's event; return each one's result."""
    results: list[Any] = client.ask("do", json.dumps(steps), namespace=namespace)
    return results


def same(stream: EventReader, got: list[Got]) -> None:
    """The stream has the same events with the same data and ids in the same order."""
    stream.wait(len(got))
    wanted = []
    for one in got:
        arguments = one.args[:-1]
        wanted.append((one.event, arguments[0] if len(arguments) == 1 else arguments or None, one.id))
    assert [(one.event, json.loads(one.data), one.id) for one in stream.messages] == wanted
