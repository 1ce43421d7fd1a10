"""``flask realtime doctor``: each thing that can be set up wrongly is found, and it is said how to mend it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import redis as redis_client
from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

from realtime import Realtime
from realtime.doctor.application import check_mode, check_origins, check_secret, examine_application
from realtime.doctor.finding import Finding
from realtime.doctor.log import check_clock, check_condition, examine_log
from realtime.doctor.machine import check_browser_files, check_libraries, check_open_files, check_python
from realtime.doctor.proxy import check_path
from realtime.doctor.workers import examine_workers
from realtime.remote import RemoteServer
from realtime.web.assets import CLIENT
from tests.support.nginx import PLAIN, nginx
from tests.support.processes import ROOT, Redis, Server, clean_environment, free_port, running, start_gevent

from .conftest import Run


def only(findings: Iterable[Finding], check: str | None = None) -> Finding:
    """The one finding; one that is not well says how to mend it."""
    (finding,) = [one for one in findings if check in {None, one.check}]
    assert (finding.level == "ok") == (finding.mend == "")
    return finding


def test_a_healthy_installation_has_exit_status_0(on_redis: Run) -> None:
    done = on_redis("doctor")
    assert done.exit_code == 0, done.output
    assert "ok       libraries: Flask 3." in done.output
    assert "ok       bus: Redis " in done.output
    assert "→" in done.output  # the tests' Redis keeps nothing on disk: a warning, which is no failure


def test_an_error_has_exit_status_1_and_programs_get_json(make_app: Callable[..., Flask]) -> None:
    app = make_app(SECRET_KEY="dev")
    done = app.test_cli_runner().invoke(args=["realtime", "doctor", "--json"])
    assert done.exit_code == 1
    (finding,) = [one for one in json.loads(done.output) if one["check"] == "secret key"]
    assert finding["level"] == "error"
    assert "token_hex" in finding["mend"]


def test_it_works_from_the_command_line_on_the_project_itself() -> None:
    command = [sys.executable, "-m", "flask", "--app", "server", "realtime", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(SECRET_KEY="x" * 32), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    findings = {one["check"]: one["level"] for one in json.loads(done.stdout)}
    assert findings["browser files"] == findings["workers"] == findings["bus"] == "ok"


@pytest.mark.parametrize(
    ("needed", "level", "said"),
    [
        ("Flask>=3.1", "ok", "Flask 3."),
        ("Flask>=99", "error", "needed is >=99"),
        ("no-such-library-of-anybody>=1", "error", "not installed"),
        ("no-such-library-of-anybody>=1; extra == 'other'", "ok", ""),
    ],
)
def test_libraries_are_compared_with_what_is_needed(needed: str, level: str, said: str) -> None:
    finding = only(check_libraries([needed]))
    assert (finding.level, said in finding.said) == (level, True)
    if level == "error":
        assert finding.mend == f"pip install '{needed}'"


def test_python_and_open_files() -> None:
    assert only(check_python((3, 10, 1))).level == "error"
    assert only(check_python((3, 11, 0))).level == "ok"
    assert [only(check_open_files(limit)).level for limit in (1024, 65536, -1)] == ["warning", "ok", "ok"]


def test_missing_browser_files_are_named(tmp_path: Path) -> None:
    scripts = tmp_path / "js"
    (scripts / "vendor").mkdir(parents=True)
    for part in CLIENT[1:]:
        (scripts / f"{part}.js").touch()
    found = only(check_browser_files(tmp_path))
    assert (found.level, "realtime.js" in found.said) == ("error", True)
    (scripts / "realtime.js").touch()
    found = only(check_browser_files(tmp_path))
    assert (found.level, "make static/js/vendor/.stamp" in found.mend) == ("warning", True)
    (scripts / "vendor" / "socket.io.min.js").touch()
    assert only(check_browser_files(tmp_path)).level == "ok"


@pytest.mark.parametrize(
    ("key", "shared", "level"),
    [
        (None, False, "error"),
        ("", False, "error"),
        ("dev", False, "error"),
        (b"\0" * 15, False, "error"),
        ("long enough to be a key", True, "ok"),
        ("kept" * 16, False, "ok"),
        ("kept" * 16, True, "warning"),
    ],
)
def test_the_secret_key(tmp_path: Path, key: object, shared: bool, level: str) -> None:
    kept = tmp_path / "secret_key"
    kept.write_text("kept" * 16 + "\n")
    assert only(check_secret(key, kept=kept, shared=shared)).level == level


def test_a_key_that_is_no_setting_is_told_in_the_log_at_start(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    make_app(REALTIME_HEARTBEET=3, REALTIME_RETRY=2)
    assert [one.getMessage() for one in caplog.records if one.name.startswith("realtime")] == [
        "REALTIME_HEARTBEET is no setting and has no effect; did you mean REALTIME_HEARTBEAT?"
    ]


def test_settings_that_have_no_effect_are_found(make_app: Callable[..., Flask]) -> None:
    app = make_app(REALTIME_HEARTBEET=3)
    app.config["REALTIME_HEARTBEAT"] = 7
    app.config["REALTIME_RETRY"] = "soon"
    state = app.extensions["realtime"]
    found = [one for one in examine_application(app, state) if one.check == "settings"]
    assert [(one.level, one.mend) for one in found] == [
        ("warning", "did you mean REALTIME_HEARTBEAT?"),
        ("error", "correct it, before Realtime is initialised"),
    ]
    app.config["REALTIME_RETRY"] = 1
    late = [one for one in examine_application(app, state) if one.level == "error"]
    assert [one.said.split()[0] for one in late] == ["REALTIME_HEARTBEAT"]


def test_origins() -> None:
    levels = [
        [one.level for one in check_origins(frozenset(origins))]
        for origins in ([], ["https://a.example"], ["http://a.example"], ["http://localhost:3000", "https://a.example"])
    ]
    assert levels == [["ok"], ["ok"], ["warning"], ["warning"]]


def test_rooms_that_are_open_to_everybody_are_told_of(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    assert only(examine_application(app, app.extensions["realtime"]), "access").level == "warning"
    restricted = Flask("restricted")
    realtime = Realtime(restricted)
    realtime.authorize(lambda _who, _action, _room: True)
    assert only(examine_application(restricted, restricted.extensions["realtime"]), "access").level == "ok"


def test_limits_of_addresses_want_the_proxys_word_around_socketio_too(make_app: Callable[..., Flask]) -> None:
    def level(app: Flask) -> list[str]:
        findings = examine_application(app, app.extensions["realtime"])
        return [one.level for one in findings if one.check == "addresses"]

    assert level(make_app()) == []
    app = make_app(REALTIME_MAX_CONNECTIONS_PER_ADDRESS=9)
    assert level(app) == ["warning"]
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert level(app) == ["ok"]


def test_threads_and_greenlets() -> None:
    pairs = [("threading", "threading"), ("gevent", "gevent"), ("gevent", "threading"), ("threading", "gevent")]
    assert [only(check_mode(*pair)).level for pair in pairs] == ["ok", "ok", "warning", "warning"]
    assert only(check_mode("eventlet", "threading")).level == "error"


def test_an_application_that_was_made_for_greenlets_is_examined_under_threads() -> None:
    app = Flask("application")
    app.secret_key = "x" * 32
    SocketIO(app, async_mode="gevent")
    Realtime(app)
    done = app.test_cli_runner().invoke(args=["realtime", "doctor"])
    assert done.exit_code == 0, done.output
    assert "monkey.patch_all()" in done.output


@pytest.mark.parametrize(
    ("file", "text", "environ", "shared", "levels"),
    [
        (None, "", {}, False, ["ok"]),
        (None, "", {"WEB_CONCURRENCY": "1"}, False, ["ok"]),
        (None, "", {"WEB_CONCURRENCY": "2"}, False, ["error"]),
        (None, "", {"WEB_CONCURRENCY": "2"}, True, ["warning"]),
        (None, "", {"GUNICORN_CMD_ARGS": "--workers=4 --bind :80"}, False, ["error"]),
        (None, "", {"GUNICORN_CMD_ARGS": "-w 4"}, True, ["warning"]),
        (None, "", {"GUNICORN_CMD_ARGS": "--worker-class realtime.serve.worker.Worker --workers 4"}, False, ["error"]),
        (None, "", {"GUNICORN_CMD_ARGS": "--worker-connections 9 --keep-alive 5 -w4 -kgthread"}, True, ["warning"] * 2),
        (None, "", {"GUNICORN_CMD_ARGS": "--keep-alive 5 --name 'a -w 9'"}, False, ["ok"]),
        (None, "", {"GUNICORN_CMD_ARGS": "--name 'not closed -w 9"}, False, ["ok"]),
        (None, "", {"GUNICORN_CMD_ARGS": "--bind :80 --workers"}, False, ["ok"]),
        ("gunicorn.conf.py", "import os\nworkers = 3\n", {}, False, ["error"]),
        ("gunicorn.conf.py", "workers = 1\nworker_class = 'realtime.serve.worker.Worker'\n", {}, False, ["ok"]),
        ("gunicorn.conf.py", "worker_class = 'sync'\n", {}, False, ["error", "ok"]),
        ("gunicorn.conf.py", "worker_class = 'gthread'\n", {}, False, ["warning", "ok"]),
        ("gunicorn.conf.py", "this is no Python", {}, False, ["ok"]),
        ("Procfile", "web: gunicorn --workers ${WEB_CONCURRENCY:-2} app:app", {}, False, ["error"]),
        ("Procfile", "# gunicorn --workers 4\nweb: gunicorn --workers 1 app:app", {}, False, ["ok"]),
    ],
)
def test_workers(
    tmp_path: Path, file: str | None, text: str, environ: dict[str, str], shared: bool, levels: list[str]
) -> None:
    if file is not None:
        (tmp_path / file).write_text(text)
    assert [one.level for one in examine_workers(tmp_path, environ, shared=shared)] == levels


def test_the_procfile_of_the_project_is_well() -> None:
    assert [one.level for one in examine_workers(ROOT, {}, shared=False)] == ["ok"]


def test_a_real_redis_is_asked(make_app: Callable[..., Flask], own_redis: Redis) -> None:
    bus = make_app(REALTIME_BUS_URL=own_redis.url, REALTIME_PUBLISH_TIMEOUT=0.5).extensions["realtime"].bus
    levels = {one.check: one.level for one in examine_log(bus)}
    levels.pop("bus latency")
    assert levels.pop("bus clock", "ok") == "ok"
    assert levels == {"bus": "ok", "bus persistence": "ok", "bus eviction": "ok", "bus memory": "ok"}
    own_redis.kill()
    found = only(examine_log(bus))
    assert (found.level, "REALTIME_BUS_URL" in found.mend) == ("error", True)


def test_a_redis_that_says_nothing_of_itself_is_no_error(make_app: Callable[..., Flask], own_redis: Redis) -> None:
    with redis_client.Redis.from_url(own_redis.url) as admin:
        admin.acl_setuser("shop", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", "-info"])
    app = make_app(REALTIME_BUS_URL=own_redis.url.replace("//", "//shop:secret@"))
    found = {one.check: one for one in examine_log(app.extensions["realtime"].bus)}
    assert (found["bus"].level, "says nothing of itself" in found["bus"].said) == ("warning", True)
    assert "bus latency" in found


@pytest.mark.parametrize(
    ("said", "check", "level"),
    [
        ({"redis_version": "4.0.9"}, "bus", "error"),
        ({"redis_version": "8.0.1"}, "bus", "ok"),
        ({"redis_version": "7.0.1", "role": "slave"}, "bus", "error"),
        ({"redis_version": "7.0.1", "loading": 1}, "bus", "warning"),
        ({}, "bus persistence", "warning"),
        ({"aof_enabled": 1}, "bus persistence", "ok"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "bus persistence", "error"),
        ({"rdb_last_bgsave_status": "err"}, "bus persistence", "error"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 1 << 30}, "bus eviction", "error"),
        ({"maxmemory_policy": "volatile-lru", "maxmemory": 0}, "bus eviction", "warning"),
        ({"maxmemory_policy": "noeviction", "maxmemory": 1 << 30}, "bus eviction", "ok"),
        ({"used_memory": 900, "maxmemory": 1000}, "bus memory", "warning"),
        ({"used_memory": 100, "maxmemory": 1000}, "bus memory", "ok"),
    ],
)
def test_what_redis_says_of_itself(said: dict[str, object], check: str, level: str) -> None:
    assert only(check_condition(said), check).level == level


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (0.5, "ok", "as this"),
        (-4, "ok", "as this"),
        (90, "warning", "90 s ahead of"),
        (-3600, "warning", "3600 s behind"),
    ],
)
def test_clocks_that_are_apart_are_told_of(ahead: float, level: str, words: str) -> None:
    now = 1_790_000_000.0
    found = only(check_clock({"server_time_usec": int((now + ahead) * 1e6)}, now))
    assert (found.level, words in found.said) == (level, True)
    assert list(check_clock({"redis_version": "6.2.1"}, now)) == []


@pytest.fixture
def server() -> Server:
    """One whose heartbeat comes soon."""
    return start_gevent(REALTIME_HEARTBEAT="0.2")


def way(make_app: Callable[..., Flask], url: str) -> dict[str, Finding]:
    """What the doctor finds on the way to a server."""
    app = make_app(REALTIME_HEARTBEAT=0.2)
    done = app.test_cli_runner().invoke(args=["realtime", "doctor", "--json", "--url", url])
    findings = {one["check"]: Finding(**one) for one in json.loads(done.stdout)}
    assert done.exit_code == int(any(one.level == "error" for one in findings.values()))
    return findings


def test_a_free_way_is_well(make_app: Callable[..., Flask], server: Server) -> None:
    with running(server):
        found = way(make_app, server.url)
    assert [found[check].level for check in ("event stream", "heartbeat", "websocket")] == ["ok"] * 3, found


def test_a_proxy_without_upgrades_is_found(make_app: Callable[..., Flask], server: Server, tmp_path: Path) -> None:
    port = free_port()
    with running(server), nginx(tmp_path, PLAIN % {"port": port, "upstream": server.url}, port) as url:
        found = way(make_app, url)
    assert [found[check].level for check in ("event stream", "heartbeat")] == ["ok", "ok"], found
    assert found["websocket"].level in {"warning", "error"}
    assert "nginx" in found["websocket"].mend


def test_a_proxy_that_holds_streams_back_is_found(
    make_app: Callable[..., Flask], server: Server, tmp_path: Path
) -> None:
    port = free_port()
    configuration = PLAIN.replace("proxy_pass", "proxy_ignore_headers X-Accel-Buffering; proxy_pass")
    with running(server), nginx(tmp_path, configuration % {"port": port, "upstream": server.url}, port) as url:
        found = way(make_app, url)
    assert found["event stream"].level == "error"
    assert "X-Accel-Buffering" in found["event stream"].mend


def test_an_application_that_does_not_know_its_path_is_found(
    make_app: Callable[..., Flask], server: Server, tmp_path: Path
) -> None:
    port = free_port()
    configuration = PLAIN.replace("location / {", "location /shop/ {").replace("%(upstream)s", "%(upstream)s/")
    with running(server):
        assert only(check_path(RemoteServer(server.url))).level == "ok"
        with nginx(tmp_path, configuration % {"port": port, "upstream": server.url}, port) as url:
            found = way(make_app, f"{url}/shop")
    assert (found["path"].level, found["path"].said) == ("error", "it is at /shop, and sends browsers to /")
    for mend in ("X-Forwarded-Prefix /shop;", "x_prefix=1", "SCRIPT_NAME=/shop"):
        assert mend in found["path"].mend


def test_an_application_that_knows_its_path_is_well_there_and_nowhere_else() -> None:
    with running(server := start_gevent("tests.apps.proxied_app")):
        prefixed = {"X-Forwarded-Prefix": "/shop"}
        wrong = only(check_path(RemoteServer(server.url, headers=prefixed)))
        assert (wrong.level, wrong.said) == ("error", "it is at /, and sends browsers to /shop")
        assert 'X-Forwarded-Prefix ""' in wrong.mend
    with running(server := start_gevent(SCRIPT_NAME="/shop")):
        right = only(check_path(RemoteServer(server.url + "/")))
        assert (right.level, right.said) == ("ok", "below /shop")
        # Beside it nobody tells anything.
        assert list(check_path(RemoteServer(server.url.removesuffix("/shop")))) == []


def test_nobody_there_is_found(make_app: Callable[..., Flask]) -> None:
    found = way(make_app, f"http://127.0.0.1:{free_port()}")
    assert (found["event stream"].level, found["websocket"].level) == ("error", "warning")
    assert "is it running" in found["event stream"].mend


def test_it_leaves_nothing_behind(on_memory: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    on_memory("doctor")
    assert list(tmp_path.iterdir()) == []
