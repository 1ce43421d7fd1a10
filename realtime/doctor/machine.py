"""What the machine offers: Python, the libraries, the browser's files, how many files a process may have open.

It looks and changes nothing.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from ..web.assets import CLIENT, STATIC, STOCK_CLIENT
from .finding import Finding, error, ok, warning

_OLDEST_PYTHON: Final = (3, 11)
_ENOUGH_FILES: Final = 4096
_ROOT: Final = Path(__file__).resolve().parents[2]


def examine_machine() -> Iterator[Finding]:
    """Look at all of it."""
    yield from check_python(sys.version_info[:3])
    yield from check_libraries(requirements())
    yield from check_browser_files(STATIC)
    yield from check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def requirements() -> list[str]:
    """What the package needs: as it was installed, or as the project says it."""
    listed = _ROOT / "requirements.txt"
    if listed.is_file():
        return [line for line in listed.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    try:
        return metadata.requires("realtime") or []
    except metadata.PackageNotFoundError:
        return []


def check_python(version: tuple[int, ...]) -> Iterator[Finding]:
    """Python itself."""
    shown = ".".join(map(str, version))
    if version[:2] < _OLDEST_PYTHON:
        yield error("python", f"Python {shown} is too old", "use Python 3.11 or newer")
    else:
        yield ok("python", shown)


def check_libraries(needed: Iterable[str]) -> Iterator[Finding]:
    """Each required library: installed, and not too old."""
    wrong, right = [], []
    for line in needed:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            wrong.append((one.name, "not installed", line))
            continue
        if one.specifier.contains(version, prereleases=True):
            right.append(f"{one.name} {version}")
        else:
            wrong.append((one.name, f"{version}, needed is {one.specifier}", line))
    for name, what, line in wrong:
        yield error("libraries", f"{name}: {what}", f"pip install '{line}'")
    if not wrong:
        yield ok("libraries", ", ".join(right))


def check_browser_files(folder: Path) -> Iterator[Finding]:
    """The browser client, and the stock Socket.IO client that its WebSocket needs."""
    missing = [f"{part}.js" for part in CLIENT if not (folder / "js" / f"{part}.js").is_file()]
    if missing:
        yield error(
            "browser files",
            f"missing in {folder / 'js'}: {', '.join(missing)}",
            "install the package again from a complete checkout",
        )
    elif not (folder / STOCK_CLIENT).is_file():
        yield warning(
            "browser files",
            f"{folder / STOCK_CLIENT} is missing: pages use event streams only, no WebSocket",
            "in the checkout run `make static/js/vendor/.stamp`, then install the package again",
        )
    else:
        yield ok("browser files", f"complete in {folder}")


def check_open_files(limit: int) -> Iterator[Finding]:
    """How many connections a process may have at once."""
    if 0 <= limit < _ENOUGH_FILES:
        yield warning(
            "open files",
            f"a process may have {limit} files open, which is about as many clients",
            "raise it where the server is started: `ulimit -n 65536`, LimitNOFILE=65536 for systemd",
        )
    else:
        yield ok("open files", "unlimited" if limit < 0 else str(limit))
