"""One or two servers behind a proxy that leads new connections to one of them."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterable
from typing import Any

import redis
import requests

from realtime import Message
from realtime.bus.open import open_bus
from realtime.concurrency import detected
from realtime.config import Settings
from tests.support.processes import Redis, Server, eventually, free_port, start_gevent, start_threads
from tests.support.proxy import Proxy

APP = "tests.apps.recovery_app"


class Deployment:
    """``kind`` says which server and which bus: ``gevent-memory``, ``threads-redis`` …

    Attributes:
        servers: one process with the log in its memory, else two.
        proxy: in front of them.
    """

    def __init__(self, kind: str, redis: Redis, **env: str) -> None:
        self._concurrency, bus = kind.split("-")
        self._env = dict(env)
        if bus == "redis":
            self._env |= {"REALTIME_BUS_URL": redis.url, "REALTIME_NAMESPACE": f"test-{secrets.token_hex(6)}"}
        self.servers = [self._start() for _ in range(2 if bus == "redis" else 1)]
        self.here = 0
        self.proxy = Proxy(self.servers[0].port)
        self.proxy.__enter__()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.proxy.url

    @property
    def bus(self) -> str:
        """The Redis that they share."""
        return self._env["REALTIME_BUS_URL"]

    def switch(self) -> None:
        """New connections go to the next process, where there is one."""
        self.here = (self.here + 1) % len(self.servers)
        self.proxy.target = self.servers[self.here].port

    def cut(self, *, switch: bool = True) -> None:
        """Reset all connections; clients come back to the other process."""
        if switch:
            self.switch()
        self.proxy.cut()

    def kill(self) -> None:
        """Kill the process that clients are connected to."""
        server = self.servers[self.here]
        self.switch()
        server.signal(signal.SIGKILL)
        server.popen.wait(10)

    def restart(self, number: int = 0, *, how: signal.Signals = signal.SIGTERM) -> None:
        """End one process and start another in its place."""
        old = self.servers[number]
        old.signal(how)
        old.popen.wait(15)
        old.stop()
        self.servers[number] = self._start()
        self.proxy.target = self.servers[self.here].port

    def publish(self, room: str, *data: Any) -> list[str]:
        """Post messages, to the process that is up."""
        url = f"{self.servers[self.here].url}/rooms/{room}/messages"
        return [str(requests.post(url, json={"data": one}, timeout=10).json()["id"]) for one in data]

    def publish_many(self, room: str, data: Iterable[Any]) -> None:
        """Publish many messages at once, where that can be done."""
        if "REALTIME_BUS_URL" not in self._env:
            self.publish(room, *data)
            return
        names = {"bus_url": self.bus, "namespace": self._env["REALTIME_NAMESPACE"]}
        bus = open_bus(Settings(**names, history_length=int(self._env["REALTIME_HISTORY_LENGTH"])), detected())
        bus.publish_many([Message.new(room, one) for one in data])
        bus.stop()

    def publish_once(self, room: str, data: Any) -> bool:
        """Post one message; whether it was accepted."""
        url = f"{self.servers[self.here].url}/rooms/{room}/messages"
        return requests.post(url, json={"data": data, "key": f"once-{data}"}, timeout=10).ok

    def wait_kept(self, *texts: str) -> None:
        """Wait until Redis has been told of these (room names, session values) with some client: a few milliseconds."""
        with redis.Redis.from_url(self.bus) as client:

            def told() -> bool:
                names = list(client.scan_iter(f"{{{self._env['REALTIME_NAMESPACE']}}}:note:recovery:*"))
                found = [(client.get(name) or b"").decode() for name in names]
                return any(all(text in one for text in texts) for one in found)

            eventually(told, what=f"a note of {texts}")

    def get(self, path: str) -> requests.Response:
        """Ask the process that is up."""
        return requests.get(self.servers[self.here].url + path, timeout=10)

    def stop(self) -> None:
        """End all of it."""
        self.proxy.__exit__(None, None, None)
        for server in self.servers:
            server.stop()

    def _start(self) -> Server:
        if self._concurrency == "gevent":
            return start_gevent(APP, PORT=str(free_port()), **self._env)
        return start_threads(APP, **self._env)
