"""The README is true: its commands work, its code runs, its tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from realtime.config import Settings
from tests.docs.snippets import Reader, blocks
from tests.support.processes import ROOT, Process, Redis, Server, clean_environment, running, start_gevent
from tests.support.streams import EventReader

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_two_commands_and_every_verb_named_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    verbs = set(re.findall(r"`?make (\w+)`?", README))
    assert {"run", "test", "lint", "types", "check", "bench", "clean"} <= verbs
    for verb in verbs:
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb


def test_the_curl_commands_work_as_they_stand(gevent_server: Server) -> None:
    curls = [command.replace("http://127.0.0.1:5000", gevent_server.url) for command in COMMANDS if "curl" in command]
    watch, post, read = curls
    with EventReader(gevent_server.url, "lobby") as reader:
        reader.ready()
        posted = subprocess.run(post, shell=True, capture_output=True, text=True, check=True)
        assert re.fullmatch(r'\{"id":"\d+-\d+"\}\n', posted.stdout)
        assert reader.wait(1)[0].data == '{"user":"ann","text":"hi"}'
    shown = subprocess.run(read, shell=True, capture_output=True, text=True, check=True)
    assert '"text":"hi"' in shown.stdout
    watched = subprocess.run(f"{watch} --max-time 1", shell=True, capture_output=True, text=True, check=False)
    assert "event: realtime.ready" in watched.stdout


def test_the_application_of_the_readme_pushes(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SNIPPETS[0], "utf-8")
    check = (
        "import shop\n"
        "client = shop.app.test_client()\n"
        "print(client.post('/orders/7/ship').json)\n"
        "print([m['data'] for m in client.get('/rooms/orders/messages').json['messages']])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, env=clean_environment(PYTHONPATH=str(ROOT)), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert re.match(r"\{'id': '\d+-\d+'\}\n\[\{'order': 7\}, \{'order': 7\}\]", run.stdout), run.stdout


def test_the_publisher_of_the_readme_publishes(shared_redis: Redis) -> None:
    script = SNIPPETS[1].replace("redis://127.0.0.1:6379/0", shared_redis.url)
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, env=clean_environment(), check=False)
    assert run.returncode == 0


def test_the_rules_of_the_readme_hold(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(SNIPPETS[2], "utf-8")
    check = (
        "from rules import app\n"
        "app.secret_key = 'test'\n"
        "client = app.test_client()\n"
        "say = lambda **data: client.post('/rooms/chat/a/messages', json={'data': data})\n"
        "print(say(text=1).json['error']['path'], say(text='hi').status_code)\n"
        "with client.session_transaction() as session: session['user'] = 'ann'\n"
        "print(say(text='hi').status_code)\n"
        "print(sorted(client.get('/rooms/chat/a/messages').json['messages'][0]['data']))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, env=clean_environment(PYTHONPATH=str(ROOT)), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == "$.text 401\n201\n['at', 'text', 'user']\n"


def test_the_test_of_the_readme_passes(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SNIPPETS[0], "utf-8")
    (tmp_path / "test_shop.py").write_text(next(one for one in SNIPPETS if "testing.subscribe" in one), "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path,
        env=clean_environment(PYTHONPATH=f"{ROOT}:{tmp_path}"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 passed" in run.stdout, run.stdout


@pytest.mark.parametrize("key", [f"REALTIME_{one.name.upper()}" for one in fields(Settings)])
def test_every_setting_is_in_the_table(key: str) -> None:
    assert f"| `{key}` |" in README


def test_every_file_named_is_there() -> None:
    table = README.split("## Idea → file")[1].split("## HTTP")[0]
    cells = [row.rsplit("|", 2)[1] for row in table.splitlines() if row.startswith("| ") and "`" in row]
    assert len(cells) > 8
    for cell in cells:
        folder = ""
        for name in re.findall(r"`([^`]+)`", cell):
            path = name if "/" in name else f"{folder}/{name}"
            folder = path.rpartition("/")[0]
            assert list(ROOT.glob(path.rstrip("/"))), name


def test_no_document_names_a_path_of_one_machine() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        assert not re.search(rf"(?<![\w.]){os.sep}(work|root|home|tmp){os.sep}", (ROOT / name).read_text("utf-8"))


def test_the_commands_of_the_readme_work(shared_redis: Redis, namespace: str) -> None:
    block = next(one for one in blocks(README) if "realtime tail" in one.text)
    publish, tail, history, rooms, doctor, lab = block.text.splitlines()
    settings = {
        "REALTIME_BUS_URL": shared_redis.url,
        "REALTIME_NAMESPACE": namespace,
        "REALTIME_HEARTBEAT": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    env = clean_environment(**settings)

    def says(command: str, text: str) -> None:
        run = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert text in run.stdout, run.stdout + run.stderr

    follower = Process(["bash", "-c", f"exec {tail}"], env=env)
    server = start_gevent(**settings)
    with running(follower, server):
        follower.until("following lobby")
        says(publish, "-")
        follower.until("backup done")
        says(history, "backup done")
        says(rooms, "lobby")
        says(doctor.replace("https://example.com", server.url), "event stream")
    says(f"{lab.partition('#')[0]} --seconds 1 --lanes sse", "Native SSE got all 100 messages")


def test_the_markup_of_the_readme_is_right_and_every_block_says_what_it_is(tmp_path: Path, shared_redis: Redis) -> None:
    reader = Reader(tmp_path, redis=shared_redis.url)
    for block in blocks(README):
        assert block.language in {"python", "console", "html", "text"}
        if block.language == "html":
            reader.do(block)
