"""Runs the fenced blocks of a document, top to bottom, as a reader would who follows it in an empty folder.

The first word behind the fence is the language, what follows says what to do with the block:

* ``python``: a program, run to its end. With ``file=NAME`` it is written to that file and compiled; commands use it.
* ``console``: the lines after ``$`` are run by bash, in one shell, which must not fail; the other lines must be in what
  they print (ids are all alike; a line may be cut short by ``…``). With ``background`` it is a server: it runs until
  the document ends or another takes its port. With ``setup`` the caller runs it;
  ``exit=28`` is the status it ends with.
* ``html``, ``javascript``, ``json``, ``nginx``: must be right by what reads that language.
* ``text``: is shown, not run.
* ``{…}``: a directive of Sphinx, which the build checks.

Blocks in a comment (``<!--``) are run like others. ``not-run="reason"`` leaves a block out. Ports are replaced by free
ones, and Redis's by that of the tests.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import ROOT, Process, clean_environment, eventually, free_port, is_open, program

FENCE = re.compile(r"^(`{3,})([^`\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\b\d{13}-\d+\b")


class Block(NamedTuple):
    """A fenced block: language, words and values of its info string, text."""

    language: str
    words: frozenset[str]
    values: dict[str, str]
    text: str


def blocks(document: str) -> list[Block]:
    """Every fenced block of a document."""
    found = []
    for _, info, text in FENCE.findall(document):
        if info.startswith("{"):
            found.append(Block("{}", frozenset(), {}, text))
            continue
        language, *rest = shlex.split(info) or [""]
        values = dict(word.split("=", 1) for word in rest if "=" in word)
        found.append(Block(language, frozenset(word for word in rest if "=" not in word), values, text))
    return found


class Reader:
    """Somebody who follows a document in an empty folder.

    Args:
        folder: the folder.
        redis: where the Redis of the tests is.
        env: more of the environment; ``PATH`` decides which Python it is.
        setup: runs the blocks that are marked so, given their commands.
    """

    def __init__(
        self,
        folder: Path,
        *,
        redis: str,
        env: dict[str, str] | None = None,
        setup: Callable[[Reader, str], None] | None = None,
    ) -> None:
        self.folder = folder
        self._ports = {"5000": str(free_port()), "5001": str(free_port())}
        self._ports["6379"] = redis.rsplit(":", 1)[1].split("/", maxsplit=1)[0]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = clean_environment(PATH=path, PYTHONPATH=str(ROOT), FLASK_RUN_PORT=self._ports["5000"], **(env or {}))
        self.env.pop("SECRET_KEY")
        self.url = f"http://127.0.0.1:{self._ports['5000']}"
        self._servers: dict[str, Process] = {}
        self._setup = setup

    def follow(self, document: str) -> None:
        """Do all that the document says."""
        for block in blocks(document):
            self.do(block)

    def do(self, block: Block) -> None:
        """Do what one block says."""
        if "not-run" not in block.values:
            getattr(self, f"do_{block.language.strip('{}') or 'nothing'}")(block)

    def do_nothing(self, block: Block) -> None:
        """A directive."""

    def do_text(self, block: Block) -> None:
        """Shown only."""

    def do_python(self, block: Block) -> None:
        """A program, or a file."""
        text = self._with_ports(block.text)
        if name := block.values.get("file"):
            (self.folder / name).write_text(text, "utf-8")
            compile(text, name, "exec")
            return
        file = self.folder / "_snippet.py"
        file.write_text(text, "utf-8")
        done = self._run([*self._python(), "-W", "error::DeprecationWarning", str(file)])
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"

    def do_console(self, block: Block) -> None:
        """Commands and what they print."""
        text = self._with_ports(block.text)
        commands = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
        if "setup" in block.words:
            assert self._setup is not None, "this document needs a set-up"
            self._setup(self, commands)
            return
        if "background" in block.words:
            self._serve(commands)
            return
        done = self._run(["bash", "-euc", commands])
        printed = done.stdout + done.stderr
        assert done.returncode == int(block.values.get("exit", 0)), f"{commands}\n{printed}"
        seen = ID.sub("ID", printed)
        for line in text.splitlines():
            for part in filter(None, [] if line.startswith("$ ") else ID.sub("ID", line).split("…")):
                assert part in seen, f"{commands}\nshould print {part!r}, and printed\n{printed}"

    def do_json(self, block: Block) -> None:
        """JSON."""
        json.loads(block.text)

    def do_javascript(self, block: Block) -> None:
        """A script that parses."""
        node = program("node")
        done = subprocess.run([node, "--check", "-"], input=block.text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def do_html(self, block: Block) -> None:
        """Markup whose scripts parse."""
        for script in Scripts.of(block.text):
            self.do_javascript(block._replace(text=script))

    def do_nginx(self, block: Block) -> None:
        """What stands inside of ``http``."""
        temporary = "".join(
            f"{name}_temp_path {name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file = self.folder / "nginx.conf"
        file.write_text(
            f"pid pid; error_log error.log; events {{}}\nhttp {{ access_log off; {temporary}\n{block.text}}}"
        )
        command = [program("nginx"), "-t", "-e", "stderr", "-p", str(self.folder), "-c", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr

    def _python(self) -> list[str]:
        return ["bash", "-c", 'exec python "$@"', "python"]

    def _with_ports(self, text: str) -> str:
        for written, used in self._ports.items():
            text = re.sub(rf"(?<=127\.0\.0\.1:){written}\b|(?<=--port ){written}\b", used, text)
        return text

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )

    def _serve(self, command: str) -> None:
        named = next((port for port in self._ports.values() if port in command), self._ports["5000"])
        port = self._ports["5000"] if named == self._ports["6379"] else named
        if port in self._servers:
            self._servers.pop(port).stop()
        # The last command of a shell does not replace it where settings stand before it: exec says so.
        settings = re.match(r"(?:\w+=\S+ )*", command)
        assert settings is not None
        line = f"{settings[0].replace(' ', '; export ', settings[0].count(' ') - 1)}" if settings[0] else ""
        line = f"export {line.strip()}; " if line else ""
        shell = ["bash", "-c", f"{line}exec {command[settings.end() :]}"]
        server = self._servers[port] = Process(shell, env=self.env, cwd=self.folder)
        eventually(
            lambda: is_open(int(port)) or server.popen.poll() is not None, within=30, what=f"{command} listening"
        )
        assert server.popen.poll() is None, server.output

    def close(self) -> None:
        """Stop what runs."""
        for server in self._servers.values():
            server.signal(signal.SIGTERM)
        for server in self._servers.values():
            server.stop()


class Scripts(HTMLParser):
    """Collects the scripts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and not dict(attrs).get("src")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)

    @classmethod
    def of(cls, page: str) -> list[str]:
        """Those of ``page``."""
        parser = cls()
        parser.feed(page)
        return parser.found
