"""The polyfill is an EventSource: what the HTML standard says of its connection, on the browser's own and on ours.

Where XMLHttpRequest leaves no choice, the tests say how ours differs.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Error, Page

from tests.support.processes import eventually, free_port

from .cases import AGAIN, ENDED, OPEN, message
from .site import Site
from .test_event_source import LISTEN

KIND = "const Kind = kind === 'native' ? EventSource : Realtime.EventSource;"

WATCH = """([kind, address, init]) => {
  const Kind = kind === 'native' ? EventSource : Realtime.EventSource;
  const told = window.told = [];
  const source = window.source = new Kind(address, init);
  told.push(['made', source.readyState]);
  ['open', 'error'].forEach((name) => source.addEventListener(name, () => told.push([name, source.readyState])));
  source.onmessage = (e) => told.push(['message', e.data]);
}"""

pytestmark = pytest.mark.parametrize("kind", ["native", "polyfill"])


def listen(page: Page, kind: str, address: str, limit: int) -> list[list[Any]]:
    heard: list[list[Any]] = page.evaluate(LISTEN, [kind, address, [], limit])
    return heard


def told(page: Page, count: int) -> list[list[Any]]:
    """So many things that the source being watched has told, and close it."""
    eventually(lambda: page.evaluate("told.length") >= count, what=f"{count} things told")
    found: list[list[Any]] = page.evaluate("source.close() || told")
    return found


def test_it_goes_from_connecting_to_open_and_back_and_ends_closed(site: Site, page: Page, kind: str) -> None:
    page.evaluate(WATCH, [kind, f"{site.url}/again", {}])
    assert told(page, 5)[:5] == [["made", 0], ["open", 1], ["message", "1"], ["error", 0], ["open", 1]]
    assert page.evaluate("source.readyState") == 2


def test_the_head_opens_it_before_there_is_any_message(site: Site, page: Page, kind: str) -> None:
    # Chromium shows an XMLHttpRequest's head with its first byte, which a comment is; other browsers at once.
    page.evaluate(WATCH, [kind, f"{site.url}/held" + ("" if kind == "native" else "/comment"), {}])
    eventually(lambda: page.evaluate("source.readyState") == 1, what="open")
    assert told(page, 2) == [["made", 0], ["open", 1]]
    site.more.set()


def test_what_is_closed_by_its_own_listener_says_nothing_more(site: Site, page: Page, kind: str) -> None:
    page.evaluate(WATCH, [kind, f"{site.url}/held/comment", {}])
    page.evaluate("source.addEventListener('message', () => source.close())")
    eventually(lambda: page.evaluate("source.readyState") == 1, what="open")
    site.more.set()
    eventually(lambda: page.evaluate("source.readyState") == 2, what="closed")
    assert told(page, 3) == [["made", 0], ["open", 1], ["message", "a"]]
    site.more.set()


def test_what_is_closed_before_it_opened_never_opens(site: Site, page: Page, kind: str) -> None:
    page.evaluate(
        f"kind => {{ {KIND} window.source = new Kind('/again'); source.close(); window.told = []; "
        "source.onopen = source.onmessage = source.onerror = (e) => told.push(e.type); }",
        kind,
    )
    listen(page, kind, f"{site.url}/case/lf", 2)
    assert page.evaluate("told") == []


def test_what_is_closed_when_its_stream_ended_does_not_come_back(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    assert listen(page, kind, f"{site.url}/again", 3) == [OPEN, message("1", "1"), AGAIN]
    page.wait_for_timeout(250)
    assert len(site.asked) == 1


def test_it_comes_back_with_the_last_id_after_the_time_it_was_told(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    once = [OPEN, message("1", "1"), AGAIN, OPEN, message("2", "2"), AGAIN, OPEN, message("3", "3")]
    assert listen(page, kind, f"{site.url}/again", 8) == once
    assert [one.cursor for one in site.asked] == [None, "1", "2"]
    assert [one.header for one in site.asked] == [None, "1", "2"], "to its own origin by header, as browsers do"
    assert all(0.08 < later.at - earlier.at < 2 for earlier, later in zip(site.asked, site.asked[1:], strict=False))


def test_a_connection_lost_in_the_middle_is_opened_again(site: Site, page: Page, kind: str) -> None:
    heard = listen(page, kind, f"{site.url}/torn", 6)
    assert heard == [OPEN, message("a", "1"), AGAIN, OPEN, message("a", "2"), AGAIN]


def test_a_server_that_is_not_there_is_tried_again(page: Page, kind: str) -> None:
    assert listen(page, kind, f"http://127.0.0.1:{free_port()}/", 1) == [AGAIN]


@pytest.mark.parametrize("status", [201, 202, 205, 206, 400, 401, 403, 410, 429, 500, 502, 504])
def test_any_status_but_200_ends_it(site: Site, page: Page, status: int, kind: str) -> None:
    site.asked.clear()
    assert listen(page, kind, f"{site.url}/status/{status}", 1) == [ENDED]
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(site: Site, page: Page, status: int, kind: str) -> None:
    heard = listen(page, kind, f"{site.url}/redirect/{status}?to=/again", 5)
    assert heard == [OPEN, message("1", "1"), AGAIN, OPEN, message("2", "2")]


def test_a_redirect_to_another_origin_is_followed_where_that_allows_it(
    site: Site, other: Site, page: Page, kind: str
) -> None:
    heard = listen(page, kind, f"{site.url}/redirect/307?to={other.url}/cors/any", 5)
    assert heard == [OPEN, message("a", "7"), AGAIN, OPEN, message("a", "7")]


def test_another_origin_that_allows_it_is_read_and_told_the_last_id(other: Site, page: Page, kind: str) -> None:
    other.asked.clear()
    heard = listen(page, kind, f"{other.url}/cors/any", 5)
    assert heard == [OPEN, message("a", "7"), AGAIN, OPEN, message("a", "7")]
    assert [one.cursor for one in other.asked] == [None, "7"]
    # A header that a script sets would need another permission first.
    assert [one.header for one in other.asked] == [None, "7" if kind == "native" else None]


def test_another_origin_that_does_not_allow_it_is_not_read(other: Site, page: Page, kind: str) -> None:
    heard = listen(page, kind, f"{other.url}/case/lf", 1)
    assert heard == ([ENDED] if kind == "native" else [AGAIN]), "ours cannot tell it from a broken network"


@pytest.mark.parametrize("credentials", [False, True])
def test_cookies_go_to_another_origin_only_when_asked_for(
    other: Site, page: Page, credentials: bool, kind: str
) -> None:
    page.context.add_cookies([{"name": "who", "value": "ann", "url": other.url}])
    other.asked.clear()
    page.evaluate(WATCH, [kind, f"{other.url}/cors/page", {"withCredentials": credentials}])
    assert told(page, 3)[:3] == [["made", 0], ["open", 1], ["message", "a"]]
    assert other.asked[0].cookie == ("who=ann" if credentials else None)
    assert page.evaluate("source.withCredentials") is credentials


def test_with_cookies_it_is_not_enough_that_anybody_may_read_it(other: Site, page: Page, kind: str) -> None:
    page.evaluate(WATCH, [kind, f"{other.url}/cors/any", {"withCredentials": True}])
    assert told(page, 2)[1][0] == "error"


def test_it_does_not_come_back_to_what_was_kept(site: Site, page: Page, kind: str) -> None:
    site.asked.clear()
    assert listen(page, kind, f"{site.url}/kept", 5)[3:] == [OPEN, message("a", "2")]
    assert [one.cursor for one in site.asked] == [None, "1"]


def test_its_face_is_that_of_the_standard(site: Site, page: Page, kind: str) -> None:
    face = page.evaluate(
        f"""kind => {{ {KIND}
          const source = new Kind('/case/lf#part', {{withCredentials: true}});
          source.close();
          return [source.url, source.withCredentials, source.readyState,
            source.onopen, source.onmessage, source.onerror,
            Kind.CONNECTING, Kind.OPEN, Kind.CLOSED, source.CONNECTING, source.OPEN, source.CLOSED];
        }}""",
        kind,
    )
    assert face == [f"{site.url}/case/lf#part", True, 2, None, None, None, 0, 1, 2, 0, 1, 2]
    with pytest.raises(Error, match="SyntaxError"):
        page.evaluate(f"kind => {{ {KIND} new Kind('http://[') }}", kind)


def test_an_event_says_where_it_comes_from(other: Site, page: Page, kind: str) -> None:
    event = page.evaluate(
        f"""([kind, address]) => new Promise((done) => {{ {KIND}
          const source = new Kind(address);
          source.onmessage = (e) => {{
            done([e.type, e.data, e.lastEventId, e.origin, e.target === source, e.currentTarget === source]);
            source.close();
          }};
        }})""",
        [kind, f"{other.url}/cors/any?x=1"],
    )
    assert event == ["message", "a", "7", other.url, True, True]


def test_listeners_may_be_objects_come_once_and_go_at_any_time(page: Page, kind: str) -> None:
    heard = page.evaluate(
        f"""kind => new Promise((done) => {{ {KIND}
          const heard = [], source = new Kind('/case/lf');
          const late = () => heard.push('late'), twice = () => heard.push('twice');
          source.addEventListener('message', {{handleEvent(e) {{ heard.push(e.data); }}}});
          source.addEventListener('message', twice);
          source.addEventListener('message', twice, false);
          source.addEventListener('message', () => source.removeEventListener('message', late));
          source.addEventListener('message', late);
          source.onerror = () => {{ source.close(); done(heard); }};
        }})""",
        kind,
    )
    assert heard == ["a", "twice", "b", "twice"]
