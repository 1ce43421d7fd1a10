"""Directives that let the program describe itself: its settings and its commands. Nothing is written twice."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from typing import Any, cast

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from flask import Flask
from sphinx.util.nodes import nested_parse_with_titles

from realtime import Realtime, config
from realtime.config import Settings


def explanations() -> dict[str, str]:
    """The string under each field of ``Settings``."""
    classes = [one for one in ast.parse(inspect.getsource(config)).body if isinstance(one, ast.ClassDef)]
    (kind,) = [one for one in classes if one.name == "Settings"]
    found = {}
    for field, text in zip(kind.body, kind.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())  # type: ignore[union-attr]
    return found


def shown(value: object) -> str:
    """A default as a reader would write it."""
    return "none" if value in (frozenset(), (), "", None) else f"``{value}``"


class Described(Directive):
    """Writes reStructuredText and has it parsed in place."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        parent = nodes.section()
        parent.document = self.state.document
        nested_parse_with_titles(self.state, StringList(self.lines(), "described"), parent)
        return parent.children


class RealtimeSettings(Described):
    """Every key with its meaning, its default and what is allowed."""

    def lines(self) -> list[str]:
        said = explanations()
        lines = []
        for field in fields(Settings):
            allowed = " ".join(field.metadata["read"].__doc__.split()).replace("*", "\\*")
            lines += [f"``REALTIME_{field.name.upper()}``", f"    {said[field.name]}", ""]
            lines += [f"    *Default:* {shown(field.default)}. *Allowed:* {allowed}.", ""]
        return lines


class RealtimeCommands(Described):
    """Every command's own help."""

    def lines(self) -> list[str]:
        app = Flask("app")
        Realtime(app)
        group = cast(click.Group, app.cli.commands["realtime"])
        lines = []
        for name, command in sorted(group.commands.items()):
            context = click.Context(command, info_name=f"flask realtime {name}", max_content_width=96)
            lines += [f".. rubric:: {name}", "", ".. code-block:: text", ""]
            lines += [f"    {line}" for line in command.get_help(context).splitlines()]
            lines += [""]
        return lines


def setup(app: Any) -> dict[str, bool]:
    """Register both."""
    app.add_directive("realtime-settings", RealtimeSettings)
    app.add_directive("realtime-commands", RealtimeCommands)
    return {"parallel_read_safe": True}
