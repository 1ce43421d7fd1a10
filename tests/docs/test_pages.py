"""What the documentation says is so: the programs and commands of each page are run, what it names exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from realtime import errors
from realtime.config import Settings
from tests.support.processes import ROOT

from .snippets import Reader, blocks

DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in path.parts)
LANGUAGES = {"python", "console", "html", "javascript", "json", "nginx", "text", "{}"}
MOST_NOT_RUN = 1


def text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if page != "tutorial.md"])
def test_who_does_what_a_page_says_gets_what_it_promises(page: str, reader: Reader) -> None:
    reader.follow(text(page))


def test_every_block_says_what_it_is_and_few_are_not_run() -> None:
    found = {page: blocks(text(page)) for page in PAGES}
    assert {block.language for page in found.values() for block in page} <= LANGUAGES
    assert sum("not-run" in block.values for page in found.values() for block in page) <= MOST_NOT_RUN
    # No fence is left open, or indented so that the reader of this test does not see it.
    for page in PAGES:
        assert len(re.findall(r"^\s*```", text(page), re.MULTILINE)) == 2 * len(found[page]), page


def test_every_page_is_in_the_contents() -> None:
    listed = re.findall(r"^([a-z/-]+)$", "\n".join(block.text for block in blocks(text("index.md"))), re.MULTILINE)
    assert sorted(f"{one}.md" for one in listed) == [page for page in PAGES if page != "index.md"]


@pytest.mark.parametrize("page", PAGES)
def test_settings_and_metrics_that_a_page_names_exist(page: str) -> None:
    keys = {f"REALTIME_{one.name.upper()}" for one in fields(Settings)}
    assert set(re.findall(r"REALTIME_[A-Z_]+[A-Z]", text(page))) <= keys
    health = (ROOT / "realtime" / "web" / "health.py").read_text("utf-8")
    for name in re.findall(r"\brealtime_([a-z]+(?:_[a-z]+)*?)(?:_total)?\b", text(page)):
        # Functions of templates, a name in a proxy's configuration, and tables are none.
        if name not in {"scripts", "cursor", "sticky", "changes"}:
            assert f'"{name}"' in health or f'"realtime_{name}"' in health, name


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_project_that_a_page_names_exist(page: str) -> None:
    for name in re.findall(r"`((?:deploy|examples|tests)/[^`\s]*)`", text(page)):
        assert (ROOT / name.partition("::")[0]).exists(), name
    assert not re.search(r"(?<![\w.])/(work|root|home)/", text(page))


def test_the_table_of_errors_is_that_of_the_classes() -> None:
    page = text("reference/errors.md")
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RealtimeError) and kind.code not in UNSEEN:
            assert f"| {kind.status} | `{kind.code}` |" in page, kind


UNSEEN = {"config", "closed"}
"""Codes that no client is answered with: the one stops a start, the other only a connection that is over."""


def test_the_drawing_names_no_color_so_that_it_can_be_read_on_dark_and_light() -> None:
    drawing = Path(DOCS / "_static" / "architecture.svg").read_text("utf-8")
    assert "#" not in drawing.replace("url(#", "") and "currentColor" in drawing
