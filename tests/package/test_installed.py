"""``pip install .`` in a fresh environment, and an application in an empty folder: pages, streams, commands, types."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from realtime.web.assets import CLIENT
from tests.support.browser import launched
from tests.support.processes import ROOT, Redis, Server, clean_environment, free_port, running
from tests.support.publishing import publish
from tests.support.streams import EventReader

SHOP = '''
"""A stranger's application."""

from flask import Flask, render_template_string

from realtime import Realtime
from realtime.web import pages

realtime = Realtime()

LIVE = """<!doctype html>
<title>shop</title>
{{ realtime_scripts() }}
<script>
  var seen = [], joined = false, rt = new Realtime();
  rt.on("shipped", function (data, id) { seen.push([data.order, id]); });
  rt.join("orders", function () { joined = true; });
  rt.connect();
</script>
"""


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "not a secret, but long enough"
    realtime.init_app(app)
    pages.register(app, url_prefix="/chat")

    @app.get("/")
    def page() -> str:
        return render_template_string("<!doctype html><title>shop</title>{{ realtime_scripts(nonce='n') }}")

    @app.get("/live")
    def live() -> str:
        return render_template_string(LIVE)

    @app.post("/ship/<int:number>")
    def ship(number: int) -> dict[str, str]:
        return {"id": realtime.publish("orders", {"order": number}, event="shipped")}

    return app
'''

TYPED = '''
"""A stranger's application whose types are checked strictly."""

from typing import TypedDict

from flask import Flask

from realtime import BusUnavailable, ConfigError, Message, Position, Publisher, Realtime, Replay, testing
from realtime import Publication, Refused
from realtime.signals import message_published

app = Flask(__name__)
realtime = Realtime(app)


@realtime.on_publish
def refuse(publication: Publication) -> None:
    if publication.event == "spam":
        raise Refused("no", status=429, retry_after=3)


@realtime.on_publish(room="orders/*", event="shipped")
def stamp(publication: Publication) -> dict[str, object]:
    return {"at": 1, "said": publication.data}


def declare() -> dict[str, object]:
    @realtime.schema("order", room="orders/*")
    class Order(TypedDict):
        number: int

    count: type[int] = realtime.schema("count", int)
    order: Order = {"number": count(1)}
    realtime.publish("orders", order)
    return stamp(Publication(rooms=("orders/1",), event="shipped", data=order))


@message_published.connect_via(app)
def published(sender: Flask, *, message: Message, **_: object) -> None:
    print(message.id)


def latest(room: str) -> list[Message]:
    replay: Replay = realtime.history(room, limit=10)
    return list(replay.messages)


def ship(number: int) -> Position:
    try:
        return Position.parse(realtime.publish("orders", {"order": number}, event="shipped", key=f"ship-{number}"))
    except BusUnavailable as exc:
        raise SystemExit(exc.message) from exc


def script() -> str:
    try:
        with Publisher("redis://127.0.0.1:6379/0") as publisher:
            return publisher.publish("orders", 1)
    except ConfigError:
        return ""


def test_ship() -> None:
    with testing.subscribe(app, "orders", transport="sse") as reader:
        ship(7)
        got = reader.expect("shipped", timeout=1)
        assert got.data == {"order": 7}
        number: str = got.id
        assert number


def test_refused() -> None:
    with testing.subscribe(app, "orders", transport="socketio", auth={"token": "t"}) as reader:
        reader.emit("leave", {"room": "orders"})
    said: testing.AccessRefused = testing.refused(app, "two words", code="invalid_value")
    assert said.status == 422
