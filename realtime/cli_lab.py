"""``flask realtime lab``: the transport lab without hands, in a Chromium without a window, for terminals and programs.

The page measures and judges; here a browser is found and told, and what the page says is printed. Playwright is only
imported, and a browser only started, when the command runs. This file may not measure anything.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

_LANES: Final = ("websocket", "polling", "sse", "polyfill", "poll")
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE: Final = 60
"""Seconds for everything but the run itself."""


@click.command("lab", short_help="Compare the transports in a Chromium without a window.")
@click.option("--rate", type=click.IntRange(1, 500), default=20, show_default=True, help="Messages a second.")
@click.option("--size", type=click.IntRange(16, 16384), default=256, show_default=True, help="Bytes of JSON in each.")
@click.option("--seconds", type=click.IntRange(1, 300), default=10, show_default=True, help="For how long.")
@click.option("--lanes", help=f"Some of {','.join(_LANES)}, separated by commas; default: all.")
@click.option("--url", help="A running server that has the lab; default: this application, served with threads.")
@click.option("--browser", metavar="PATH", help="Which Chromium; default: $CHROMIUM, the machine's, Playwright's.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object, as the page exports it.")
@click.option("--csv", "as_csv", is_flag=True, help="A line for each lane, as the page exports it.")
@with_appcontext
def lab(
    rate: int,
    size: int,
    seconds: int,
    lanes: str | None,
    url: str | None,
    browser: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Send the same messages over five transports at the same time, and print what each took, cost and lost."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    settings = {"rate": rate, "size": size, "seconds": seconds, "lanes": ",".join(_chosen(lanes)), "run": 1}
    path = _browser(browser)
    with _address(url) as base, _page(path) as page:
        click.echo(f"measuring {base} for {seconds} s…", err=True)
        report, table, verdict, csv = _measured(page, f"{base}?{urlencode(settings)}", seconds)
    if not report["accepted"]:
        raise click.ClickException(f"nothing could be published: {report['ended'] or 'the server accepted no message'}")
    if as_json:
        click.echo(json.dumps(report, indent=2))
    elif as_csv:
        click.echo(csv, nl=False)
    else:
        click.echo("\n".join([*_aligned(table), "", *verdict]))


def _chosen(lanes: str | None) -> Sequence[str]:
    chosen = _LANES if lanes is None else [one.strip() for one in lanes.split(",") if one.strip()]
    if not chosen or not set(chosen) <= set(_LANES):
        raise click.ClickException(f"--lanes is {lanes!r}; allowed are {', '.join(_LANES)}, separated by commas")
    return chosen


def _browser(named: str | None) -> str | None:
    """The path of a Chromium, or ``None`` for the one that Playwright may have brought."""
    path = named or os.environ.get("CHROMIUM")
    if not path:
        return next(filter(None, map(shutil.which, _BROWSERS)), None)
    found = shutil.which(path)
    if found is None:
        raise click.ClickException(f"there is no browser {path!r}; name a Chromium with --browser PATH")
    return found


@contextmanager
def _address(url: str | None) -> Iterator[str]:
    """Where the lab is: on a running server, or on one that is started here for as long as this lasts."""
    if url is not None:
        base = url.rstrip("/")
        if not base.startswith(("http://", "https://")):
            raise click.ClickException(f"--url is {url!r}; it begins with http:// or https://")
        yield base if base.endswith("/lab") else f"{base}/lab"
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    path = next((rule.rule for rule in app.url_map.iter_rules() if rule.endpoint == "pages.lab"), None)
    if path is None:
        raise click.ClickException(
            "this application has no lab: it needs REALTIME_LAB=1 and pages.register(app); or name a server that has "
            "one, --url http://127.0.0.1:5000"
        )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="realtime-lab", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request: long polls make hundreds."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def _page(path: str | None) -> Iterator[Page]:
    """A page in a browser of its own."""
    try:
        # A tool of developers, a hundred megabytes large: only who measures needs it.
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415
    except ImportError:
        raise click.ClickException("this needs Playwright: pip install 'realtime[lab]'") from None
    flags = [*_FLAGS, *(["--no-sandbox"] if _is_root() else [])]
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        if path is None and not own.is_file():
            raise click.ClickException(
                "no Chromium was found: install one (`apt install chromium`, `playwright install chromium`), or name "
                "it with --browser PATH"
            )
        try:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
        except Error as exc:
            raise click.ClickException(f"{path or own} cannot be started: {_first_line(exc)}") from exc
        with browser:
            yield browser.new_page(viewport={"width": 1440, "height": 900})


def _measured(page: Page, address: str, seconds: int) -> tuple[dict[str, Any], list[list[str]], list[str], str]:
    """What the page has found out: its report, table, verdict and CSV."""
    from playwright.sync_api import Error  # noqa: PLC0415

    try:
        answer = page.goto(address)
        if answer is None or answer.status != 200 or page.locator("html #lanes").count() == 0:
            status = "no answer" if answer is None else f"HTTP {answer.status}"
            raise click.ClickException(f"there is no lab at {address.partition('?')[0]} ({status}): REALTIME_LAB=1")
        page.wait_for_selector("html[data-lab=done]", state="attached", timeout=(seconds + _PATIENCE) * 1000)
        found = page.evaluate("[Lab.last, Lab.table(Lab.last), Lab.verdict(Lab.last), Lab.csv(Lab.last)]")
    except Error as exc:
        raise click.ClickException(f"the lab could not be run: {_first_line(exc)}") from exc
    report, table, verdict, csv = found
    return report, [[_plain(cell) for cell in row] for row in table], [_plain(said) for said in verdict], csv


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def _plain(text: str) -> str:
    """With spaces that programs take for spaces: a page has some that do not break."""
    return text.replace("\u00a0", " ").replace("\u202f", "")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
