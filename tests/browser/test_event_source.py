"""The polyfill is an EventSource: what the HTML standard says of reading streams, on the browser's own and on ours."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from .cases import AGAIN, CASES, OPEN, message
from .site import Site

LISTEN = """([kind, address, names, limit]) => new Promise((done) => {
  const Kind = kind === 'native' ? EventSource : Realtime.EventSource;
  const told = [];
  const source = window.source = new Kind(address);
  const tell = (entry) => {
    if (told.push(entry) === limit) { source.close(); setTimeout(() => done(told), 20); }
  };
  source.onopen = () => tell(['open', source.readyState]);
  source.onerror = (e) => { if (e.data === undefined) { tell(['error', source.readyState]); } };
  names.concat('message').forEach((name) =>
    source.addEventListener(name, (e) => e.data === undefined || tell([e.type, e.data, e.lastEventId])));
})"""

IN_PIECES = ["cr", "crlf", "mixed", "bom", "bad utf-8", "beyond the plane", "ids", "only blank lines"]

pytestmark = pytest.mark.parametrize("kind", ["native", "polyfill"])


@pytest.mark.parametrize("name", CASES)
def test_a_stream_is_read_as_the_standard_says(site: Site, page: Page, name: str, kind: str) -> None:
    case = CASES[name]
    heard = page.evaluate(LISTEN, [kind, f"{site.url}/case/{name}", list(case.names), len(case.heard)])
    assert heard == case.heard


@pytest.mark.parametrize("name", IN_PIECES)
def test_a_stream_that_comes_byte_by_byte_says_the_same(site: Site, page: Page, name: str, kind: str) -> None:
    case = CASES[name]
    heard = page.evaluate(LISTEN, [kind, f"{site.url}/split/{name}", list(case.names), len(case.heard)])
    assert heard == case.heard


@pytest.mark.parametrize("then", ["retry: 1x", "retry: -5", "retry: 1.5", "retry:  60000", "Retry: 60000"])
def test_what_is_no_number_changes_no_reconnection_time(site: Site, page: Page, then: str, kind: str) -> None:
    site.asked.clear()
    page.evaluate(LISTEN, [kind, f"{site.url}/again?then={then}%0A", [], 4])
    assert 0.08 < site.asked[1].at - site.asked[0].at < 2


def test_the_last_id_is_that_of_the_last_whole_block(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    page.evaluate(LISTEN, [kind, f"{site.url}/again?then=id:99%0Adata:x%0A", [], 4])
    assert [one.cursor for one in site.asked] == [None, "1"]


def test_a_block_of_nothing_but_an_id_counts(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    page.evaluate(LISTEN, [kind, f"{site.url}/again?then=id:99%0A%0A", [], 4])
    assert [one.cursor for one in site.asked] == [None, "99"]


def test_an_empty_id_resets_it(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    heard = page.evaluate(LISTEN, [kind, f"{site.url}/again?then=id%0Adata:x%0A%0A", [], 6])
    assert heard == [OPEN, message("1", "1"), message("x"), AGAIN, OPEN, message("1", "1")]
    assert [one.cursor for one in site.asked] == [None, None]


def test_an_id_of_any_script_comes_back_as_it_was(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    page.evaluate(LISTEN, [kind, f"{site.url}/again?then=id:%C3%A9%E2%98%83%20%26=%25%0A%0A", [], 4])
    assert [one.cursor for one in site.asked] == [None, "\u00e9\u2603 &=%"]
