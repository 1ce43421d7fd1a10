"""A stranger follows the tutorial in an empty folder, with the package installed by pip from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.support.browser import launched
from tests.support.processes import ROOT, Redis, eventually

from .snippets import Reader, blocks

TUTORIAL = blocks((ROOT / "docs" / "tutorial.md").read_text("utf-8"))
PARTS = ("realtime", "static", "templates")


def install(reader: Reader, commands: str) -> None:
    """Run the tutorial's commands. What the package needs comes from the tests' environment."""
    lines = commands.splitlines()
    assert lines == ["python3 -m venv .venv", ". .venv/bin/activate", "pip install ../realtime"]
    subprocess.run([sys.executable, *lines[0].split()[1:]], cwd=reader.folder, check=True)
    libraries = reader.folder / ".venv" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    script = "\n".join(lines[1:])
    env = {**reader.env, "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=reader.folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (libraries / "site-packages" / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    programs = reader.folder / ".venv" / "bin"
    # pip writes this when it installs Flask.
    flask = programs / "flask"
    flask.write_text(f"#!{programs / 'python'}\nfrom flask.cli import main\nmain()\n", "utf-8")
    flask.chmod(0o755)
    reader.env["PATH"] = f"{programs}:{reader.env['PATH']}"


@pytest.fixture
def stranger(tmp_path: Path, shared_redis: Redis, namespace: str) -> Iterator[Reader]:
    """Has a copy of the checkout and an empty folder beside it, and nothing of the project on Python's path."""
    checkout = tmp_path / "realtime"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, checkout)
    for name in PARTS:
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "guests"
    folder.mkdir()
    reader = Reader(folder, redis=shared_redis.url, env={"REALTIME_NAMESPACE": namespace}, setup=install)
    del reader.env["PYTHONPATH"]
    yield reader
    reader.close()


def listens(url: str) -> bool:
    """Whether a page reads a stream of this server."""
    return 'realtime_connections{transport="sse"} 1.0' in requests.get(url + "/metrics", timeout=10).text


def test_the_tutorial_ends_with_a_live_page(stranger: Reader) -> None:
    servers = 0
    with launched() as browser:
        one, other = browser.new_page(), browser.new_page()
        for block in TUTORIAL:
            stranger.do(block)
            if servers == 1 and '"Ada"' in block.text and "-d" in block.text:
                expect(one.locator("li")).to_have_text(["Ada"])
            if "background" not in block.words:
                continue
            servers += 1
            one.goto(stranger.url)
            if servers == 1:
                eventually(lambda: listens(stranger.url), what="the page listens")
            if servers == 2:
                other.goto(stranger.url)
                one.locator("[name=name]").fill("Grace")
                one.get_by_role("button").click()
                expect(one.locator("li")).to_have_text(["Grace"])
                expect(other.locator("li")).to_have_text(["Grace"])
                one.reload()
                expect(one.locator("li")).to_have_text(["Grace"])
        expect(one.locator("li")).to_have_text(["a script"])
        expect(other.locator("li")).to_have_text(["Grace", "a script"])
    assert servers == 3
