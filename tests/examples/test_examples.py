"""Every example does what its first lines promise: a real server, a real browser where there is a page."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import socketio
from playwright.sync_api import Browser, Page, expect

from tests.support.processes import ROOT, Redis, clean_environment, eventually
from tests.support.streams import EventReader

from .conftest import COMMANDS, Start

EXAMPLES = sorted(
    {path.name.removesuffix(".py") for path in (ROOT / "examples").iterdir() if path.name[0] not in "._R"}
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_is_short_and_listed_with_its_commands(name: str) -> None:
    assert name in COMMANDS
    path = ROOT / "examples" / name
    files = [one for one in path.rglob("*.*") if one.suffix != ".pyc"] if path.is_dir() else [path.with_suffix(".py")]
    for file in files:
        assert file.read_text("utf-8").count("\n") < 60, file


def test_a_view_pushes_to_a_page_without_any_library(start: Start, page: Page) -> None:
    server = start("sse_view")
    page.goto(server.url)
    requests.post(server.url + "/say", data={"text": "hello <b>you</b>"}, timeout=10)
    expect(page.locator("li")).to_have_text(["hello <b>you</b>"])
    page.reload()
    expect(page.locator("li")).to_have_text(["hello <b>you</b>"])


def test_the_chat_reaches_the_other_process_and_the_newcomer(
    start: Start, page: Page, chromium: Browser, shared_redis: Redis, namespace: str
) -> None:
    settings = {"redis": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    one, other = start("chat_redis", **settings), start("chat_redis", **settings)
    for url, tab, user in ((one.url, page, "ann"), (other.url, chromium.new_page(), "bob")):
        tab.goto(url)
        tab.locator("[name=user]").fill(user)
        tab.locator("[name=user]").press("Enter")
        tab.locator("[name=text]").fill(f"I am {user}")
        tab.locator("[name=text]").press("Enter")
        expect(tab.locator("#said")).to_contain_text(f"{user}: I am {user}")
        # The newcomer sees what was said before, and the one who was there first gets the newcomer's word.
        expect(tab.locator("#said")).to_contain_text("ann: I am ann")
    expect(page.locator("#said")).to_have_text("bob: I am bob\nann: I am ann\n")
    assert requests.post(one.url + "/post", data={"text": "?"}, timeout=10).status_code == 401


def test_streams_go_on_while_another_view_of_the_threaded_server_is_slow(start: Start, page: Page) -> None:
    server = start("threaded")
    with pytest.raises(requests.ReadTimeout):
        requests.get(server.url + "/slow", timeout=0.05)
    began = time.monotonic()
    page.goto(server.url)
    page.wait_for_load_state()
    page.get_by_role("button").click()
    expect(page.locator("#left")).to_have_text("0")
    assert time.monotonic() - began < 5


def test_another_programs_change_of_a_row_runs_a_function_on_the_page(start: Start, page: Page, tmp_path: Path) -> None:
    file = str(tmp_path / "stock.db")
    server = start("sqlite_change", STOCK_DB=file)
    page.goto(server.url)
    expect(page.locator("#stock")).to_have_text("nothing sold yet")
    for left in ("4 apples", "3 apples"):
        command = COMMANDS["sqlite_change"][1].split()
        subprocess.run([sys.executable, *command[1:]], cwd=ROOT, env=clean_environment(STOCK_DB=file), check=True)
        expect(page.locator("#stock")).to_have_text(left)


def test_a_worker_process_moves_the_bar_of_the_page(
    start: Start, page: Page, shared_redis: Redis, namespace: str
) -> None:
    settings = {"redis": shared_redis.url, "REALTIME_NAMESPACE": namespace}
    server = start("worker", **settings)
    start("worker", 1, **settings)
    page.goto(server.url)
    page.get_by_role("button").click()
    expect(page.locator("#out")).to_have_text("report.pdf")
    assert page.locator("#bar").get_attribute("value") == "100"


def test_a_request_shows_its_progress_with_its_own_session(start: Start, page: Page) -> None:
    server = start("progress")
    page.goto(server.url + "/?user=ann")
    expect(page.locator("#out")).to_have_text("ready, ann")
    assert page.evaluate("document.getElementById('bar').value") == 100


def test_a_socketio_application_gains_event_streams_by_two_lines(start: Start) -> None:
    server = start("socketio_two_lines")
    with EventReader(server.url, "kitchen") as stream, socketio.SimpleClient() as client:
        stream.ready()
        client.connect(server.url)
        client.emit("enter", "kitchen")
        assert client.receive(timeout=5)[:2] == ["entered", {"room": "kitchen"}]
        assert client.call("order", {"dish": "soup"}) == "on its way"
        requests.post(server.url + "/ready/soup", timeout=10)
        stream.wait(3)
        assert [event.event for event in stream.messages] == ["entered", "ordered", "ready"]
        assert [client.receive(timeout=5)[2] for _ in range(2)] == stream.ids[1:]


def test_both_transports_show_the_same_under_gevent(start: Start, page: Page) -> None:
    server = start("gevent_socketio")
    page.goto(server.url)
    eventually(lambda: 'transport="sse"} 1.0' in requests.get(server.url + "/metrics", timeout=10).text)
    for text in ("one", "two"):
        page.locator("[name=text]").fill(text)
        page.locator("[name=text]").press("Enter")
        expect(page.locator("[name=text]")).to_have_value("")
    expect(page.locator("#stream li")).to_have_count(2)
    assert page.locator("#stream li").all_inner_texts() == page.locator("#socket li").all_inner_texts()


def test_a_browser_without_event_source_is_served_by_a_polyfill(start: Start, page: Page) -> None:
    server = start("old_browser")
    page.add_init_script("delete window.EventSource")
    page.goto(server.url)
    expect(page.locator("#kind")).to_have_text("polyfilled")
    eventually(lambda: 'transport="sse"} 1.0' in requests.get(server.url + "/metrics", timeout=10).text)
    requests.post(server.url + "/rooms/news/messages", json={"data": "hello"}, timeout=10)
    expect(page.locator("li")).to_have_text(["hello"])


def test_the_stream_passes_nginx_at_once_though_it_buffers(start: Start, page: Page) -> None:
    server = start("behind_nginx")
    proxy = start("behind_nginx", 1, upstream=server.url)
    page.goto(proxy.url)
    requests.post(proxy.url + "/say", data={"text": "through"}, timeout=10)
    expect(page.locator("li")).to_have_text(["through"])


def test_the_examples_pass_mypy_strict(tmp_path: Path) -> None:
    files = [str(path) for path in (ROOT / "examples").rglob("*.py")]
    # What Flask-SocketIO and Flask-Login publish without types are their decorators and classes.
    flags = ["--strict", "--allow-untyped-decorators", "--allow-subclassing-any", "--disable-error-code=import-untyped"]
    command = [sys.executable, "-m", "mypy", *flags, "--cache-dir", str(tmp_path), *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
