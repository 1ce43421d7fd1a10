"""Bad settings stop the server at its start: one line that names the key, what was read, and what is allowed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from flask import Flask

from realtime import ConfigError, Realtime
from tests.support.processes import ROOT, clean_environment, free_port

COMMANDS = {
    "python server.py": ["server.py"],
    "flask run": ["-m", "flask", "--app", "server", "run", "--port", "0"],
    "gunicorn": ["-m", "gunicorn", "--no-control-socket", "--worker-class", "realtime.serve.worker.Worker"],
}


def output_of_failing(arguments: list[str], **settings: str) -> list[str]:
    """Start a server that must not start; return the lines that it wrote."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=clean_environment(**{"PORT": "0", **settings}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode not in {0, None}, done.stdout
    assert done.stdout == ""
    return done.stderr.splitlines()


def refusal(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> str:
    """What an application says that is set up with this value in the environment."""
    for name in [name for name in os.environ if name.startswith(("REALTIME_", "REDIS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(key, value)
    with pytest.raises(ConfigError) as failed:
        Realtime(Flask("application"))
    assert len(str(failed.value).splitlines()) == 1
    return str(failed.value)


BAD = [
    ("REALTIME_HEARTBEAT", "soon", "'soon'", "a number from 0.05 to 300"),
    ("REALTIME_HEARTBEAT", "0", "'0'", "a number from 0.05 to 300"),
    ("REALTIME_HEARTBEAT", "nan", "'nan'", "a number from 0.05 to 300"),
    ("REALTIME_HISTORY_LENGTH", "1.5", "'1.5'", "a whole number from 1 to 100000"),
    ("REALTIME_HISTORY_TTL", "-1", "'-1'", "a number from 1 to"),
    ("REALTIME_MAX_MESSAGE_BYTES", "64k", "'64k'", "a whole number from 64 to"),
    ("REALTIME_MAX_ROOMS_PER_CONNECTION", "", "''", "a whole number from 1 to 10000"),
    ("REALTIME_NAMESPACE", "a{b}", "'a{b}'", "letters, digits"),
    ("REALTIME_NAMESPACE", "two\nlines", r"'two\nlines'", "letters, digits"),
    ("REALTIME_EVENT_IDS", "maybe", "'maybe'", "true or false"),
    ("REALTIME_ALLOWED_ORIGINS", "*", "'*'", "* is not accepted: cookies travel along"),
    ("REALTIME_ALLOWED_ORIGINS", "https://a.example,*", "'https://a.example,*'", "origins such as https://example.com"),
    ("REALTIME_ALLOWED_ORIGINS", "example.com", "'example.com'", "origins such as https://example.com"),
    ("REALTIME_ALLOWED_ORIGINS", "https://a.example/path", "/path'", "origins such as https://example.com"),
    ("REALTIME_BUS_URL", "", "''", "memory://, redis://"),
    ("REALTIME_BUS_URL", "amqp://localhost", "amqp://localhost", "memory://, redis://"),
    ("REDIS_URL", "amqp://localhost", "amqp://localhost", "memory://, redis://"),
]


@pytest.mark.parametrize(("key", "value", "shown", "allowed"), BAD, ids=[f"{one[0]}={one[1]!r}" for one in BAD])
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, shown: str, allowed: str
) -> None:
    said = refusal(monkeypatch, key, value)
    assert said.startswith(f"{key} is ")
    assert shown in said
    assert allowed in said


@pytest.mark.parametrize("key", ["REALTIME_BUS_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "amqp://user:s3cret@localhost",
        "http://:s3cret@localhost",
        "amqp://user:pass/s3cret@localhost",
        "amqp://user:pass@s3cret@localhost",
        "redis:s3cret@localhost",
        "redis://:s3cret@localhost:port",
        "redis://:s3cret@localhost:99999",
        "redis://:s3cret@localhost?db=first",
        "redis://:s3cret@[::1",
    ],
)
def test_a_password_in_a_bad_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str, key: str) -> None:
    said = refusal(monkeypatch, key, url)
    assert "s3cret" not in said
    assert "memory://, redis://" in said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("REALTIME_ALLOWED_ORIGINS", "*", "REALTIME_ALLOWED_ORIGINS is '*'; allowed is origins such as"),
        ("REALTIME_BUS_URL", "http://user:s3cret@localhost", "REALTIME_BUS_URL is 'http://***@localhost'; allowed"),
        ("PORT", "http", "PORT is 'http'; allowed is a whole number from 0 to 65535"),
        ("PORT", "65536", "PORT is '65536'; allowed is a whole number from 0 to 65535"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD'; allowed is DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    ],
)
def test_the_server_ends_with_that_one_line(key: str, value: str, said: str) -> None:
    (line,) = output_of_failing(["server.py"], **{key: value})
    assert said in line


def test_flask_run_says_the_same() -> None:
    (line,) = output_of_failing(COMMANDS["flask run"], REALTIME_HEARTBEAT="soon")
    assert "REALTIME_HEARTBEAT is 'soon'; allowed is a number from 0.05 to 300" in line


def test_gunicorn_says_the_same_and_does_not_try_for_ever() -> None:
    lines = output_of_failing(
        [*COMMANDS["gunicorn"], "--bind", f"127.0.0.1:{free_port()}", "server:app"],
        REALTIME_HEARTBEAT="soon",
    )
    said = "\n".join(lines)
    assert said.count("REALTIME_HEARTBEAT is 'soon'; allowed is a number from 0.05 to 300") == 1
    assert said.count("Booting worker") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("config", "expected"), [({"REALTIME_HEARTBEAT": 7}, 7), ({}, 9), ({"REALTIME_HEARTBEAT": None}, 9)]
)
def test_what_the_app_left_unset_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, object], expected: float
) -> None:
    monkeypatch.setenv("REALTIME_HEARTBEAT", "9")
    app = Flask("application")
    app.config.update(config)
    Realtime(app)
    assert app.extensions["realtime"].settings.heartbeat == expected