'''


MISTYPED = """\
from realtime import Realtime
from realtime import Realtme

realtime = Realtime()
realtime.publish(7, "to a number")
"""


def in_folder(python: Path, folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run that Python in that folder."""
    return subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def shop(installed: Path, empty: Path) -> Iterator[Server]:
    """The shop, on ``flask run``."""
    (empty / "shop.py").write_text(SHOP, "utf-8")
    port = free_port()
    command = [str(installed), "-m", "flask", "--app", "shop", "run", "--port", str(port)]
    server = Server(command, env=clean_environment(), cwd=empty)
    with running(server):
        server.until(r"Running on http://")
        server.url = f"http://127.0.0.1:{port}"
        yield server


def test_it_is_the_installed_package_that_is_used(installed: Path, empty: Path) -> None:
    done = in_folder(installed, empty, "-c", "import realtime; print(realtime.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed.parents[1])


def test_a_page_gets_every_script_and_a_live_stream(shop: Server) -> None:
    page = requests.get(shop.url, timeout=10).text
    scripts = re.findall(r'<script src="(\S+)" nonce="n"></script>', page)
    assert [one.rsplit("/", 1)[1] for one in scripts] == ["socket.io.min.js", *(f"{part}.js" for part in CLIENT)]
    for one in scripts:
        answer = requests.get(shop.url + one, timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
    with EventReader(shop.url, "orders") as stream:
        stream.ready()
        id_ = requests.post(f"{shop.url}/ship/7", timeout=10).json()["id"]
        stream.wait(1)
        assert (stream.ids, stream.data) == ([id_], [{"order": 7}])


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_page_of_ones_own_is_live_with_the_stock_client_and_without(
    shop: Server, installed: Path, transport: str
) -> None:
    (stock,) = installed.parents[1].rglob("socket.io.min.js")
    if transport == "sse":
        # As it is installed from a checkout where `make` has not fetched it.
        stock.rename(stock.with_suffix(".away"))
    try:
        with launched() as browser:
            page = browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.goto(shop.url + "/live")
            page.wait_for_function("joined", timeout=15_000)
            assert page.evaluate("rt.transport") == transport
            id_ = requests.post(f"{shop.url}/ship/7", timeout=10).json()["id"]
            page.wait_for_function("seen.length", timeout=15_000)
            assert page.evaluate("seen") == [[7, id_]]
            assert [one for one in complaints if "favicon" not in one and "404" not in one] == []
    finally:
        if transport == "sse":
            stock.with_suffix(".away").rename(stock)


def test_the_chat_is_there_when_it_is_asked_for(shop: Server) -> None:
    page = requests.get(shop.url + "/chat/", timeout=10)
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="(/realtime/\S+)"', page.text)
    assert len(links) > 12
    for one in links:
        assert requests.get(shop.url + one, timeout=10).status_code == 200, one
    # The rest of the application stays its own.
    assert requests.get(shop.url + "/nothing", timeout=10).headers["Content-Type"].startswith("text/html")
    publish(shop.url, "lobby", "hi")


def test_the_commands_are_there(installed: Path, empty: Path, shared_redis: Redis, namespace: str) -> None:
    (empty / "shop.py").write_text(SHOP, "utf-8")
    settings = {"REALTIME_BUS_URL": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    flask = ["-m", "flask", "--app", "shop", "realtime"]
    published = in_folder(installed, empty, *flask, "publish", "orders", '{"order": 7}', **settings)
    assert re.fullmatch(r"\d+-\d+\n", published.stdout), published.stderr
    shown = in_folder(installed, empty, *flask, "history", "orders", "--json", **settings)
    assert json.loads(shown.stdout)["data"] == {"order": 7}
    doctor = in_folder(installed, empty, *flask, "doctor", "--json", **settings)
    findings = {one["check"]: one for one in json.loads(doctor.stdout)}
    assert findings["libraries"]["level"] == findings["browser files"]["level"] == "ok", doctor.stdout


def test_an_application_that_uses_the_public_api_passes_mypy_strict(installed: Path, empty: Path) -> None:
    (empty / "typed.py").write_text(TYPED, "utf-8")
    (empty / "shop.py").write_text(SHOP, "utf-8")
    mypy = ["-m", "mypy", "--strict", "--python-executable", str(installed), "--cache-dir", str(empty / "cache")]
    done = in_folder(Path(sys.executable), empty, *mypy, "typed.py", "shop.py")
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
    (empty / "typed.py").write_text(MISTYPED, "utf-8")
    found = in_folder(Path(sys.executable), empty, *mypy, "typed.py").stdout
    assert [line.split(":")[1] for line in found.splitlines() if ": error:" in line] == ["2", "5"], found


def test_a_source_distribution_has_all_that_a_build_needs(checkout: Path, tmp_path: Path) -> None:
    done = in_folder(Path(sys.executable), checkout, "-m", "build", "--sdist", "--outdir", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    ours = {
        str(path.relative_to(ROOT))
        for folder in ("realtime", "templates", "static")
        for path in (ROOT / folder).rglob("*.*")
        if "__pycache__" not in path.parts and path.suffix not in {".map", ""} and path.name != ".stamp"
    }
    needed = ours | {"setup.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE", "server.py"}
    assert needed - held == set()


def test_every_part_of_the_browser_client_is_loaded_by_pages() -> None:
    parts = {path.stem for path in (ROOT / "static" / "js").glob("realtime*.js")}
    assert parts == set(CLIENT)
