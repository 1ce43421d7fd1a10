"""The transport lab in a real Chromium: five lanes get all there is, also while they are cut, frozen and changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.processes import Server

from .lab import Lab

LANES = ["websocket", "polling", "sse", "polyfill", "poll"]
Open = Callable[..., Lab]


@pytest.fixture
def open_lab(chromium: Browser, gevent_server: Server) -> Iterator[Open]:
    """Open the lab, ``open_lab(query)``. At the end no page may have complained, or broken its policy."""
    labs: list[Lab] = []

    def open_lab(query: str, *, network_fails: bool = False, **context: Any) -> Lab:
        page = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **context}).new_page()
        page.set_default_timeout(15_000)
        labs.append(Lab(page, f"{gevent_server.url}/lab?{query}", network_fails=network_fails))
        return labs[-1]

    yield open_lab
    complaints = [complaint for lab in labs for complaint in lab.complaints + lab.broken_policies()]
    for lab in labs:
        lab.page.context.close()
    assert not complaints


def test_an_address_runs_the_lab_and_all_five_lanes_get_everything(open_lab: Open) -> None:
    lab = open_lab("rate=40&size=128&seconds=2&run=1")
    lab.wait_done()
    report = lab.exported()
    assert report["accepted"] == 80
    assert report["settings"] == {"rate": 40, "size": 128, "seconds": 2, "lanes": LANES}
    for lane in report["lanes"]:
        assert (lane["messages"], lane["lost"], lane["doubled"], lane["disordered"]) == (80, 0, 0, 0), lane
        assert 0 < lane["p50"] <= lane["p95"] <= lane["p99"] <= lane["most"] < 5000
        assert sum(point["count"] for point in lane["points"]) <= 80
        assert lane["received"] > 80 * 128 and lane["overhead"] > 0
    lanes = {one["lane"]: one for one in report["lanes"]}
    assert lanes["websocket"]["requests"] == 1
    assert lanes["polling"]["requests"] > 10 < lanes["poll"]["requests"]
    assert lanes["sse"]["requests"] <= 2 >= lanes["polyfill"]["requests"]
    assert min(LANES, key=lambda one: lanes[one]["overhead"]) == "websocket"
    assert "All five lanes got all 80 messages, each once and in order." in lab.verdict()
    assert lab.page.locator(".chart canvas").count() == 6


def test_what_is_exported_is_what_the_table_shows(open_lab: Open) -> None:
    lab = open_lab("rate=20&size=64&seconds=1&run=1&lanes=websocket,sse")
    lab.wait_done()
    report, rows, (names, *cells) = lab.exported(), lab.exported_rows(), lab.table()
    assert [row["lane"] for row in rows] == ["websocket", "sse"] == [one["lane"] for one in report["lanes"]]
    for lane, row, shown in zip(report["lanes"], rows, cells, strict=True):
        assert {name: row[name] for name in ("messages", "requests")} == {
            name: str(lane[name]) for name in ("messages", "requests")
        }
        assert float(row["p50_ms"]) == lane["p50"] and row["rate"] == "20"
        there = dict(zip(names, shown, strict=True))
        assert (there["Lane"], there["Messages"], there["Lost"]) == (lane["name"], "20", "0")
        assert there["p50"] == f"{lane['p50']:.{1 if lane['p50'] < 9.95 else 0}f}\u00a0ms"


def test_lanes_that_are_cut_come_back_and_lose_nothing(open_lab: Open) -> None:
    lab = open_lab("rate=50&size=64&seconds=60", network_fails=True)
    lab.run()
    for cuts, knife in enumerate(("cut", "end"), start=1):
        for lane in LANES:
            lab.press(lane, knife)
        for lane in LANES:
            # Chromium itself repeats a poll whose connection the server broke: nobody may notice that.
            if (lane, knife) != ("poll", "end"):
                lab.wait_figure(lane, "reconnects", cuts)
    lab.page.click("#stop")
    lab.wait_done()
    report = lab.exported()
    for lane in report["lanes"]:
        assert (lane["messages"], lane["lost"]) == (report["accepted"], 0), lane
        assert (lane["doubled"], lane["disordered"], lane["disturbed"]) == (0, 0, ["cut"]), lane
        assert 0 < lane["recovery"] < 10_000
    assert sum(lane["replayed"] for lane in report["lanes"]) > 5
    assert any("had everything again after" in sentence for sentence in lab.verdict())


def test_a_frozen_and_a_delayed_lane_fall_behind_and_catch_up(open_lab: Open) -> None:
    lab = open_lab("rate=50&size=64&seconds=60&lanes=websocket,sse,poll", network_fails=True)
    lab.run()
    lab.press("sse", "freeze")
    assert lab.figure("sse", "what") == "Held back in this page; the browser reads on"
    lab.choose("poll", "delay", "500")
    stood = int(lab.figure("sse", "messages"))
    lab.wait_figure("sse", "lost", 60)
    assert int(lab.figure("sse", "messages")) - stood < 50
    lab.press("sse", "freeze")
    lab.wait_figure("poll", "messages", stood + 100)
    lab.page.click("#stop")
    lab.wait_done()
    report, lanes = lab.exported(), lab.lanes()
    assert {(lane["messages"], lane["lost"]) for lane in lanes.values()} == {(report["accepted"], 0)}
    assert lanes["poll"]["p95"] > 450 and lanes["sse"]["most"] > 900
    assert (lanes["sse"]["disturbed"], lanes["poll"]["disturbed"]) == (["frozen"], ["delayed"])


def test_without_websocket_a_lane_falls_back_and_changes_over_without_a_gap(open_lab: Open) -> None:
    lab = open_lab("rate=50&size=64&seconds=60&lanes=websocket,polyfill", network_fails=True)
    lab.run()
    lab.press("websocket", "block")
    expect(lab.page.locator("#lane-websocket")).to_have_attribute("data-transport", "sse", timeout=10_000)
    assert "Native SSE" in lab.figure("websocket", "what")
    lab.choose("polyfill", "switch", "polling")
    expect(lab.page.locator("#lane-polyfill")).to_have_attribute("data-transport", "polling", timeout=10_000)
    lab.press("websocket", "block")
    expect(lab.page.locator("#lane-websocket")).to_have_attribute("data-transport", "websocket", timeout=10_000)
    lab.page.click("#stop")
    lab.wait_done()
    lanes = lab.lanes()
    assert {(one["lost"], one["disordered"]) for one in lanes.values()} == {(0, 0)}
    assert lanes["websocket"]["changes"] == 2
    assert (lanes["polyfill"]["changes"], lanes["polyfill"]["reconnects"]) == (1, 0)


def test_settings_are_kept_in_the_address_and_within_their_limits(open_lab: Open) -> None:
    lab = open_lab("rate=99999&size=3&seconds=x&lanes=poll,none")
    page = lab.page
    assert [page.input_value(f"#{name}") for name in ("rate", "size", "seconds")] == ["500", "16", "20"]
    page.fill("#rate", "10")
    page.fill("#seconds", "1")
    page.check("input[value=sse]")
    lab.page.click("#run")
    lab.wait_done()
    assert page.url.endswith("/lab?rate=10&size=16&seconds=1&lanes=sse,poll")
    page.reload()
    assert [page.input_value(f"#{name}") for name in ("rate", "size", "seconds")] == ["10", "16", "1"]
    assert page.locator("input[name=lane]:checked").count() == 2


def test_a_run_can_be_stopped_and_a_second_one_begins_anew(open_lab: Open) -> None:
    lab = open_lab("rate=30&size=64&seconds=100&lanes=websocket,polling")
    lab.run()
    lab.page.click("#stop")
    lab.wait_done()
    first = lab.exported()
    assert first["ended"] == "it was stopped" and 0 < first["accepted"] < 600
    lab.page.fill("#seconds", "1")
    lab.page.click("#run")
    lab.wait_done()
    assert (lab.exported()["accepted"], lab.exported()["ended"]) == (30, None)
    assert {one["messages"] for one in lab.exported()["lanes"]} == {30}


def test_a_browser_without_event_source_runs_the_other_lanes(open_lab: Open) -> None:
    lab = open_lab("rate=20&size=64&seconds=1")
    lab.page.add_init_script("delete window.EventSource")
    lab.page.reload()
    lab.page.click("#run")
    lab.wait_done()
    lanes = lab.lanes()
    assert lanes["sse"]["state"] == "failed" and lab.state("sse") == "failed"
    assert {lanes[one]["messages"] for one in LANES if one != "sse"} == {20}
    assert any(said.startswith("Native SSE did not work here") for said in lab.verdict())
