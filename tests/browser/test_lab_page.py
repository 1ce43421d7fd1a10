"""The lab's page: every width, light and dark, no mouse, and names for everything that can be pressed or read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.processes import Server, eventually

from .test_lab import LANES, Open, open_lab  # noqa: F401  a fixture
from .test_page import SIDEWAYS

NAMES = ["WebSocket", "Socket.IO polling", "Native SSE", "Polyfilled SSE", "Long poll"]

OUTSIDE = """(width) => [...document.querySelectorAll('button, select, input, .lane dd')].filter((item) => {
  const box = item.getBoundingClientRect();
  const cut = item.matches('.tools button') && item.scrollWidth > item.clientWidth;
  return box.width && (box.left < 0 || box.right > width || cut);
}).map((item) => item.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (768, "dark"), (1280, "light")])
def test_only_the_table_is_ever_wider_than_the_page(open_lab: Open, width: int, scheme: str) -> None:  # noqa: F811
    lab = open_lab(
        "rate=20&size=64&seconds=1&run=1", viewport={"width": width, "height": 700}, color_scheme=scheme,
        reduced_motion="reduce",
    )  # fmt: skip
    lab.wait_running()
    assert lab.page.evaluate(SIDEWAYS) == []
    lab.wait_done()
    assert all(one.startswith('<div class="table"') for one in lab.page.evaluate(SIDEWAYS))
    assert lab.page.evaluate(OUTSIDE, width) == []


def _focused(page: Page) -> str:
    name: str = page.evaluate(
        "document.activeElement.id || (document.activeElement.closest('.lane') || {}).id + ' ' +"
        " document.activeElement.dataset.do"
    )
    return name


def _tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        if _focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never leads to {name}")


def test_a_run_is_begun_disturbed_and_read_with_the_keyboard_alone(open_lab: Open) -> None:  # noqa: F811
    lab = open_lab("seconds=100&rate=50&lanes=websocket,sse", network_fails=True)
    page, keys = lab.page, lab.page.keyboard
    _tab_to(page, "seconds")
    keys.type("9")
    keys.press("Enter")
    eventually(lambda: _focused(page) == "stop", what="the focus on what can be done next")
    lab.wait_running()
    _tab_to(page, "lane-sse cut")
    keys.press("Enter")
    expect(page.locator("#said")).to_have_text("Cut Native SSE here.")
    _tab_to(page, "lane-sse freeze")
    keys.press("Space")
    expect(page.get_by_role("button", name="Freeze here: Native SSE")).to_have_attribute("aria-pressed", "true")
    lab.wait_done()
    assert _focused(page) == "verdict"
    assert {one["lost"] for one in lab.exported()["lanes"]} == {0}
    _tab_to(page, "table")


def test_everything_has_a_name_of_its_own_for_who_does_not_see_it(open_lab: Open) -> None:  # noqa: F811
    lab = open_lab("rate=20&size=64&seconds=1&run=1")
    lab.wait_done()
    page = lab.page
    for name in NAMES:
        lane = page.get_by_role("listitem", name=name, exact=True)
        expect(lane.get_by_role("heading", level=3)).to_have_text(name)
        for button in (f"Cut here: {name}", f"Cut at server: {name}", f"Freeze here: {name}"):
            expect(lane.get_by_role("button", name=button, exact=True)).to_have_count(1)
        expect(lane.get_by_role("combobox", name=f"Delay {name}")).to_have_count(1)
        expect(lane.get_by_role("combobox", name=f"Over which transport: {name}")).to_have_count(1)
        assert " ms" in (lane.get_by_role("img").get_attribute("aria-label") or "").replace("\u00a0", " ")
    over = page.get_by_role("region", name="Latency now").get_by_role("img")
    assert (over.get_attribute("aria-label") or "").startswith("Median latency: WebSocket ")
    expect(page.get_by_role("status")).to_have_text("Done: 20 messages.")
    expect(page.get_by_role("table", name="Figures of all lanes").get_by_role("rowheader")).to_have_text(NAMES)
    for name in ("Rate", "Size", "Time"):
        expect(page.get_by_role("spinbutton", name=name)).to_have_count(1)


def test_who_has_pressed_run_is_led_to_the_verdict_when_there_is_one(open_lab: Open) -> None:  # noqa: F811
    lab = open_lab("rate=20&size=64&seconds=1&run=1", viewport={"width": 390, "height": 700})
    link = lab.page.get_by_role("link", name="See the verdict")
    expect(link).to_be_hidden()
    lab.wait_done()
    link.click()
    expect(lab.page.get_by_role("heading", name="Verdict")).to_be_in_viewport()
    assert _focused(lab.page) == "verdict"


def test_a_run_can_be_stopped_before_it_has_begun(open_lab: Open) -> None:  # noqa: F811
    lab = open_lab("rate=20&size=64&seconds=60")
    page, held = lab.page, list[Route]()
    page.route("**/lab/time", lambda route: held.append(route), times=1)  # noqa: PLW0108  Playwright marks its handlers
    with page.expect_request("**/lab/time"):
        page.click("#run")
    page.click("#stop")
    expect(page.locator("#said")).to_have_text("Stopping…")
    held[0].continue_()
    lab.wait_done()
    assert lab.verdict()[0] == "The run ended early: it was stopped."
    expect(page.locator("#notice")).to_be_hidden()


def test_chat_and_lab_lead_to_each_other(open_lab: Open, gevent_server: Server) -> None:  # noqa: F811
    lab = open_lab("")
    lab.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Chat").click()
    lab.page.get_by_role("link", name="Transport lab").click()
    expect(lab.page).to_have_url(f"{gevent_server.url}/lab")
    assert lab.page.locator(".lane:visible").count() == len(LANES)
