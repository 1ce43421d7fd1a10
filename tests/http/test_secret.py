"""The secret key of a server that was given none, and the session cookie that it signs."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.secret import kept_secret
from tests.support.processes import ROOT, Process, clean_environment, eventually

WARNING = "no SECRET_KEY is configured"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a server of its own, so that its instance folder is one of its own too."""
    shutil.copy(ROOT / "server.py", tmp_path)
    return tmp_path


def begin(home: Path, **settings: str) -> Process:
    """Start that server; it uses the package from here."""
    environment = clean_environment(PORT="0", PYTHONPATH=str(ROOT), **settings)
    return Process([sys.executable, "server.py"], env=environment, cwd=home)


def run_once(home: Path, **settings: str) -> str:
    """Start it, stop it, and return what it said."""
    process = begin(home, **settings)
    process.until("Listening on")
    assert process.stop() == 0
    return process.output


def test_a_key_is_made_kept_and_readable_by_its_user_only(home: Path) -> None:
    first = run_once(home, SECRET_KEY="")
    kept = home / "instance" / "secret_key"
    key = kept.read_text()
    assert len(bytes.fromhex(key.strip())) == 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert first.count(WARNING) == 1
    assert str(kept) in first
    assert key.strip() not in first
    second = run_once(home, SECRET_KEY="")
    assert WARNING not in second
    assert kept.read_text() == key
    assert [one.name for one in kept.parent.iterdir()] == ["secret_key"]


def test_a_configured_key_needs_no_file(home: Path) -> None:
    assert WARNING not in run_once(home, SECRET_KEY="configured")
    assert not (home / "instance").exists()


def test_servers_that_start_at_once_have_the_same_key(home: Path) -> None:
    processes = [begin(home, SECRET_KEY="") for _ in range(3)]
    for process in processes:
        process.until("Listening on")
    for process in processes:
        assert process.stop() == 0
    assert sum(process.output.count(WARNING) for process in processes) == 1
    assert [one.name for one in (home / "instance").iterdir()] == ["secret_key"]


RACE = """
import sys, time
from pathlib import Path
from realtime.secret import kept_secret
folder = Path(sys.argv[1])
print("waiting", flush=True)
for number in range(20):
    while not (folder / f"go-{number}").exists():
        pass
    print(kept_secret(folder / f"instance-{number}"), flush=True)
"""


def test_processes_that_race_for_the_key_all_read_the_winners(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    racers = [Process(command, env=clean_environment(PYTHONPATH=str(ROOT))) for _ in range(3)]
    for racer in racers:
        racer.until("waiting")
    for number in range(20):
        (tmp_path / f"go-{number}").touch()
        eventually(lambda count=number + 1: all(len(keys(racer)) == count for racer in racers), what="their keys")
    for racer in racers:
        racer.stop()
    assert keys(racers[0]) == keys(racers[1]) == keys(racers[2])
    assert len(set(keys(racers[0]))) == 20


def test_who_comes_second_reads_what_the_first_has_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_secret(tmp_path)
    # The other process was quicker: its file appears right after this one has looked.
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert kept_secret(tmp_path) == first
    assert [one.name for one in tmp_path.iterdir()] == ["secret_key"]


def keys(racer: Process) -> list[str]:
    """The keys that it printed so far."""
    return [line for line in racer.lines if len(line) == 64]


def test_the_session_cookie_stays_with_its_site() -> None:
    script = """
from flask import session
from server import create_app
app = create_app()
app.add_url_rule("/login", view_func=lambda: session.update(user="ann") or "in")
print(app.test_client().get("/login").headers["Set-Cookie"])
"""
    environment = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    attributes = {part.strip().lower() for part in done.stdout.split(";")}
    assert {"samesite=lax", "httponly"} <= attributes
