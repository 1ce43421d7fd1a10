"""One person's transport lab in a browser: what the page shows and hands out, and the hands that disturb its lanes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.support.processes import eventually

BROKEN = """window.broken = []; addEventListener('securitypolicyviolation', (one) => window.broken.push(
  `${one.violatedDirective} ${one.blockedURI} ${one.sample}`))"""


class Lab:
    """A page of its own with the lab.

    Args:
        page: in a fresh context.
        address: of the lab, with its settings.
        network_fails: the test cuts connections; that the browser reports this on the console is right.
    """

    def __init__(self, page: Page, address: str, *, network_fails: bool = False) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._network_fails = network_fails
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.add_init_script(BROKEN)
        page.goto(address)

    def run(self) -> None:
        """Press Run, and wait until lanes can be disturbed."""
        self.page.click("#run")
        self.wait_running()

    def wait_running(self) -> None:
        """Wait until messages flow."""
        eventually(lambda: self.figure("websocket", "messages") not in {"–", "0"}, within=20, what="messages")

    def press(self, lane: str, what: str) -> None:
        """Press one of a lane's buttons."""
        self.page.click(f"#lane-{lane} [data-do={what}]")

    def choose(self, lane: str, what: str, value: str) -> None:
        """Choose from one of a lane's lists."""
        self.page.select_option(f"#lane-{lane} [data-do={what}]", value)

    def figure(self, lane: str, name: str) -> str:
        """What the page shows of a lane."""
        return self.page.inner_text(f"#lane-{lane} [data-show={name}]")

    def wait_figure(self, lane: str, name: str, least: int) -> None:
        """Wait until a lane shows so much."""
        eventually(
            lambda: int(self.figure(lane, name).replace("\u202f", "")) >= least, within=20, what=f"{name} of {lane}"
        )

    def state(self, lane: str) -> str | None:
        """How a lane stands."""
        return self.page.get_attribute(f"#lane-{lane}", "data-state")

    def wait_done(self, *, within: float = 40) -> None:
        """Wait until the run is over."""
        expect(self.page.locator("html[data-lab=done]")).to_be_attached(timeout=within * 1000)

    def exported(self) -> dict[str, Any]:
        """The exported JSON."""
        value: dict[str, Any] = json.loads(self._download("#json"))
        return value

    def exported_rows(self) -> list[dict[str, str]]:
        """The exported CSV."""
        return list(csv.DictReader(io.StringIO(self._download("#csv"), newline="")))

    def lanes(self) -> dict[str, dict[str, Any]]:
        """The exported lanes by their keys."""
        return {one["lane"]: one for one in self.exported()["lanes"]}

    def verdict(self) -> list[str]:
        """The sentences of the verdict."""
        return self.page.locator("#words li").all_inner_texts()

    def table(self) -> list[list[str]]:
        """The table of the results, row by row."""
        rows = self.page.locator("#table tr").all()
        return [row.locator("th, td").all_inner_texts() for row in rows]

    def broken_policies(self) -> list[str]:
        """What of the page the Content-Security-Policy has refused."""
        value: list[str] = self.page.evaluate("window.broken")
        return value

    def _download(self, button: str) -> str:
        with self.page.expect_download() as download:
            self.page.click(button)
        return download.value.path().read_bytes().decode("utf-8")

    def _hear(self, said: ConsoleMessage) -> None:
        expected = self._network_fails and said.text.startswith(
            ("Failed to load resource: net::ERR_", "Failed to load resource: the server responded", "WebSocket connec")
        )
        if said.type in {"error", "warning"} and not expected:
            self.complaints.append(f"console: {said.text} ({said.location})")
