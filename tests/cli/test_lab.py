"""``flask realtime lab``: the lab in a browser without a window, its table and its exports; errors in one line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from realtime.web import pages
from tests.support.processes import ROOT, Server, clean_environment

from .conftest import Run
from .test_commands import refused

LANES = ["WebSocket", "Socket.IO polling", "Native SSE", "Polyfilled SSE", "Long poll"]


def flask(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """``flask --app server realtime lab …`` as a person runs it."""
    command = [sys.executable, "-W", "error", "-m", "flask", "--app", "server", "realtime", "lab", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(**env), capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture
def lab_app(make_app: Callable[..., Flask]) -> Run:
    """Run the command of an application that has the lab."""
    app = make_app(REALTIME_LAB=True)
    pages.register(app)
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=["realtime", "lab", *arguments], **options)


def test_the_table_and_the_verdict_are_printed_without_a_server_of_ones_own() -> None:
    run = flask("--seconds", "1", "--rate", "30", "--size", "64")
    assert run.returncode == 0, run.stderr
    names, *rows = run.stdout.split("\n\n")[0].splitlines()
    assert names.split()[:5] == ["Lane", "p50", "p95", "p99", "Messages"]
    assert [next(name for name in LANES if row.startswith(name)) for row in rows] == LANES
    assert len({len(row) for row in [names, *rows]}) == 1
    assert "All five lanes got all 30 messages, each once and in order." in run.stdout
    assert [line for line in run.stderr.splitlines() if not line.startswith("measuring")] == []


def test_a_running_server_is_measured_and_programs_get_json_or_csv(gevent_server: Server) -> None:
    few = ("--url", gevent_server.url, "--seconds", "1", "--lanes", "sse, websocket")
    report = json.loads(flask(*few, "--json").stdout)
    assert report["server"] == gevent_server.url and report["accepted"] == 20
    assert [(one["lane"], one["messages"], one["lost"]) for one in report["lanes"]] == [
        ("websocket", 20, 0), ("sse", 20, 0),
    ]  # fmt: skip
    rows = list(csv.DictReader(flask(*few, "--csv").stdout.splitlines()))
    assert [(row["lane"], row["messages"]) for row in rows] == [("websocket", "20"), ("sse", "20")]


def test_what_cannot_be_is_told_in_one_line(lab_app: Run, gevent_server: Server) -> None:
    assert "allowed are websocket, polling, sse, polyfill, poll" in refused(lab_app("--lanes", "sse,carrier-pigeon"))
    assert "it begins with http://" in refused(lab_app("--url", "127.0.0.1:5000"))
    assert "there is no browser '/nowhere/chromium'" in refused(lab_app("--browser", "/nowhere/chromium"))
    assert "exclude each other" in lab_app("--json", "--csv").stderr
    for wrong in (("--rate", "501"), ("--size", "15"), ("--seconds", "301"), ("--rate", "0")):
        assert "is not in the range" in lab_app(*wrong).stderr


def test_an_application_without_the_lab_says_how_to_get_it(on_memory: Run, gevent_server: Server) -> None:
    assert "it needs REALTIME_LAB=1 and pages.register(app)" in refused(on_memory("lab"))
    run = flask("--seconds", "1", "--url", f"{gevent_server.url}/elsewhere")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.splitlines()[-1] == (
        f"Error: there is no lab at {gevent_server.url}/elsewhere/lab (HTTP 404): REALTIME_LAB=1"
    )


def test_without_playwright_or_a_browser_the_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "playwright.py").write_text("raise ImportError", "utf-8")
    run = flask("--seconds", "1", PYTHONPATH=str(tmp_path))
    assert run.stderr.splitlines()[-1] == "Error: this needs Playwright: pip install 'realtime[lab]'"
    run = flask("--seconds", "1", PATH=str(tmp_path), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path), CHROMIUM="")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("Error: no Chromium was found: install one")


def test_a_browser_that_does_not_start_is_told_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    broken.chmod(0o755)
    run = flask("--seconds", "1", "--browser", str(broken))
    assert run.returncode == 1 and run.stderr.splitlines()[-1].startswith(f"Error: {broken} cannot be started: ")
