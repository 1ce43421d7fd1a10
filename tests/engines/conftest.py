"""Pages in other browsers, opened for one test and closed with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .driving import Engine, FirefoxBrowser, FirefoxPage, jsdom, qtwebkit

Open = Callable[..., Engine]


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxBrowser]:
    """One Firefox for a file's tests."""
    browser = FirefoxBrowser(tmp_path_factory.mktemp("firefox"))
    yield browser
    browser.end()


@pytest.fixture
def open_page(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a page, ``open_page("qtwebkit", url, before="…")``."""
    pages: list[Engine] = []

    def open_page(engine: str, url: str, *, before: str = "") -> Engine:
        if engine == "firefox":
            page: Engine = FirefoxPage(request.getfixturevalue("firefox"), url, before=before)
        else:
            page = {"qtwebkit": qtwebkit, "jsdom": jsdom}[engine](url, before=before, folder=tmp_path)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.end()
