"""Browsers that Playwright does not drive, with one face: QtWebKit, jsdom, and Firefox over WebDriver BiDi."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
import websocket

from tests.support.processes import Process, eventually, program
from tests.support.scripted import Scripted

HERE = Path(__file__).parent
_SYSTEM_PYTHON = "/usr/bin/python3"


class Engine(Protocol):
    """A page in some browser.

    Attributes:
        complaints: what the page or the browser has written to the console, errors included.
    """

    complaints: list[str]

    def js(self, text: str) -> Any:
        """The value of an expression, as JSON has it."""

    def keys(self, text: str) -> None:
        """Press the keys of a text, ``\\n`` for Enter."""

    def end(self) -> None:
        """Close the page."""


class Lines(Scripted):
    """A page in a program of its own that is driven by lines of JSON, such as ``qtwebkit.py``.

    Args:
        command: the program.
        url: the page.
        before: JavaScript to be run ahead of the page's own.
        folder: the program may write there.
    """

    def __init__(self, command: list[str], url: str, *, before: str, folder: Path) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "TZ": "UTC"}
        super().__init__([*command, url, before], env=env)
        self.complaints: list[str] = []
        self._read = 0
        self._hear("loaded")

    def js(self, text: str) -> Any:
        return self._do(js=text)

    def keys(self, text: str) -> None:
        self._do(keys=text)

    def _do(self, **work: str) -> Any:
        self.tell(work)
        return self._hear("value")

    def _hear(self, what: str) -> Any:
        """The next line of a kind."""
        while True:
            eventually(
                lambda: len(self.lines) > self._read or self.popen.poll() is not None, within=30, what=f"a {what}"
            )
            assert len(self.lines) > self._read, self.output
            line, self._read = self.lines[self._read], self._read + 1
            said = json.loads(line) if line.startswith("{") else {"console": line}
            if what in said:
                return said[what]
            self.complaints.append(str(said.get("console", said)))


def qtwebkit(url: str, *, before: str, folder: Path) -> Lines:
    """QtWebKit of the system's Python."""
    found = subprocess.run([_SYSTEM_PYTHON, "-c", "import PyQt5.QtWebKitWidgets"], capture_output=True, check=False)
    if found.returncode:
        pytest.fail("install python3-pyqt5.qtwebkit: make test does it", pytrace=False)
    return Lines([_SYSTEM_PYTHON, str(HERE / "qtwebkit.py")], url, before=before, folder=folder)


def jsdom(url: str, *, before: str, folder: Path) -> Lines:
    """npm's jsdom."""
    return Lines([program("node"), str(HERE / "jsdom.mjs")], url, before=before, folder=folder)


FIREFOX_SAYS = 'Permission denied to access property "length"'
"""On the console of any page, an empty one too, once it is driven."""

_PREFERENCES = {
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "toolkit.telemetry.enabled": False,
}


class FirefoxBrowser(Process):
    """A Firefox without a window, spoken to in WebDriver BiDi (W3C). ``listeners`` are told each event."""

    def __init__(self, folder: Path) -> None:
        path = shutil.which("firefox-esr") or shutil.which("firefox")
        if path is None:
            pytest.fail("install firefox-esr: make test does it", pytrace=False)
        text = "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in _PREFERENCES.items())
        (folder / "user.js").write_text(text)
        command = [path, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "LANG": "C.UTF-8"}
        super().__init__([*command, "about:blank"], env=env)
        address = self.until(r"WebDriver BiDi listening on (ws://\S+)", within=60)[1]
        self._ids = itertools.count(1)
        self._socket = websocket.create_connection(f"{address}/session", timeout=30, suppress_origin=True)
        self.complaints: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a command. What happens meanwhile is remembered."""
        id_ = next(self._ids)
        self._socket.send(json.dumps({"id": id_, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] in {"error", "warn"}:
                self.complaints.append(said["params"]["text"])
            if said.get("id") == id_:
                assert said["type"] == "success", said
                return said["result"]

    def end(self) -> None:
        """End it."""
        self._socket.close()
        self.stop()


class FirefoxPage:
    """A tab in it."""

    def __init__(self, browser: FirefoxBrowser, url: str, *, before: str) -> None:
        self._browser = browser
        browser.complaints.clear()
        self.complaints = browser.complaints
        self._preload = browser.ask("script.addPreloadScript", functionDeclaration=f"() => {{ {before} }}")["script"]
        self._context = browser.ask("browsingContext.create", type="tab")["context"]
        browser.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def js(self, text: str) -> Any:
        target = {"context": self._context}
        expression = f"JSON.stringify((function () {{ return {text}; }}()))"
        found = self._browser.ask("script.evaluate", expression=expression, target=target, awaitPromise=False)
        assert found["type"] == "success", found
        value = found["result"].get("value")
        return None if value is None else json.loads(value)

    def keys(self, text: str) -> None:
        presses = [
            {"type": kind, "value": "\ue007" if key == "\n" else key} for key in text for kind in ("keyDown", "keyUp")
        ]
        actions = [{"type": "key", "id": "keyboard", "actions": presses}]
        self._browser.ask("input.performActions", context=self._context, actions=actions)

    def end(self) -> None:
        self._browser.ask("script.removePreloadScript", script=self._preload)
        self._browser.ask("browsingContext.close", context=self._context)
