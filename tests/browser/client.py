"""The browser client in a page, with options of a test's own, and a publisher that keeps its pace beside it."""

from __future__ import annotations

import threading
import time
from typing import Any

from playwright.sync_api import Page

from realtime import Publisher

PER_SECOND = 200

FOLLOW = """([room, options]) => new Promise((done) => {
  const rt = window.rt = new Realtime(options);
  window.heard = [];
  window.told = [];
  rt.on('message', (data, id) => heard.push(id));
  ['state', 'transport', 'reset', 'recovered', 'error', 'outbox', 'degraded', 'restored', 'closing'].forEach((name) =>
    rt.on('realtime.' + name, (now) => told.push([name, now, performance.now()])));
  rt.join(room, (error) => done(error));
  rt.connect();
})"""

SWITCH = """(names) => names.reduce((before, name) => before.then((errors) => new Promise((done) =>
  rt.switchTo(name, (error) => setTimeout(() => done(error ? errors.concat([[name, error.code]]) : errors), 40)))),
  Promise.resolve([]))"""


PUBLISH = """(room) => {
  const publishing = window.publishing = {count: 0, failed: [], stop: () => clearInterval(timer)};
  const timer = setInterval(() => rt.publish(room, publishing.count++, (error) => {
    if (error) { publishing.failed.push(error); }
  }), 5);
}"""


class Steady:
    """Publishes straight into the bus at a fixed rate while the block lasts. ``ids``: what was accepted."""

    def __init__(self, publisher: Publisher, room: str) -> None:
        self.ids: list[str] = []
        self._publisher, self._room = publisher, room
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            self.ids.append(str(self._publisher.publish(self._room, len(self.ids))))
            self._stopping.wait(max(0.0, began + len(self.ids) / PER_SECOND - time.monotonic()))

    def __enter__(self) -> Steady:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join(10)


def told(page: Page, name: str) -> list[Any]:
    """What the client has told under one name, oldest first."""
    return [now for what, now, _ in page.evaluate("told") if what == name]
