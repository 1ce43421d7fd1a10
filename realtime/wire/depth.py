"""How deep JSON is nested, told without parsing it: what is too deep is refused before any parser or encoder meets it.

Parsers and encoders recurse; a text of a few kilobytes exhausts the stack of each. This file does no I/O.
"""

from __future__ import annotations

import re
from typing import Final

MAX_DEPTH: Final = 100
"""Arrays and objects within each other. Python's own parsers give up at about ten times as many."""

# Possessive: nothing is ever tried twice, whatever the text. A string that never ends takes the rest.
_PART: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{]++)|([\]}]++)', re.DOTALL)


def is_too_deep(text: str, most: int = MAX_DEPTH) -> bool:
    """Whether arrays and objects are nested more than ``most`` deep. It need not be JSON."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    for part in _PART.finditer(text):
        opened, closed = part.span(1), part.span(2)
        depth += opened[1] - opened[0] - (closed[1] - closed[0])
        if depth > most:
            return True
    return False
