"""The transport lab in Firefox: all five lanes get everything, also while they are cut, and nothing complains."""

from __future__ import annotations

import pytest

from tests.support.processes import Server, eventually

from .conftest import Open
from .driving import Engine
from .test_chat import complaints

LANES = ["websocket", "polling", "sse", "polyfill", "poll"]
BROKEN = """window.broken = []; addEventListener('securitypolicyviolation', function (one) {
  window.broken.push(one.violatedDirective + ' ' + one.blockedURI); });"""


def _stopped(page: Engine) -> dict[str, dict[str, object]]:
    """Stop the run, and return what each lane has got."""
    page.js("document.getElementById('stop').click()")
    eventually(lambda: page.js("document.documentElement.getAttribute('data-lab')") == "done", within=30, every=0.1)
    return {one["lane"]: one for one in page.js("Lab.last.lanes")}


def _press(page: Engine, lane: str, what: str) -> None:
    page.js(f"document.querySelector('#lane-{lane} [data-do={what}]').click()")


@pytest.mark.parametrize("what", ["cut", "end"])
def test_lanes_that_are_cut_in_firefox_come_back_and_lose_nothing(
    gevent_server: Server, open_page: Open, what: str
) -> None:
    page = open_page("firefox", f"{gevent_server.url}/lab?rate=40&size=64&seconds=60&run=1", before=BROKEN)
    enabled = f"!document.querySelector('#lane-poll [data-do={what}]').disabled"
    eventually(lambda: page.js(enabled), within=20, what="the lanes' buttons")
    eventually(lambda: page.js("+document.querySelector('#lane-sse [data-show=messages]').textContent > 0"), within=10)
    for lane in LANES:
        _press(page, lane, what)
    # A poll that the server cuts may be repeated by the browser itself.
    for lane in LANES if what == "cut" else [one for one in LANES if one != "poll"]:
        back = f"document.querySelector('#lane-{lane} [data-show=reconnects]').textContent"
        eventually(lambda back=back: page.js(back) == "1", within=20, what=f"{lane} after the cut")  # type: ignore[misc]
    lanes, accepted = _stopped(page), page.js("Lab.last.accepted")
    assert {
        name: (lane["messages"], lane["lost"], lane["doubled"], lane["disordered"]) for name, lane in lanes.items()
    } == dict.fromkeys(LANES, (accepted, 0, 0, 0))
    assert page.js("document.querySelector('#words').textContent.indexOf('All five lanes got all') >= 0")
    assert page.js("document.querySelectorAll('.chart canvas').length") == 6
    assert page.js("window.broken") == []
    assert complaints(page) == []


def test_every_lane_changes_its_transport_in_firefox_without_a_gap(gevent_server: Server, open_page: Open) -> None:
    page = open_page("firefox", f"{gevent_server.url}/lab?rate=40&size=64&seconds=60&run=1")
    eventually(lambda: page.js("!document.querySelector('#lane-poll [data-do=switch]').disabled"), within=20)
    for lane, other in zip(LANES, LANES[2:] + LANES[:2], strict=True):
        page.js(
            f"(function (list) {{ list.value = '{other}'; list.dispatchEvent(new Event('change')); }})("
            f"document.querySelector('#lane-{lane} [data-do=switch]'))"
        )
    for lane, other in zip(LANES, LANES[2:] + LANES[:2], strict=True):
        over = f"document.querySelector('#lane-{lane}').getAttribute('data-transport')"
        eventually(lambda over=over, other=other: page.js(over) == other, within=10, what=f"{lane} over {other}")  # type: ignore[misc]
    lanes, accepted = _stopped(page), page.js("Lab.last.accepted")
    assert {(lane["messages"], lane["lost"], lane["disordered"]) for lane in lanes.values()} == {(accepted, 0, 0)}
    assert {(lane["changes"], lane["reconnects"]) for lane in lanes.values()} == {(1, 0)}
