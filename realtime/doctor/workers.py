"""How many processes serve, as far as files and variables tell: gunicorn's configuration, its variables, the Procfile.

It reads and runs nothing: a configuration that computes its values is not guessed at.
"""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from .finding import Finding, error, ok, warning

_OURS: Final = "realtime.serve.worker.Worker"


class Said(NamedTuple):
    """What one place says."""

    where: str
    workers: int | None
    kind: str | None


def examine_workers(folder: Path, environ: Mapping[str, str], *, shared: bool) -> Iterator[Finding]:
    """Look at all of it.

    Args:
        folder: where the server is started.
        environ: the environment that it is started with.
        shared: the log is one that several processes can share.
    """
    said = [one for one in (*_variables(environ), *_procfile(folder, environ), *_config(folder)) if one is not None]
    several = [one for one in said if one.workers is not None and one.workers > 1]
    for one in several:
        if shared:
            yield warning(
                "workers",
                f"{one.where} asks for {one.workers} workers on one port: Socket.IO's long polling needs each client "
                "to come back to the same one",
                "one worker per port, several ports behind a proxy that keeps clients to their process (deploy/)",
            )
        else:
            yield error(
                "workers",
                f"{one.where} asks for {one.workers} workers, and each would have a memory:// log of its own: "
                "most messages would not arrive",
                "set REALTIME_BUS_URL=redis://… for all of them, or one worker",
            )
    for one in said:
        if one.kind in {"sync", "tornado", "eventlet"}:
            yield error(
                "workers",
                f"{one.where} asks for {one.kind} workers, which cannot serve open streams",
                f"--worker-class {_OURS}",
            )
        elif one.kind not in {None, _OURS}:
            yield warning(
                "workers",
                f"{one.where} asks for the worker class {one.kind}: a thread or greenlet per stream, no goodbye at "
                "shutdown",
                f"--worker-class {_OURS}",
            )
    if not several:
        yield ok("workers", "one per port" if said else "no gunicorn configuration here")


def _variables(environ: Mapping[str, str]) -> Iterator[Said | None]:
    yield _of_text("GUNICORN_CMD_ARGS", environ.get("GUNICORN_CMD_ARGS", ""), environ)
    if count := _count(environ.get("WEB_CONCURRENCY", ""), environ):
        yield Said("WEB_CONCURRENCY", count, None)


def _procfile(folder: Path, environ: Mapping[str, str]) -> Iterator[Said | None]:
    path = folder / "Procfile"
    if path.is_file():
        for line in path.read_text("utf-8", "replace").splitlines():
            if "gunicorn" in line and not line.lstrip().startswith("#"):
                yield _of_text("Procfile", line, environ)


def _config(folder: Path) -> Iterator[Said | None]:
    path = folder / "gunicorn.conf.py"
    if not path.is_file():
        return
    try:
        body = ast.parse(path.read_text("utf-8")).body
    except (SyntaxError, ValueError):
        return
    values: dict[str, object] = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            values.update({one.id: node.value.value for one in node.targets if isinstance(one, ast.Name)})
    workers, kind = values.get("workers"), values.get("worker_class")
    yield Said(
        "gunicorn.conf.py", workers if isinstance(workers, int) else None, kind if isinstance(kind, str) else None
    )


def _of_text(where: str, text: str, environ: Mapping[str, str]) -> Said | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-w", "--workers")
    parser.add_argument("-k", "--worker-class")
    try:
        said, _ = parser.parse_known_args(shlex.split(text))
    except (ValueError, argparse.ArgumentError):
        return None
    if said.workers is None and said.worker_class is None:
        return None
    return Said(where, None if said.workers is None else _count(said.workers, environ), said.worker_class)


def _count(text: str, environ: Mapping[str, str]) -> int | None:
    """A number, or a shell's ``$NAME`` and ``${NAME:-number}``."""
    if match := re.fullmatch(r"\$\{?(\w+)(?::?-(\d+))?\}?", text):
        text = environ.get(match[1]) or match[2] or ""
    return int(text) if text.isdecimal() else None
