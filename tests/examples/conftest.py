"""Examples run as a user runs them: by the command that examples/README.md gives, only on free ports."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import launched
from tests.support.processes import ROOT, Process, Server, clean_environment, eventually, free_port, is_open, program
from tests.support.processes import running as stopping

Start = Callable[..., Server]


def rows() -> dict[str, list[str]]:
    """The commands of each example, by its file or folder."""
    text = (ROOT / "examples" / "README.md").read_text("utf-8")
    table = re.findall(r"^\| .+ \| \[([^\]]+)\]\(\S+\) \| (.+) \|$", text, re.MULTILINE)
    return {name.rstrip("/").removesuffix(".py"): re.findall(r"`([^`]+)`", cell) for name, cell in table}


COMMANDS = rows()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this folder."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A new person's tab. No script of the page may fail."""
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an example by one of its commands. ``env`` are settings of its environment."""
    with ExitStack() as stack:

        def start(name: str, number: int = 0, *, upstream: str = "", redis: str = "", **env: str) -> Server:
            port = free_port()
            words = shlex.split(COMMANDS[name][number].replace("$PWD", str(ROOT)))
            words = [word.replace("redis://127.0.0.1:6379", redis or "redis://127.0.0.1:1") for word in words]
            while "=" in words[0]:
                key, _, value = words.pop(0).partition("=")
                env[key] = value
            words = [word.replace("127.0.0.1:5000", f"127.0.0.1:{port}") for word in words]
            if words[0] == "nginx":
                words = nginx(words, tmp_path, upstream=upstream, port=port)
            elif words[0] == "python":
                words[0] = sys.executable
            settings = clean_environment(FLASK_RUN_PORT=str(port), **env)
            server = Server(words, env=settings)
            stack.enter_context(stopping(server))
            server.url = f"http://127.0.0.1:{port}"
            if "run" in words or "gunicorn" in words or words[0].endswith("nginx"):
                eventually(lambda: is_open(port) or ended(server), within=30, what=f"{name} listening")
            return server

        yield start


def ended(process: Process) -> bool:
    """Fails when it has."""
    assert process.popen.poll() is None, process.output
    return False


def nginx(words: list[str], folder: Path, *, upstream: str, port: int) -> list[str]:
    """The command, with the example's configuration on free ports and its files in a folder of the test's."""
    (given,) = [word for word in words if word.endswith("nginx.conf")]
    written = Path(given).read_text("utf-8")
    assert "127.0.0.1:8080" in written and "http://127.0.0.1:5000" in written
    file = folder / "nginx.conf"
    file.write_text(written.replace("http://127.0.0.1:5000", upstream).replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    used = [str(file) if word == given else word.replace("/tmp", str(folder)) for word in words]
    return [program("nginx"), *used[1:]]
