"""Where the machine's Chromium is, and how tests start it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@contextmanager
def launched(*, leave_out: Sequence[str] = (), playwright: Playwright | None = None) -> Iterator[Browser]:
    """A Chromium of its own.

    Args:
        leave_out: flags of Playwright's that it is started without.
        playwright: a running one; there can be only one at a time.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail("install Chromium: make test does it", pytrace=False)
    with sync_playwright() if playwright is None else nullcontext(playwright) as running:
        browser = running.chromium.launch(executable_path=path, args=FLAGS.split(), ignore_default_args=list(leave_out))
        yield browser
        browser.close()
